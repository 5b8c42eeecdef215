"""(b) Images a second by recipe, side, precision and batch, beside a plain loop of the same game.

Every cell trains on pictures of a pack, as a run does, and tells the share of the time in which the
step waited for them. A compiled cell also tells after how many minutes compiling has paid.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import train as plain_loops
from benchmarks.common import table
from benchmarks.gpu.bench import Bench, OutOfTimeError, at_most, reason, wait_for
from lookalike import place, recipe
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.engine import precision
from lookalike.engine.batches import BatchSource, SourceBatch, SplitBatches
from lookalike.engine.trainer import Trainer
from lookalike.parts.training.schedules import Clock
from lookalike.recipe import Recipe

GAIN = 1.1
"""A larger batch must be faster by this factor for a still larger one to be tried."""
GOAL = 0.7
"""The share of the best batch's speed that default settings should reach."""
BYTES = 64 << 20
"""Bytes of the pictures of a pack, at the most."""


@dataclass(frozen=True)
class Mode:
    """How the program is asked to compute; ``needs`` are seconds that a cell may take."""

    precision: str = "auto"
    compiled: bool = False
    plain: bool = False
    needs: float = 4.0


MODES = {
    "default": Mode(),
    "plain": Mode(plain=True),
    "fp32": Mode("fp32"),
    "bf16": Mode("bf16"),
    "compiled": Mode("bf16", compiled=True, needs=40.0),
}


@dataclass(frozen=True)
class Cell:
    """One measurement; a batch of 0 is the recipe's own."""

    recipe: str
    size: int
    mode: str
    batch: int = 0


@dataclass(frozen=True)
class Extent:
    """What is measured: recipes at sides, multiples of the batch, and seconds of each cell."""

    recipes: tuple[str, ...]
    sizes: tuple[int, ...]
    multiples: tuple[int, ...]
    seconds: float
    backend: str
    patience: float = 1.0
    """Cells may take this share of what their modes say they need."""


FULL = Extent(
    ("swift", "dcgan", "stylegan2", "projected"), (64, 128, 256), (4, 16, 64), 0.5, "inductor"
)
TINY = Extent(("dcgan",), (16,), (2,), 0.1, "eager", 0.25)


class Waited(BatchSource):
    """Another source's pictures, brought to the device here, and the seconds that this took."""

    def __init__(self, inner: BatchSource, device: str) -> None:
        self.inner, self.device, self.seconds = inner, device, 0.0

    def take(self, at: int, count: int) -> SourceBatch:
        """The inner source's pictures, on the device."""
        begun = time.perf_counter()
        taken = self.inner.take(at, count)
        moved = replace(taken, images=taken.images.to(self.device, non_blocking=True))
        self.seconds += time.perf_counter() - begun
        return moved

    def some(self, count: int, first: int = 0) -> SourceBatch:
        """The inner source's fixed choice."""
        return self.inner.some(count, first)

    def __len__(self) -> int:
        return len(self.inner)


