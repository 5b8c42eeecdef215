"""All numbers about a set of samples in one frozen object, each beside its floor.

The floor of a score is what training pictures get against the same hold-out, at the same counts: no
generator that learned from those pictures should do better. A ratio of 1 is perfect, and a ratio
below 1 is luck or copying. Scores of different features are different scales.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from lookalike.errors import TooFewImagesError
from lookalike.images import Pixels as Pictures
from lookalike.metrics.copies.copies import Copies, CopyFeatures, Pair, judge_copies, see
from lookalike.metrics.distances.frechet import frechet, frechet_infinity
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.kernel import kid_interval, quick_kid
from lookalike.metrics.distances.manifold import Manifold, manifold, near_duplicates
from lookalike.metrics.features.features import Features
from lookalike.progress import Tell, silent

__all__ = ["Scores", "Settings", "judge", "quick_kid", "see"]

LEAST = 16


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to judge; the defaults are the ones that reports use."""

    neighbors: int = 5
    resamples: int = 200
    chunks: int = 4
    infinity: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Measure:
    """One score, the same score of training pictures (the floor), and how they compare.

    For distances the ratio is value over floor: 1 is perfect, 3 is three times as far. The kernel
    distance's floor is about 0, so there the ratio is over the upper end of the floor's interval:
    up to 1, samples cannot be told from real pictures. For shares (precision, recall, density,
    coverage) it is value over floor too: 1 is perfect, and 0.5 is half of what is possible.
    ``low`` and ``high`` bound the value with 95 % where known.
    """

    value: float
    floor: float
    ratio: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Everything that ``judge`` measured; JSON there and back by ``as_json`` and ``from_json``.

    ``kid`` and the shares are against held-out pictures; ``kid_training`` against training
    pictures, so that a ``kid`` well above ``kid_training`` tells of overfitting. ``copies.excess``
    has the floor 1 by construction.
    """

    features: str
    hash: str
    samples: int
    training: int
    holdout: int
    kid: Measure
    kid_training: Measure
    frechet: Measure
    frechet_infinity: float | None
    precision: Measure
    recall: Measure
    density: Measure
    coverage: Measure
    near_duplicates: Measure
    copies: Copies
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, numbers and strings; numbers that are not finite are None."""
        plain: dict[str, Any] = finite(asdict(self))
        plain["copies"]["level"] = self.copies.level
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Scores:
        """The inverse of ``as_json``; other names in ``plain`` are passed over."""
        names = {field.name for field in fields(cls)}
        told = {name: value for name, value in plain.items() if name in names}
        for field in fields(cls):
            if field.type == "Measure":
                told[field.name] = Measure(**told[field.name])
        copies = {name: value for name, value in told["copies"].items() if name != "level"}
        copies["excess"] = Interval(**copies["excess"])
        copies["pairs"] = tuple(Pair(**pair) for pair in copies["pairs"])
        told["copies"] = Copies(**copies)
        told["warnings"] = tuple(told["warnings"])
        return cls(**told)


def judge(
    samples: Pictures | CopyFeatures,
    training: Pictures | CopyFeatures,
    holdout: Pictures | CopyFeatures,
    features: Features,
    settings: Settings | None = None,
    tell: Tell = silent,
) -> Scores:
    """Judge samples against training and held-out pictures of the same source.

    Each set is uint8 ``[N, H, W, C]``, or what ``see`` made of it (cache that of real pictures).

    Raises:
        TooFewImagesError: a set has fewer than 16 pictures.
    """
    settings = settings or Settings()
    ours = _enough("samples", samples, features, tell)
    train = _enough("training pictures", training, features, tell)
    held = _enough("held-out pictures", holdout, features, tell)
    kids = _kids(ours, train, held, settings)
    shape = _manifolds(ours, train, held, settings)
    distance, warning = _frechet(ours, train, held)
    twins = near_duplicates(ours.vectors, train.vectors)
    return Scores(
        features=features.name,
        hash=features.hash,
        samples=len(ours),
        training=len(train),
        holdout=len(held),
        kid=kids[0],
        kid_training=kids[1],
        frechet=distance,
        frechet_infinity=frechet_infinity(ours.vectors, held.vectors)
        if settings.infinity
        else None,
        precision=shape["precision"],
        recall=shape["recall"],
        density=shape["density"],
        coverage=shape["coverage"],
        near_duplicates=measure(twins.share, twins.real_share),
        copies=judge_copies(ours, train, held, seed=settings.seed),
        warnings=tuple(text for text in (warning, _small(held)) if text),
    )


def _enough(
    name: str, one: Pictures | CopyFeatures, features: Features, tell: Tell
) -> CopyFeatures:
    if len(one) < LEAST:
        raise TooFewImagesError(
            f"there are {len(one)} {name}; judging needs at least {LEAST} of each kind"
        )
    return one if isinstance(one, CopyFeatures) else see(one, features, tell)


def _kids(
    ours: CopyFeatures, train: CopyFeatures, held: CopyFeatures, settings: Settings
) -> tuple[Measure, Measure]:
    def interval(one: CopyFeatures, other: CopyFeatures) -> Interval:
        return kid_interval(
            one.vectors, other.vectors, resamples=settings.resamples, seed=settings.seed
        )

    floor = interval(train, held)
    return over_chance(interval(ours, held), floor), over_chance(interval(ours, train), floor)


def over_chance(found: Interval, floor: Interval) -> Measure:
    """A kernel distance beside its floor; the ratio is to the upper end of what chance gives."""
    chance = max(floor.high, 1e-12)
    return Measure(found.value, floor.value, max(found.value, 0.0) / chance, found.low, found.high)


def _frechet(
    ours: CopyFeatures, train: CopyFeatures, held: CopyFeatures
) -> tuple[Measure, str | None]:
    """Both at the same counts, because the bias depends on them."""
    count = min(len(ours), len(train))
    found = frechet(ours.vectors[:count], held.vectors)
    floor = frechet(train.vectors[:count], held.vectors)
    return measure(found.value, floor.value), found.warning


def _manifolds(
    ours: CopyFeatures, train: CopyFeatures, held: CopyFeatures, settings: Settings
) -> dict[str, Measure]:
    """Against the hold-out, in chunks of the hold-out's size, averaged."""
    k = min(settings.neighbors, len(held) - 1)

    def mean(of: CopyFeatures) -> Callable[[str], float]:
        found = [manifold(part.vectors, held.vectors, k=k) for part in _chunks(of, held, settings)]
        return lambda name: float(np.mean([getattr(one, name) for one in found]))

    value, floor = mean(ours), mean(train)
    names = [field.name for field in fields(Manifold)]
    return {name: measure(value(name), floor(name)) for name in names}


def _chunks(of: CopyFeatures, held: CopyFeatures, settings: Settings) -> Iterator[CopyFeatures]:
    size = min(len(of), len(held))
    for turn in range(max(1, min(settings.chunks, len(of) // size))):
        yield of.part(slice(turn * size, (turn + 1) * size))


def measure(value: float, floor: float) -> Measure:
    """A score beside its floor, with their quotient (not a number where the floor is 0)."""
    return Measure(value, floor, value / floor if floor else math.nan)


def _small(held: CopyFeatures) -> str | None:
    if len(held) >= 100:
        return None
    return (
        f"only {len(held)} held-out pictures: intervals are wide and shares are coarse; "
        "hold out 100 or more if there are that many"
    )


def finite(value: Any) -> Any:
    """Plain values as JSON can hold them: numbers that are not finite become None."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
