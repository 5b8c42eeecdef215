"""How much memory a training needs at its worst moment: a dry step before the first real one.

A throwaway trainer plays every phase with optimizers that have their moments, looks as watchers do,
and copies the states that are kept. The most that the process held meanwhile is what is needed;
everything is freed before the training begins, and since every random draw has an address, nothing
of it changes a bit.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch.nn.functional import avg_pool2d

from lookalike.engine.batches import BatchSource, SourceBatch
from lookalike.engine.budget import GRID, LONG
from lookalike.engine.state import copied, training_state
from lookalike.engine.trainer import Trainer
from lookalike.errors import NotFiniteError, TrainingError
from lookalike.parts.training.schedules import Clock
from lookalike.parts.training.triggers import Moment
from lookalike.place import Place, give_memory_back
from lookalike.recipe import Recipe
from lookalike.settings.memory import memory_words

try:
    import resource
except ImportError:  # Windows: nobody tells what a process has held
    resource = None  # type: ignore[assignment]

LEAST = 4
"""Pictures at a time at the least: batch statistics of fewer would hardly be any."""
LATER = 192 << 20
"""What comes only after the dry step: the last fit of a prior, comparisons of many samples, the
page of the report. Of a training of 2,400 images it was 159 MB (docs/performance.md).
"""
TWICE = 2
"""Steps of each kind: in the first ones optimizers have no moments yet."""


@dataclass(frozen=True)
class DryStep:
    """The worst moment of a training on this source at this place.

    ``look`` does once what watchers do again and again while it trains.
    """

    source: BatchSource
    place: Place
    look: Callable[[Trainer], None] | None = None

    def need(self, recipe: Recipe, pictures: int = 0) -> int | None:
        """The most bytes held, with so many pictures at a time (0: as the recipe has it).

        Of a process that is what it holds itself, its code among it; pages of packs are none of
        it, which the system takes back when it wants. Of a CUDA device it is what was reserved
        there. None where the system does not tell.
        """
        size = pictures or recipe.batch // recipe.micro_batches
        part = replace(recipe, batch=size, micro_batches=1, images=LONG, fits=())
        # Numbers that are none are no matter here: the training says so, and what to do.
        with held_meanwhile(self.place.device) as held, suppress(NotFiniteError):
            self._play(Trainer(part, self.source, self.place))
        return None if held.most is None else held.most + LATER

    def _play(self, trainer: Trainer) -> None:
        for clock in TWICE * list(_kinds(trainer)):
            trainer.clock = clock
            trainer.step()
        if self.look is not None:
            self.look(trainer)
        good = copied(training_state(trainer))
        copied(good)  # a checkpoint in the moment in which it is written


def _kinds(trainer: Trainer) -> Iterator[Clock]:
    """A moment of the budget for each choice of phases that play together.

    All are step 0, in which every phase that plays once in some steps has its turn.
    """
    seen: set[tuple[int, ...]] = set()
    for share in range(GRID):
        clock = trainer.clock = Clock(int((share + 0.5) / GRID * LONG), 0, LONG)
        moment = Moment(clock, trainer.now(), {})
        playing = tuple(i for i, phase in enumerate(trainer.phases) if phase.turn.plays(moment))
        if playing not in seen:
            seen.add(playing)
            yield clock


# ---- what fits -------------------------------------------------------------------------------


@dataclass(frozen=True)
class FittedRecipe:
    """A recipe as the memory allows it, what is said of it, and what the run remembers."""

    recipe: Recipe
    words: str = ""
    record: Mapping[str, int] = field(default_factory=dict)


def shortage(needed: int | None, free: int | None) -> str:
    """A word where a training needs more than the machine has free; else empty."""
    if needed is None or free is None or needed <= free:
        return ""
    return (
        f"The steps of this training need {memory_words(needed)}, and {memory_words(free)} are "
        "free here. Close other programs, or say with --memory what it may take: batches are then "
        "computed in parts."
    )


def within(
    limit: int,
    recipe: Recipe,
    dry: DryStep,
    others: Iterable[tuple[str, Recipe, BatchSource]] | None,
) -> FittedRecipe:
    """The recipe with the largest parts of its batches that this many bytes allow.

    ``others`` are trainings that need less, each with how to ask for it: they are tried where
    nothing fits, and named. None means that its batches are divided for good.

    Raises:
        TrainingError: it cannot fit, or the system does not tell what it needs.
    """
    fixed = recipe.batch // recipe.micro_batches
    use = largest_within(limit, parts_of(recipe) if others is not None else [fixed], recipe, dry)
    if use is None:
        raise TrainingError(
            f"How much memory a training holds is not told here ({dry.place.device}), so --memory "
            "cannot be kept. Leave it out; a smaller batch needs less (--set batch=8)."
        )
    if use.needed > limit:
        cure = _KEPT if others is None else _what_fits(limit, dry, others)
        raise TrainingError(
            f"At its worst moment this training needs {memory_words(use.needed)} with "
            f"{use.pictures} pictures at a time, and --memory allows {memory_words(limit)}. {cure}"
        )
    words = (
        f"At its worst moment the training needs {memory_words(use.needed)} of the "
        f"{memory_words(limit)} that --memory allows."
    )
    record = {"allowed": limit, "needed": use.needed}
    parts = recipe.batch // use.pictures
    if parts == recipe.micro_batches:
        return FittedRecipe(recipe, words, record)
    divided = replace(recipe, micro_batches=parts)
    words += _DIVIDED.format(use=use, recipe=divided, whole=memory_words(use.whole))
    return FittedRecipe(divided, words, {**record, "micro_batches": parts})


_DIVIDED = (
    " To fit, batches are computed in parts of {use.pictures} of their {recipe.batch} pictures "
    "(micro_batches={recipe.micro_batches}); whole ones need about {whole}. Gradients are those of "
    "whole batches, statistics that a network takes of its batch are those of a part, and steps "
    "take longer."
)
_KEPT = (
    "How its batches are divided is part of it and stays as it is: allow more, or begin a new run "
    "with --into."
)


def _what_fits(limit: int, dry: DryStep, others: Iterable[tuple[str, Recipe, BatchSource]]) -> str:
    """What would fit instead, each tried with few pictures at a time, in words."""
    needs = {
        how: replace(dry, source=source).need(recipe, parts_of(recipe)[0]) or 0
        for how, recipe, source in others
    }
    tried = {f"{how} ({memory_words(need)})": need for how, need in needs.items()}
    fitting = [words for words, need in tried.items() if need <= limit]
    if fitting:
        return f"What fits, and gives other pictures: {', '.join(fitting)}. Or allow more."
    smaller = f"; what is smaller needs too much as well: {', '.join(tried)}" if tried else ""
    return f"Allow more{smaller}."


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that are needed at the worst moment, with so many ``pictures`` at a time.

    ``whole`` is what whole batches would need, measured or (where they did not fit) estimated.
    """

    needed: int
    pictures: int
    whole: int


