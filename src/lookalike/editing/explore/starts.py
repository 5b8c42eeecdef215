"""Where a picture begins: a seed, a training picture, a place on the map, the way between two.

A start is a small JSON object that brings the same picture back, as long as the run stays as it is.
"""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from lookalike.errors import DataError

MOST_SEED = 2**53 - 1
"""The largest whole number that a page and we write alike."""
DEEPEST = 4
MOST_NUMBERS = 1 << 14


@dataclass(frozen=True, eq=False)
class LatentPoint:
    """What a generator draws one picture from: ``latent`` ``[1, W]``, ``labels`` ``[1, L]``."""

    latent: Tensor
    labels: Tensor | None

    def towards(self, other: LatentPoint, share: float) -> LatentPoint:
        """The point at this share of the straight way to another."""
        latent = torch.lerp(self.latent, other.latent, share)
        if self.labels is None or other.labels is None:
            return LatentPoint(latent, None)
        return LatentPoint(latent, torch.lerp(self.labels, other.labels, share))


class PointFinder(Protocol):
    """Who knows the points of a run."""

    def of_seed(self, seed: int, index: int, label: str | None) -> LatentPoint:
        """The point of a generated picture."""

    def of_row(self, row: int) -> LatentPoint:
        """The point of a picture of the run's pack, as it is read."""

    def of_place(self, x: float, y: float) -> LatentPoint:
        """The point that belongs to a place on the map."""

    def of_numbers(self, latent: Tensor, labels: Tensor | None) -> LatentPoint:
        """These numbers, if there are as many as there should be."""


class Start(ABC):
    """One way to say where a picture begins."""

    @abstractmethod
    def point(self, finder: PointFinder) -> LatentPoint:
        """The point, found in a run.

        Raises:
            DataError: the run has no such picture.
        """

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """What :func:`start_of` reads."""


@dataclass(frozen=True)
class SeedStart(Start):
    """The generated picture of a seed and an index, of a class or attributes if one is named."""

    seed: int
    index: int = 0
    label: str | None = None

    def point(self, finder: PointFinder) -> LatentPoint:
        """By its address."""
        return finder.of_seed(self.seed, self.index, self.label)

    def as_json(self) -> dict[str, Any]:
        """Seed, index, label."""
        label = {} if self.label is None else {"label": self.label}
        return {"seed": self.seed, "index": self.index, **label}


@dataclass(frozen=True)
class RowStart(Start):
    """A picture of the run's pack, by its row."""

    row: int

    def point(self, finder: PointFinder) -> LatentPoint:
        """As a player reads it."""
        return finder.of_row(self.row)

    def as_json(self) -> dict[str, Any]:
        """The row."""
        return {"row": self.row}


@dataclass(frozen=True)
class PlaceStart(Start):
    """A place on the map, 0 to 1 each way."""

    x: float
    y: float

    def point(self, finder: PointFinder) -> LatentPoint:
        """Between the pictures that lie around it."""
        return finder.of_place(self.x, self.y)

    def as_json(self) -> dict[str, Any]:
        """The place."""
        return {"place": [self.x, self.y]}


@dataclass(frozen=True)
class PathStart(Start):
    """A place on the way between two starts."""

    ends: tuple[Start, Start]
    share: float

    def point(self, finder: PointFinder) -> LatentPoint:
        """At this share of the straight way."""
        first, second = (end.point(finder) for end in self.ends)
        return first.towards(second, self.share)

    def as_json(self) -> dict[str, Any]:
        """Both ends and the share."""
        return {"path": [end.as_json() for end in self.ends], "share": self.share}


@dataclass(frozen=True)
class NumbersStart(Start):
    """The latent itself, as it stands in the text of a PNG of ours: float32, little endian."""

    latent: bytes
    labels: bytes | None = None

    @staticmethod
    def of(point: LatentPoint) -> NumbersStart:
        """A point, to be kept."""
        labels = None if point.labels is None else _packed(point.labels)
        return NumbersStart(_packed(point.latent), labels)

    def point(self, finder: PointFinder) -> LatentPoint:
        """As it was kept."""
        labels = None if self.labels is None else _unpacked(self.labels)
        return finder.of_numbers(_unpacked(self.latent), labels)

    def as_json(self) -> dict[str, Any]:
        """In base64."""
        labels = {} if self.labels is None else {"labels": base64.b64encode(self.labels).decode()}
        return {"latent": base64.b64encode(self.latent).decode(), **labels}


def _packed(row: Tensor) -> bytes:
    return row.detach().cpu().numpy().astype("<f4").tobytes()


def _unpacked(data: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(data, "<f4").astype(np.float32)[None])


# ---- read from JSON, with suspicion ----------------------------------------------------------


def start_of(given: Any, depth: int = 0) -> Start:
    """The start that a JSON object says.

    Raises:
        DataError: it says none.
    """
    if isinstance(given, Mapping) and depth < DEEPEST:
        for word, read in _READERS.items():
            if word in given:
                return read(given, depth)
    raise DataError(
        f"This says of no picture where it begins: {str(given)[:80]}. Wanted: one of "
        f"{', '.join(_READERS)}."
    )


def number(value: Any, low: float, high: float, name: str) -> float:
    """A number of JSON within bounds.

    Raises:
        DataError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise DataError(f"{name} goes from {low:g} to {high:g}, found {str(value)[:40]}.")
    return value


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int):
        raise DataError(f"{name} is a whole number, found {str(value)[:40]}.")
    return int(number(value, 0, MOST_SEED, name))


def _seed(given: Mapping[str, Any], depth: int) -> Start:
    label = given.get("label")
    if label is not None and not isinstance(label, str):
        raise DataError("label is a text.")
    index = _whole(given.get("index", 0), "index")
    return SeedStart(_whole(given["seed"], "seed"), index, label or None)


def _row(given: Mapping[str, Any], depth: int) -> Start:
    return RowStart(_whole(given["row"], "row"))


def _two(given: Any, name: str) -> tuple[Any, Any]:
    if not isinstance(given, list) or len(given) != 2:
        raise DataError(f"{name} holds two things.")
    return given[0], given[1]


def _place(given: Mapping[str, Any], depth: int) -> Start:
    x, y = _two(given["place"], "place")
    return PlaceStart(number(x, 0, 1, "place"), number(y, 0, 1, "place"))


def _path(given: Mapping[str, Any], depth: int) -> Start:
    first, second = (start_of(end, depth + 1) for end in _two(given["path"], "path"))
    return PathStart((first, second), number(given.get("share", 0.5), 0, 1, "share"))


def _numbers(given: Mapping[str, Any], depth: int) -> Start:
    labels = given.get("labels")
    return NumbersStart(_bytes(given["latent"]), None if labels is None else _bytes(labels))


def _bytes(text: Any) -> bytes:
    try:
        data = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise DataError("latent is no base64.") from problem
    finite = len(data) % 4 == 0 and len(data) <= 4 * MOST_NUMBERS
    if not finite or not np.isfinite(np.frombuffer(data, "<f4")).all():
        raise DataError("latent holds no row of numbers.")
    return data


_READERS: Mapping[str, Callable[[Mapping[str, Any], int], Start]] = {
    "seed": _seed,
    "row": _row,
    "place": _place,
    "path": _path,
    "latent": _numbers,
}