def pack(folder: Path, size: int) -> Pack:
    """Random pictures of this side; opened where they are already."""
    path = folder / f"random-{size}"
    if Pack.is_pack(path):
        return Pack.open(path)
    count = max(64, min(4096, BYTES // (3 * size**2)))
    shape = (count, size, size, 3)
    return write_pack(path, np.random.default_rng(0).integers(0, 256, shape, np.uint8), holdout=0.1)


def program(made: Recipe, source: BatchSource, mode: Mode, bench: Bench) -> Callable[[], Any]:
    """A step of the program in this mode, in the middle of the budget."""
    here = place.choose(bench.device, mode.precision)
    trainer = Trainer(made, source, here)
    trainer.place = here.decided(precision.decide(trainer, seconds=0.6))
    trainer.clock = Clock(made.images // 2, 0, made.images)
    if mode.compiled:
        for network in trainer.networks.values():
            network.compile(backend=(TINY if bench.tiny else FULL).backend)
    return trainer.step


def measured(cell: Cell, extent: Extent, bench: Bench) -> dict[str, Any]:
    """Images a second, the first step's seconds, the share of waiting and the memory of a cell."""
    mode = MODES[cell.mode]
    made = recipe.make(recipe.find(cell.recipe), {}, {"size": cell.size, "channels": 3})
    made = replace(made, batch=cell.batch or made.batch)
    pictures = pack(bench.pictures, cell.size).train
    source = Waited(SplitBatches(pictures, made.seed), bench.device)
    on_card = bench.device.startswith("cuda")
    if on_card:
        torch.cuda.reset_peak_memory_stats()
    step = (
        plain_loops.other(cell.recipe, made, source, bench.device)
        if mode.plain
        else program(made, source, mode, bench)
    )
    begun = time.perf_counter()
    step()
    wait_for(bench.device)
    first = time.perf_counter() - begun
    step(), step()
    wait_for(bench.device)
    source.seconds, steps, begun = 0.0, 0, time.perf_counter()
    while steps < 3 or time.perf_counter() - begun < extent.seconds:
        step()
        steps += 1
    wait_for(bench.device)
    spent = time.perf_counter() - begun
    return {
        "batch": made.batch,
        "rate": round(steps * made.batch / spent, 1),
        "first_step": round(first, 2),
        "feeding": round(source.seconds / spent, 3),
        "memory": round(torch.cuda.max_memory_allocated() / 2**20) if on_card else None,
    }


class Cells:
    """Measures cells while there is time, and keeps what came out of each."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.extent = bench, TINY if bench.tiny else FULL
        self.found: dict[Cell, dict[str, Any]] = {}

    def measure(self, cell: Cell) -> float | None:
        """The rate of a cell, or None where it was left out or broke, which is said."""
        name = f"{cell.recipe} {cell.size} px {cell.mode}"
        name += f" batch {cell.batch}" if cell.batch else ""
        bench, needs = self.bench, MODES[cell.mode].needs * self.extent.patience
        if bench.deadline.left() < needs:
            bench.results.skip("speed", name, f"less than {needs:.0f} s left")
            return None
        try:
            with at_most(bench.deadline.left() + 5):
                facts = measured(cell, self.extent, bench)
        except torch.OutOfMemoryError:
            bench.results.skip("speed", name, "the memory of the card is too small")
            return None
        except OutOfTimeError as late:
            bench.results.skip("speed", name, str(late))
            return None
        except Exception as problem:  # a compiler may raise anything, and the next cell goes on
            bench.results.row("speed", **vars(cell) | {"error": reason(problem)})
            bench.results.say(f"speed: {name} broke: {reason(problem)}")
            return None
        finally:
            gc.collect()
            if bench.device.startswith("cuda"):
                torch.cuda.empty_cache()
        self.found[cell] = facts
        bench.results.row("speed", **vars(cell) | facts)
        memory = f", {facts['memory']} MB" if facts["memory"] else ""
        bench.results.say(
            f"speed: {name}: {facts['rate']:.0f} images/s, feeding {facts['feeding']:.0%}{memory}"
        )
        return float(facts["rate"])

    def grow(self, name: str, size: int) -> None:
        """Larger and larger batches, as long as they are faster."""
        own = self.found.get(Cell(name, size, "default"))
        best = own["rate"] if own else None
        for multiple in self.extent.multiples if own and best else ():
            rate = self.measure(Cell(name, size, "default", own["batch"] * multiple))
            if rate is None or rate < GAIN * best:
                return
            best = rate


def ordered(extent: Extent) -> Iterator[Cell]:
    """The cells without those of larger batches, what is worth most first."""
    eager = ("default", "plain", "fp32", "bf16")
    for size in extent.sizes:
        for name in extent.recipes:
            yield from (Cell(name, size, mode) for mode in eager)
        if size == extent.sizes[-2:][0]:  # before the largest side, which takes longest
            yield Cell(extent.recipes[0], extent.sizes[0], "compiled")
    for name in extent.recipes:
        yield from (Cell(name, size, "compiled") for size in extent.sizes)


def run(bench: Bench) -> list[str]:
    """Every cell for which there is time; the tables of what was measured."""
    cells = Cells(bench)
    extent = cells.extent
    grown = False
    for cell in ordered(extent):
        if cell.size != extent.sizes[0] and not grown:
            grown = True
            for name in extent.recipes:
                cells.grow(name, extent.sizes[0])
        if cell not in cells.found:
            cells.measure(cell)
    if not grown:
        cells.grow(extent.recipes[0], extent.sizes[0])
    shares = [share for name in extent.recipes if (share := _share(cells, name))]
    for share in shares:
        bench.results.row("speed", **share)
    return [f"Images a second on {bench.device}.", _rates(cells), *map(_sentence, shares)]


def _share(cells: Cells, name: str) -> dict[str, Any] | None:
    """Default settings against the best batch at the first side, where both were measured."""
    size = cells.extent.sizes[0]
    rates = {
        facts["batch"]: facts["rate"]
        for cell, facts in cells.found.items()
        if (cell.recipe, cell.size, cell.mode) == (name, size, "default")
    }
    own = cells.found.get(Cell(name, size, "default"))
    if own is None or len(rates) < 2:
        return None
    best = max(rates, key=lambda batch: rates[batch])
    facts = {"default": own["rate"], "best_batch": best, "best": rates[best]}
    return {"recipe": name, "size": size, **facts, "share": round(own["rate"] / rates[best], 3)}


def _sentence(share: dict[str, Any]) -> str:
    goal = "reached" if share["share"] >= GOAL else "not reached"
    return (
        f"{share['recipe']}, {share['size']} px: default settings make {share['share']:.0%} of the "
        f"speed of batch {share['best_batch']} (goal {GOAL:.0%}: {goal})."
    )


def paid(cells: Cells, cell: Cell) -> str:
    """After how many minutes a compiled cell has caught up with the same one in bf16."""
    mine, eager = cells.found[cell], cells.found.get(replace(cell, mode="bf16"))
    if cell.mode != "compiled" or eager is None:
        return "-"
    gain = 1 - eager["rate"] / mine["rate"]
    if gain <= 0:
        return "never"
    return f"{(mine['first_step'] - eager['first_step']) / gain / 60:.1f} min"


def _rates(cells: Cells) -> str:
    rows = []
    for cell, facts in cells.found.items():
        plain = cells.found.get(Cell(cell.recipe, cell.size, "plain"))
        ratio = f"{facts['rate'] / plain['rate']:.2f}" if plain and not cell.batch else "-"
        rows.append(
            [
                cell.recipe,
                str(cell.size),
                cell.mode,
                str(facts["batch"]),
                f"{facts['rate']:.0f}",
                ratio,
                f"{facts['feeding']:.0%}",
                str(facts["memory"] or "-"),
                paid(cells, cell),
            ]
        )
    header = ("recipe", "px", "mode", "batch", "images/s", "of plain", "feeding", "MB", "paid")
    return table(rows, header)
