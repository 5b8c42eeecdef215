"""Outlook: what a training would give here in so many minutes, before anything is prepared.

The speed is measured on this machine with pictures of noise. What is said of quality is what
samples of the default recipe looked like after so many images, judged by eye on cartoon faces, ten
styles of drawings and clothes at 32 and 64 px; nothing counts it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.durations import words
from lookalike.engine import budget
from lookalike.engine.batches import SplitBatches
from lookalike.images import Pixels
from lookalike.place import Place
from lookalike.recipe import find, make
from lookalike.results import Result
from lookalike.sizes import shape_of
from lookalike.stages.choose import DEFAULT, usual
from lookalike.stages.train import decided

MINUTES = (2, 5, 10, 30, 120, 480)
MEASURED_SIZES = (32, 64)
FEW = 1000
"""Below so many pictures a generator mixes what is there more than it invents."""

_SEEN = (
    (0, "a first look: colors and rough shapes"),
    (2_500, "whole pictures, soft and without detail"),
    (8_000, "clear pictures, small things often wrong"),
    (18_000, "good pictures; most details are right"),
    (60_000, "about as good as your pictures allow"),
)
"""From so many images on, what samples of the default recipe looked like."""


@dataclass(frozen=True)
class Expected:
    """What so many minutes of training would give; ``quality`` is empty where it is unknown."""

    minutes: int
    images: int
    quality: str

    def __str__(self) -> str:
        told = f"{words(60 * self.minutes)}: {self.images:,} images"
        return f"{told}, {self.quality}" if self.quality else told


@dataclass(frozen=True)
class Outlook(Result):
    """The speed of this machine in images per second, and what it makes of several times."""

    recipe: str
    size: int
    images_per_second: float
    expected: tuple[Expected, ...]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """A line for each time, and what to keep in mind."""
        return [*map(str, self.expected), *self.notes]

    @property
    def next_step(self) -> str:
        """To begin."""
        recipe = "" if self.recipe == usual(self.size) else f" --recipe {self.recipe}"
        return f"lookalike start FOLDER --size {self.size}{recipe} --for 10m"

    def of(self, pictures: int) -> Outlook:
        """The same for another number of pictures, on which the speed does not depend."""
        return replace(self, notes=tuple(_notes(pictures, _known(self.recipe, self.size))))


class _Noise:
    """A split of random pictures, to measure with."""

    def __init__(self, size: int, channels: int) -> None:
        draw = np.random.default_rng(0)
        self._pixels = draw.integers(0, 256, (64, *shape_of(size), channels), np.uint8)

    def __len__(self) -> int:
        return len(self._pixels)

    def images(self, indices: ArrayLike) -> Pixels:
        pixels: Pixels = self._pixels[np.asarray(indices) % len(self)]
        return pixels

    def labels(self, indices: ArrayLike) -> NDArray[np.float32]:
        return np.zeros((np.asarray(indices).size, 0), np.float32)


def outlook(
    recipe: str, size: int, channels: int, pictures: int, place: Place, seconds: float = 4.0
) -> Outlook:
    """Measure this machine for some seconds, and say what to expect.

    Raises:
        RecipeError: there is no such recipe, or it makes no such pictures.
    """
    chosen = make(find(recipe), {}, {"size": size, "channels": channels, "labels": 0})
    source = SplitBatches(_Noise(size, channels), chosen.seed)
    speed = budget.measure(chosen, source, decided(chosen, source, place), seconds=seconds)
    known = _known(recipe, size)
    expected = tuple(
        Expected(minutes, images, _quality(images) if known else "")
        for minutes in MINUTES
        for images in [speed.images(60 * minutes, chosen.batch)]
    )
    return Outlook(recipe, size, round(speed.mean, 1), expected, tuple(_notes(pictures, known)))


def _known(recipe: str, size: int) -> bool:
    return recipe == DEFAULT and size in MEASURED_SIZES


def _quality(images: int) -> str:
    return next(text for least, text in reversed(_SEEN) if images >= least)


def _notes(pictures: int, known: bool) -> list[str]:
    notes = []
    if known:
        notes.append("Judged by eye on drawings and clothes; photos of many things need longer.")
    else:
        notes.append("How good this recipe gets in which time was not measured at this size.")
    if pictures < FEW:
        notes.append(
            f"{pictures:,} pictures give blends of what is there. More pictures help more than "
            "more time."
        )
    return notes