def largest_within(
    limit: int, sizes: Sequence[int], recipe: Recipe, dry: DryStep
) -> MemoryUse | None:
    """The most pictures at a time, of these sizes, that fit; or the fewest, which may not.

    The fewest are tried first, so that the trials stay within the limit as well; what more of them
    need lies on a line through the first two. None where the system does not tell.
    """
    fewest, slope = dry.need(recipe, sizes[0]), 0.0
    if fewest is None:
        return None
    known, steps = {sizes[0]: fewest}, replace(dry, look=None)

    def needed(pictures: int) -> int:
        # A look is the same however many pictures a step has at a time: once is enough.
        known[pictures] = max(steps.need(recipe, pictures) or 0, known[sizes[0]])
        return known[pictures]

    if fewest <= limit and len(sizes) > 1:
        slope = max(needed(sizes[1]) - fewest, 0) / (sizes[1] - sizes[0])
    line = {pictures: int(fewest + slope * (pictures - sizes[0])) for pictures in sizes}
    for pictures in reversed(sizes[2:]):
        if fewest <= limit and line[pictures] <= limit and needed(pictures) <= limit:
            break
    fitting = [pictures for pictures, need in known.items() if need <= limit]
    pictures = max(fitting, default=sizes[0])
    return MemoryUse(known[pictures], pictures, (line | known)[sizes[-1]])


