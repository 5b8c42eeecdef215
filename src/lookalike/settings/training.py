"""What a person asks of a training: train, start, compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cyclopts import Parameter

from lookalike.durations import seconds
from lookalike.errors import RecipeError
from lookalike.settings.device import Device
from lookalike.settings.memory import Memory, byte_count
from lookalike.settings.options import Changes, Codes, Flag, For, More, Names, Size, sensible_size


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What is asked of a training; everything else is the recipe's.

    Times are text (``"10m"``) or seconds. A time budget is turned into images by a short benchmark;
    more ``images`` among the changes than a run has train it further, too. ``augment`` are the
    recipe's ``transforms``.
    """

    recipe: str = "swift"
    ("A name from 'lookalike recipes', a file of your own (my_recipe.py), or a saved recipe.json.")

    time: For[str | float | None] = None
    "A time budget: 10m, 2h, 1h30m. A short benchmark turns it into images."

    more: More = None
    "Train a finished run further, for this time on top of what it had: --more 30m."

    begin_with: Path | None = None
    "Begin a new run with the weights of this run, on other pictures or a set that has grown."

    changes: Changes = field(default_factory=dict)
    "Change a setting of the recipe: --set width=32 images=500000 optimizers.G.eps=1e-6"

    labels: bool | None = None
    "Use the pack's labels. Left out: classes where the recipe can, attributes not."

    augment: Codes = ()
    (
        "Show each picture as it is or changed, by the codes of 'lookalike transform': "
        '--augment "fliph rot_10,blur_1". Drawn anew each time; held-out pictures never change.'
    )

    tensorboard: Flag = False
    "Also write TensorBoard events into the run folder."

    keep_best: int = 3
    ("How many of the best states by score to keep, beside the last: generate --checkpoint best-2.")

    memory: Memory = None
    (
        "The most memory that the training may take: 4G, 500M. What does not fit is computed in "
        "smaller parts, and it is said; what cannot fit is refused before it begins."
    )

    device: Device = field(default_factory=Device)

    def __post_init__(self) -> None:
        _readable(self.time, self.more)
        _sensible_memory(self.memory)
        if self.keep_best < 1:
            raise RecipeError(f"--keep-best must be at least 1, got {self.keep_best}.")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StartSettings:
    """What is asked of ``start``: how long, and what it shall not choose itself."""

    time: For[str | float | None] = None
    "How long to train: 4m (the default), 2h. Longer gives better pictures."

    more: More = None
    "Train a finished run further, for this time on top of what it had: --more 30m."

    begin_with: Path | None = None
    "Begin a new run with the weights of this run, on other pictures or a set that has grown."

    size: Size[int | None] = None
    (
        "The side of the pictures in pixels, or WIDTHxHEIGHT such as 64x96; chosen from your "
        "pictures if you leave it out."
    )

    alpha: Flag = False
    "Keep transparency: new pictures are transparent PNGs."

    recipe: str | None = None
    "A recipe other than the default."

    fix: Flag = False
    "Examine first (lookalike doctor) and leave out what it finds wrong, each with its reason."

    changes: Changes = field(default_factory=dict)
    "Change a setting of the recipe: --set width=32"

    memory: Memory = None
    "The most memory that it may take, preparing too: 4G, 500M (lookalike train --help)."

    device: Device = field(default_factory=Device)

    def __post_init__(self) -> None:
        _readable(self.time, self.more)
        _sensible_memory(self.memory)
        if self.size is not None:
            sensible_size(self.size)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Which recipes get how long; ``("all",)`` are all there are."""

    recipes: Names = ("swift", "dcgan", "fastgan")
    'Names with commas between, or "all".'

    time: For[str | float] = "10m"
    "The time for each recipe."

    changes: Changes = field(default_factory=dict)
    "Settings for all recipes: --set seed=1"

    device: Device = field(default_factory=Device)

    def __post_init__(self) -> None:
        _readable(self.time)


def _readable(*times: str | float | None) -> None:
    """Refuse what is no time before anything begins."""
    for time in times:
        if time is not None:
            seconds(time)


def _sensible_memory(amount: str | None) -> None:
    """Refuse what is no amount of memory before anything begins."""
    if amount is not None:
        byte_count(amount)
