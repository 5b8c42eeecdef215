"""(c) One minute of swift at 64 px, as a person would train it: its distance beside the floor."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import table
from benchmarks.gpu import pictures
from benchmarks.gpu.bench import Bench
from benchmarks.quality import score
from lookalike import api, images
from lookalike.data.pack.pack import Pack
from lookalike.engine.load import open_sampler
from lookalike.metrics.features.features import Features, Lite, Pixels
from lookalike.progress import Listener, silent
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.training import TrainSettings
from lookalike.stages.evaluate import RealSet


@dataclass(frozen=True)
class Minute:
    """Seconds of training, and how many pictures of each kind are judged."""

    seconds: float
    samples: int
    training: int


FULL = Minute(60.0, 2000, 3000)
TINY = Minute(3.0, 32, 48)


def judges(tiny: bool) -> dict[str, Features]:
    """Networks that swift does not train with; plain pixels where they are not installed."""
    able: dict[str, Features] = {
        f"lite{number}": Lite(number) for number in (1, 2) if Lite.installed(number)
    }
    return able if able and not tiny else {"pixels": Pixels()}


def run(bench: Bench) -> list[str]:
    """Train, draw, judge; the table of the scores."""
    pack = pictures.pack(bench, "faces")
    wanted = TINY if bench.tiny else FULL
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        trained = api.train(
            pack.path,
            Path(folder) / "run",
            TrainSettings(recipe="swift", time=wanted.seconds, device=Device(device=bench.device)),
            listener=Listener(say=bench.results.say),
        )
        seconds = time.monotonic() - begun
        place = Device(device=bench.device).place()
        sampler, _, _ = open_sampler(Run.open(Path(folder) / "run"), place)
        samples = sampler.pictures(1000, 0, wanted.samples)
    facts = {"seconds": round(seconds, 1), "asked": wanted.seconds, "images": trained.images}
    bench.results.row("quality", **facts, images_per_second=trained.images_per_second)
    bench.results.say(f"quality: {trained.images:,} images in {seconds:.0f} s; judging")
    if bench.results.folder is not None:
        sheet = images.grid(images.enlarge(samples[:64], 64), 8)
        images.write_png(bench.results.folder / "minute.png", sheet)
    scores = scored(samples, pack, wanted, judges(bench.tiny))
    bench.results.row("quality", **scores)
    head = (
        f"swift, {pack.size} px, on {bench.device}: {trained.images:,} images in {seconds:.0f} s "
        f"for the {wanted.seconds:.0f} s asked for."
    )
    return [head, _table(scores)]


def scored(
    samples: Any, pack: Pack, wanted: Minute, networks: dict[str, Features]
) -> dict[str, Any]:
    """The numbers of bench quality, by these judges."""
    train, held = np.arange(len(pack.train))[: wanted.training], np.arange(len(pack.holdout))
    rows = pack.train.pack_rows(train), pack.holdout.pack_rows(held)
    real = RealSet(pack.train.images(train), pack.holdout.images(held), pack, rows)
    seen = {name: real.seen(features, silent) for name, features in networks.items()}
    return score(samples, pack, seen, networks)


def _table(scores: dict[str, Any]) -> str:
    rows = [
        [
            judge,
            f"{by['kid']:.4f} ({by['low']:.4f} to {by['high']:.4f})",
            f"{by['floor']:.4f}",
            f"{by['coverage']:.2f} of {by['coverage_floor']:.2f}",
            f"{by['near_duplicates']:.3f} ({by['near_duplicates_floor']:.3f})",
            f"{by['copy_excess']:.2f}",
        ]
        for judge, by in scores.items()
    ]
    header = ("judge", "KID (95 %)", "floor", "coverage", "near-duplicates (floor)", "copy excess")
    return table(rows, header)