@dataclass(frozen=True)
class Halved(BatchSource):
    """The pictures of another source at half their side."""

    whole: BatchSource

    def take(self, at: int, count: int) -> SourceBatch:
        """Pictures at these positions."""
        return self._smaller(self.whole.take(at, count))

    def some(self, count: int, first: int = 0) -> SourceBatch:
        """A fixed choice of training pictures."""
        return self._smaller(self.whole.some(count, first))

    def __len__(self) -> int:
        return len(self.whole)

    def _smaller(self, batch: SourceBatch) -> SourceBatch:
        return replace(batch, images=avg_pool2d(batch.images, 2))


def parts_of(recipe: Recipe) -> list[int]:
    """Into how many pictures at a time a batch can be divided, the fewest first."""
    most = recipe.batch // recipe.micro_batches
    return [n for n in range(min(LEAST, most), most + 1) if recipe.batch % n == 0]


def free_memory(device: str) -> int | None:
    """The bytes that this process could hold now, what it holds included; None where unknown."""
    if _on_cuda(device):
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    try:
        return _kilobytes("/proc/meminfo", "MemAvailable") + _kilobytes(_STATUS, "VmRSS")
    except (OSError, ValueError):
        return None


# ---- what a process holds --------------------------------------------------------------------

_STATUS = "/proc/self/status"


def _on_cuda(device: str) -> bool:
    return torch.device(device).type == "cuda"


@dataclass
class HeldMemory:
    """The most bytes that were held; None while that is going on, and where nobody tells."""

    most: int | None = None


@contextmanager
def held_meanwhile(device: str) -> Iterator[HeldMemory]:
    """Says after its block what was held in it at the most, by a process or on a CUDA device.

    What earlier work has freed does not count, where the system can count anew.
    """
    held = HeldMemory()
    _begin(device)
    try:
        yield held
    finally:
        held.most = _peak(device)
        _free_all(device)


def _begin(device: str) -> None:
    _free_all(device)
    if _on_cuda(device):
        torch.cuda.reset_peak_memory_stats(device)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def _free_all(device: str) -> None:
    gc.collect()
    give_memory_back()
    if _on_cuda(device):
        torch.cuda.empty_cache()


def _peak(device: str) -> int | None:
    if _on_cuda(device):
        return torch.cuda.max_memory_reserved(device)
    if torch.device(device).type != "cpu":
        return None
    with suppress(OSError, ValueError):
        return _kilobytes(_STATUS, "VmHWM") - _mapped_files()
    if not hasattr(resource, "getrusage"):
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def _kilobytes(path: str, name: str) -> int:
    """A line such as "VmHWM:  917 kB" of one of the kernel's files, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(path).read_text("ascii", "replace"), re.M)
    if found is None:
        raise ValueError(f"{path} says nothing of {name}")
    return int(found[1]) << 10


def _mapped_files() -> int:
    """The bytes in memory of files that are mapped to be read, such as the shards of a pack."""
    shared, total = False, 0
    for line in Path("/proc/self/smaps").read_text("utf-8", "replace").splitlines():
        if head := re.match(r"[0-9a-f]+-[0-9a-f]+ (\S{4}) \S+ \S+ (\d+)", line):
            shared = head[1].endswith("s") and head[2] != "0"
        elif shared and line.startswith("Rss:"):
            total += int(line.split()[1]) << 10
    return total
