"""All numbers about a set of samples in one frozen object, each beside its floor.

The floor of a score is what training pictures get against the same hold-out, at the same counts: no
generator that learned from those pictures should do better. A ratio of 1 is perfect, and a ratio
below 1 is luck or copying. Scores of different features are different scales.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from lookalike.errors import TooFewImagesError
from lookalike.images import Pixels as Pictures
from lookalike.metrics.copies.copies import Copies, Pair, measure_copies
from lookalike.metrics.copies.search import CopyFeatures, see
from lookalike.metrics.distances.frechet import frechet, frechet_infinity
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.kernel import kid_interval
from lookalike.metrics.distances.manifold import manifold, near_duplicates
from lookalike.metrics.features.features import Features
from lookalike.progress import Tell, silent

LEAST = 16


@dataclass(frozen=True, kw_only=True)
class ScoreSettings:
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
    """All that ``score_samples`` measured; JSON there and back by ``as_json`` and ``from_json``.

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
        values = {field.name: plain[field.name] for field in fields(cls) if field.name in plain}
        for field in fields(cls):
            if field.type == "Measure":
                values[field.name] = Measure(**values[field.name])
        copies = {name: value for name, value in values["copies"].items() if name != "level"}
        copies["excess"] = Interval(**copies["excess"])
        copies["pairs"] = tuple(Pair(**pair) for pair in copies["pairs"])
        values |= {"copies": Copies(**copies), "warnings": tuple(values["warnings"])}
        return cls(**values)


def score_samples(
    samples: Pictures | CopyFeatures,
    training: Pictures | CopyFeatures,
    holdout: Pictures | CopyFeatures,
    features: Features,
    settings: ScoreSettings | None = None,
    tell: Tell = silent,
) -> Scores:
    """Judge samples against training and held-out pictures of the same source.

    Each set is uint8 ``[N, H, W, C]``, or what ``see`` made of it (cache that of real pictures).

    Raises:
        TooFewImagesError: a set has fewer than 16 pictures.
    """
    settings = settings or ScoreSettings()
    ours = _enough("samples", samples, features, tell)
    train = _enough("training pictures", training, features, tell)
    unseen = _enough("held-out pictures", holdout, features, tell)
    kid, kid_training = _kids(ours, train, unseen, settings)
    distance, warning = _frechet(ours, train, unseen)
    twins = near_duplicates(ours.vectors, train.vectors)
    infinity = frechet_infinity(ours.vectors, unseen.vectors) if settings.infinity else None
    return Scores(
        features=features.name,
        hash=features.hash,
        samples=len(ours),
        training=len(train),
        holdout=len(unseen),
        kid=kid,
        kid_training=kid_training,
        frechet=distance,
        frechet_infinity=infinity,
        **_manifolds(ours, train, unseen, settings),
        near_duplicates=measure(twins.share, twins.real_share),
        copies=measure_copies(ours, train, unseen, seed=settings.seed),
        warnings=tuple(text for text in (warning, _small(unseen)) if text),
    )


def _enough(
    name: str, pictures: Pictures | CopyFeatures, features: Features, tell: Tell
) -> CopyFeatures:
    if len(pictures) < LEAST:
        raise TooFewImagesError(
            f"there are {len(pictures)} {name}, and judging needs at least {LEAST} of each kind. "
            "Bring more pictures, or hold out more of them (prepare --holdout)."
        )
    return pictures if isinstance(pictures, CopyFeatures) else see(pictures, features, tell)


def _kids(
    ours: CopyFeatures, train: CopyFeatures, unseen: CopyFeatures, settings: ScoreSettings
) -> tuple[Measure, Measure]:
    def interval(first: CopyFeatures, second: CopyFeatures) -> Interval:
        sides = first.vectors, second.vectors
        return kid_interval(*sides, resamples=settings.resamples, seed=settings.seed)

    floor = interval(train, unseen)
    return over_chance(interval(ours, unseen), floor), over_chance(interval(ours, train), floor)


def over_chance(kid: Interval, floor: Interval) -> Measure:
    """A kernel distance beside its floor; the ratio is to the upper end of what chance gives."""
    chance = max(floor.high, 1e-12)
    return Measure(kid.value, floor.value, max(kid.value, 0.0) / chance, kid.low, kid.high)


def _frechet(
    ours: CopyFeatures, train: CopyFeatures, unseen: CopyFeatures
) -> tuple[Measure, str | None]:
    """Both at the same counts, because the bias depends on them."""
    count = min(len(ours), len(train))
    value = frechet(ours.vectors[:count], unseen.vectors)
    floor = frechet(train.vectors[:count], unseen.vectors)
    return measure(value.value, floor.value), value.warning


def _manifolds(
    ours: CopyFeatures, train: CopyFeatures, unseen: CopyFeatures, settings: ScoreSettings
) -> dict[str, Measure]:
    """Against the hold-out, in chunks of the hold-out's size, averaged."""
    k = min(settings.neighbors, len(unseen) - 1)

    def means(of: CopyFeatures) -> dict[str, float]:
        parts = [
            asdict(manifold(part.vectors, unseen.vectors, k=k))
            for part in _chunks(of, len(unseen), settings)
        ]
        return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}

    value, floor = means(ours), means(train)
    return {name: measure(value[name], floor[name]) for name in value}


def _chunks(of: CopyFeatures, most: int, settings: ScoreSettings) -> Iterator[CopyFeatures]:
    size = min(len(of), most)
    for turn in range(max(1, min(settings.chunks, len(of) // size))):
        yield of.part(slice(turn * size, (turn + 1) * size))


def measure(value: float, floor: float) -> Measure:
    """A score beside its floor, with their quotient (not a number where the floor is 0)."""
    return Measure(value, floor, value / floor if floor else math.nan)


def _small(unseen: CopyFeatures) -> str | None:
    if len(unseen) >= 100:
        return None
    return (
        f"only {len(unseen)} held-out pictures: intervals are wide and shares are coarse; "
        "hold out 100 or more if there are that many"
    )


def finite(value: Any) -> Any:
    """Plain values as JSON can hold them: numbers that are not finite become None."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
