"""A pack of soft colored blobs, a tiny trainer on it, and a clock that only moves when told."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edited_run import train_and_edit
from javascript import browser

from lookalike import place, recipe
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.engine.batches import SplitBatches
from lookalike.engine.trainer import Trainer
from lookalike.images import Pixels
from lookalike.metrics.features.features import Features, Vectors
from lookalike.metrics.features.features import Pixels as PixelFeatures
from lookalike.progress import Tell, silent
from lookalike.run import Run

SIZE = 8

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Shells let what they begin in the background ignore Ctrl-C, and so would what tests begin."""


Blobs = Callable[..., Pixels]


def _blobs(count: int, seed: int = 0, size: int = SIZE) -> Pixels:
    """Random colors in the four quarters: all different, smooth, easy to compare."""
    corners = np.random.default_rng(seed).integers(0, 256, (count, 2, 2, 3))
    return corners.repeat(size // 2, 1).repeat(size // 2, 2).astype(np.uint8)


@dataclass
class FakeClock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Costly(Features):
    """Pixels, at so many seconds a picture of the fake clock."""

    clock: FakeClock
    each: float = 0.001
    tag: str = "costly"

    name = "costly"
    version = "1"
    dim = 48
    families = ()

    @property
    def hash(self) -> str:
        return self.tag

    def __call__(self, pictures: Pixels, tell: Tell = silent) -> Vectors:
        self.clock.now += self.each * len(pictures)
        return PixelFeatures(side=4)(pictures)


@pytest.fixture
def blobs() -> Blobs:
    """``blobs(count, seed=0, size=8)`` -> uint8 ``[count, size, size, 3]``."""
    return _blobs


@pytest.fixture
def clock() -> FakeClock:
    """A clock with a field ``now``."""
    return FakeClock()


@pytest.fixture
def costly(clock: FakeClock) -> Callable[..., Features]:
    """``costly(each=0.001, tag="costly")``: features that cost seconds of that clock."""
    return lambda **settings: Costly(clock, **settings)


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return write_pack(tmp_path / "pack", _blobs(300), holdout=0.4)


@pytest.fixture
def trainer(pack: Pack) -> Trainer:
    made = recipe.make(
        recipe.find("tiny"), {"width": 4}, {"size": SIZE, "channels": 3, "labels": 0}
    )
    made = replace(made, images=1600)
    return Trainer(made, SplitBatches(pack.train, made.seed), place.choose("cpu", "fp32"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    run.samples.mkdir(parents=True)
    run.checkpoints.mkdir()
    return run


@pytest.fixture(scope="session")
def edited_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack, a run that was edited with once, and a photo; copy it before you change it."""
    home = tmp_path_factory.mktemp("edited")
    train_and_edit(home)
    return home


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser without a network; one for all tests, as Playwright wants it."""
    with browser() as opened:
        yield opened
