"""Whether ``start`` uses a pack's labels: a new run where its recipe can, an old one as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike import api
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.run import Run
from lookalike.stages.start import uses_labels


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3)).astype(np.uint8)
    rows = [{"attributes": {"hair": "xyz"[i % 3]}} for i in range(24)]
    return write_pack(tmp_path / "pack", pixels, rows=rows)


def test_a_new_run_uses_attributes_where_its_recipe_exchanges_them(
    pack: Pack, tmp_path: Path
) -> None:
    fresh = Run(tmp_path / "run")
    assert uses_labels(pack, fresh, "swift") is True
    assert uses_labels(pack, fresh, "dcgan") is None
    assert uses_labels(pack, fresh, "own.json") is None


def test_a_pack_of_classes_alone_or_of_nothing_is_left_to_train(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3)).astype(np.uint8)
    fresh = Run(tmp_path / "run")
    plain = write_pack(tmp_path / "plain", pixels)
    classes = write_pack(
        tmp_path / "classes", pixels, rows=[{"class": "ab"[i % 2]} for i in range(24)]
    )
    assert uses_labels(plain, fresh, "swift") is None
    assert uses_labels(classes, fresh, "swift") is None


def test_a_run_that_was_begun_goes_on_as_it_was(pack: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    changes = {"images": 16, "width": 2, "batch": 8}
    api.train(pack.path, folder, recipe="tiny", changes=changes, threads=1)
    assert uses_labels(pack, Run(folder), "swift") is False
