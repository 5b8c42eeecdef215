"""(d) New weights that swift begins with, at two sides: bench warm's training, for minutes.

The pictures lie on the device whole, so that nothing is fed while it trains. The budget in images
is measured; where the time ends before it, the weights are those of that moment, and it is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import warm
from benchmarks.common import table
from benchmarks.gpu import pictures
from benchmarks.gpu.bench import Bench, Deadline, OutOfTimeError
from lookalike import images, place, recipe
from lookalike.data.pack.feed import Feed
from lookalike.data.pack.pack import Pack
from lookalike.engine import budget
from lookalike.engine.batches import BatchSource, SourceBatch
from lookalike.engine.checks import check_weights
from lookalike.engine.state import training_state
from lookalike.engine.trainer import Trainer
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.stages.train import decided

MOST = 4e6
"""Bytes that a file of weights may have, since it travels in the package."""
SAVING = 4.0
"""Seconds kept for the scale of the weights, the file and the sheet."""


@dataclass(frozen=True)
class Schooling:
    """Pictures a step, the half-life of the average of the weights, and images at the most."""

    batch: int
    half_life: float
    most: float = float("inf")


FULL = Schooling(64, 20_000)
TINY = Schooling(8, 100, 48)


class Resident(BatchSource):
    """Every training picture on the device as bytes, in the order of the seed."""

    def __init__(self, pack: Pack, seed: int, device: str) -> None:
        self.feed = Feed(pack.train, seed)
        self.shown = np.random.default_rng(seed).permutation(len(pack.train))
        parts = [
            torch.from_numpy(pack.train.images(np.arange(first, min(first + 1000, len(self)))))
            for first in range(0, len(self), 1000)
        ]
        self.pictures = torch.cat(parts).permute(0, 3, 1, 2).contiguous().to(device)

    def take(self, at: int, count: int) -> SourceBatch:
        """Pictures at these positions of the endless order."""
        return self._rows(self.feed.indices(at, count))

    def some(self, count: int, first: int = 0) -> SourceBatch:
        """A fixed choice of pictures."""
        return self._rows(self.shown[first : first + count])

    def __len__(self) -> int:
        return len(self.shown)

    def _rows(self, rows: np.ndarray) -> SourceBatch:
        chosen = torch.from_numpy(rows).to(self.pictures.device)
        return SourceBatch(self.pictures[chosen].float() / 127.5 - 1)


def pupil(pack: Pack, schooling: Schooling) -> Recipe:
    """Swift with random first weights, as bench warm trains it, but for a larger batch."""
    frame = {"size": pack.size, "channels": pack.channels, "labels": 0, "classes": 0}
    settings = {"warm": "none", "begin": 0.2, "adversarial": 0.5}
    made = recipe.make(recipe.find("swift"), settings, frame)
    values = {**made.values, "ema": Constant(schooling.half_life)}
    return replace(made, batch=schooling.batch, fits=(), values=values)


def train(bench: Bench, pack: Pack, deadline: Deadline) -> Trainer:
    """Train until the deadline, on a schedule that is planned to end with it.

    Raises:
        OutOfTimeError: not one step fits.
    """
    schooling = TINY if bench.tiny else FULL
    made = pupil(pack, schooling)
    source = Resident(pack, made.seed, bench.device)
    chosen = decided(made, source, place.choose(bench.device))
    brief = 1.0 if bench.tiny else 0.05 * deadline.left()
    speed = budget.measure(made, source, chosen, seconds=brief)
    able = min(speed.mean * 0.95 * deadline.left(), schooling.most)
    planned = int(able) // made.batch * made.batch
    if planned < made.batch:
        raise OutOfTimeError("measuring the speed took all of the time")
    trainer = Trainer(replace(made, images=planned), source, chosen)
    bench.results.say(f"weights: {pack.size} px, {speed.mean:.0f} images/s, {planned:,} images")
    said = deadline.left()
    while trainer.clock.images < trainer.recipe.images and deadline.left() > 0:
        tally = trainer.step()
        if said - deadline.left() > 10:
            said = deadline.left()
            terms = " ".join(f"{name} {value:.3f}" for name, value in tally.terms.items())
            bench.results.say(f"weights: {trainer.clock.images:,} images, {terms}")
    check_weights(trainer.networks, trainer.clock)
    return trainer


@torch.no_grad()
def rebuilt(trainer: Trainer, pack: Pack, count: int = 32) -> tuple[Tensor, Tensor]:
    """Held-out pictures, and what the averaged E and G make of them, on the CPU."""
    rows = np.arange(min(count, len(pack.holdout)))
    real = images.to_network(pack.holdout.images(rows))
    device = trainer.place.device
    mean, _ = trainer.shown("E")(real.to(device), None)
    return real, trainer.shown("G")(mean, None).float().cpu()


def sheet(path: Path, real: Tensor, fake: Tensor) -> None:
    """Held-out pictures, each beside its rebuilt one, eight a row."""
    both = torch.stack([real, fake], 1).flatten(0, 1)
    images.write_png(path, images.grid(images.to_pixels(both), 8))


def school(bench: Bench, side: int, deadline: Deadline) -> list[str]:
    """Train at one side and write its file; the row of the table."""
    pack = pictures.pack(bench, f"drawings-{side}")
    trainer = train(bench, pack, deadline)
    shown, budgeted = trainer.clock.images, trainer.recipe.images
    real, fake = rebuilt(trainer, pack)
    error = float((real - fake).abs().mean())
    folder = bench.results.folder or bench.pictures
    path = folder / f"drawings-{side}.safetensors"
    warm.write(training_state(trainer), trainer.recipe, path)
    sheet(folder / f"rebuilt-{side}.png", real, fake)
    size = path.stat().st_size
    if size > MOST:
        bench.results.fail("weights", path.name, f"{size / 1e6:.1f} MB are more than 4")
    facts = {"images": shown, "budget": budgeted, "rebuilt": error, "bytes": size}
    bench.results.row("weights", side=side, pictures=len(pack.train), **facts)
    done, big = f"{shown / budgeted:.0%}", f"{size / 1e6:.1f}"
    bench.results.say(f"weights: {path.name}, {big} MB, {shown:,} images, {done} of the plan")
    return [str(side), f"{len(pack.train):,}", f"{shown:,}", done, f"{error:.3f}", big]


def run(bench: Bench) -> list[str]:
    """Each side in an equal share of the time that is left; the table of the files."""
    rows = []
    sides = pictures.amounts(bench.tiny).sides
    for index, side in enumerate(sides):
        seconds = bench.deadline.left() / (len(sides) - index) - SAVING * (not bench.tiny)
        if seconds < 1:
            bench.results.skip("weights", f"{side} px", "no time left")
            continue
        begun = Deadline(bench.deadline.at - bench.deadline.left() + seconds)
        try:
            rows.append(school(bench, side, begun))
        except OutOfTimeError as late:
            bench.results.skip("weights", f"{side} px", str(late))
    header = ("px", "pictures", "images shown", "of the plan", "error on held-out", "MB")
    return [f"Weights trained on {bench.device}.", table(rows, header)]
