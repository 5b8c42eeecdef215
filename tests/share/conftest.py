"""A small swift run with labels, finished, so that its flow is learned."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.data.pack.writer import write_pack
from lookalike.errors import MissingExtraError
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.training import TrainSettings
from lookalike.stages.train import plan, train

SMALL = {
    "images": "96",
    "batch": "8",
    "warm": "none",
    "latent": "8",
    "width": "4",
    "widest": "8",
    "prior.dims": "8",
    "prior.breadth": "16",
    "prior.blocks": "1",
    "prior.fewest": "16",
}


@pytest.fixture(scope="session")
def swift_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ninety blots of 32 px in two classes, one of which is called like a script."""
    home = tmp_path_factory.mktemp("share")
    corners = np.random.default_rng(0).integers(0, 256, (90, 4, 4, 3), np.uint8)
    pixels = corners.repeat(8, 1).repeat(8, 2)
    names = ("round", "<script>alert(1)</script>")
    rows = [{"source": str(i), "class": names[i % 2]} for i in range(90)]
    pack = write_pack(home / "pack", pixels, rows=rows, holdout=0.2)
    run, place = Run(home / "run"), Device(device="cpu", precision="fp32", threads=1).place()
    asked = TrainSettings(recipe="swift", changes=SMALL)
    try:
        train(pack, run, plan(pack, run, asked, place), place)
    except MissingExtraError as missing:
        pytest.skip(str(missing))
    return run
