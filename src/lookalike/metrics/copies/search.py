"""The nearest training picture of every sample, and how near is too near: the one copy search.

Candidates come from features, where there are any, and from tiny pixels upright and mirrored; each
is aligned at 32 pixels. A sample is a copy when it is nearer than pictures that cannot be copies
*and* shares the detail of what it is near to (``alignment``). Held-out pictures of the same source
say how near is normal: one in a hundred of them is too near by definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds
from lookalike.images import Pixels as Pictures
from lookalike.metrics.copies.alignment import UNEXPLAINED, align, shrink
from lookalike.metrics.distances.manifold import lower_quantile
from lookalike.metrics.distances.nearest import Indices, Numbers, Vectors, candidates, nearest
from lookalike.metrics.features.features import Features, Pixels
from lookalike.progress import Tell, silent

TINY = 8
BY_FEATURES, BY_PIXELS = 4, 3
"""Candidates taken from features, and from tiny pixels upright and mirrored. With these the source
of a picture cropped to 0.9, mirrored and compressed was among them for 97 % of cartoon faces."""

QUICK = 2
"""The same without features: 0.84 instead of 0.88 of cropped cartoon faces are found with two, for
two thirds of the time of three."""

NATURAL = 0.01
"""The share of held-out pictures that is called too near by definition."""

ENOUGH = 500
"""Below this many held-out pictures, training pictures judged one against the rest help out."""

SAME = 1e-3
"""A quarter of a grey level: pictures that are this near are the same picture."""


@dataclass(frozen=True, eq=False)
class CopyFeatures:
    """A set of pictures as the search sees it; equal only to itself.

    Feature vectors ``[N, d]`` (d is 0 for a quick search by pixels alone), tiny pixels for finding
    candidates ``[N, 8 * 8 * C]`` and small pictures for comparing, uint8 ``[N, 32, 32, C]``:
    together about 10 kB a picture. ``features`` is the features' hash.
    """

    features: str
    vectors: Vectors
    tiny: Vectors
    small: Pictures

    def __len__(self) -> int:
        return len(self.small)

    def part(self, rows: slice | NDArray[np.intp]) -> CopyFeatures:
        """Some of the rows."""
        return CopyFeatures(self.features, self.vectors[rows], self.tiny[rows], self.small[rows])

    @staticmethod
    def joined(parts: Sequence[CopyFeatures]) -> CopyFeatures:
        """Sets seen with the same features, one behind the other."""
        columns = ([getattr(part, name) for part in parts] for name in ("vectors", "tiny", "small"))
        return CopyFeatures(parts[0].features, *(np.concatenate(column) for column in columns))


def see(
    pictures: Pictures,
    features: Features | None = None,
    tell: Tell = silent,
    *,
    vectors: Vectors | None = None,
) -> CopyFeatures:
    """Look once at uint8 ``[N, H, W, C]``; everything else in this room works on the result.

    ``vectors`` are what the features say, where that is known (those of real pictures are cached).
    """
    if features is None:
        vectors = np.zeros((len(pictures), 0), np.float32)
    elif vectors is None:
        vectors = features(pictures, tell)
    tiny = Pixels(side=TINY, channels=pictures.shape[-1])(pictures)
    return CopyFeatures(features.hash if features else "", vectors, tiny, shrink(pictures))


@dataclass(frozen=True)
class Nearness:
    """Distance to, and index of, the nearest training picture in both spaces; arrays ``[N]``.

    ``unexplained`` is the share of that picture's detail that the sample misses. Without features
    ``by_features`` is infinite.
    """

    by_features: Numbers
    by_pixels: Numbers
    unexplained: Numbers
    features_index: Indices
    pixels_index: Indices

    @staticmethod
    def joined(parts: Sequence[Nearness]) -> Nearness:
        """The samples of several sets, one behind the other."""
        columns = [[getattr(part, field.name) for part in parts] for field in fields(Nearness)]
        return Nearness(*(np.concatenate(column) for column in columns))

    @property
    def shares_detail(self) -> NDArray[np.bool_]:
        """Whether it is near for more than being plain."""
        shares: NDArray[np.bool_] = self.unexplained <= UNEXPLAINED
        return shares


def nearness(samples: CopyFeatures, training: CopyFeatures, *, itself: bool = False) -> Nearness:
    """The nearest training picture of every sample.

    With ``itself`` the samples are the first rows of the training pictures, and each is compared
    with the others only.
    """
    if samples.features != training.features or samples.tiny.shape[1] != training.tiny.shape[1]:
        raise ValueError("both sets have to be seen with the same features and the same channels")
    known = training.vectors.shape[1] > 0
    listed = [
        candidates(way, training.tiny, BY_PIXELS if known else QUICK, itself=itself)
        for way in (samples.tiny, mirrored(samples.tiny))
    ]
    if known:
        by_features, features_index = nearest(samples.vectors, training.vectors, itself=itself)
        near = candidates(samples.vectors, training.vectors, BY_FEATURES, itself=itself)
        listed.insert(0, near)
    aligned = align(samples.small, training.small, np.concatenate(listed, axis=1))
    if not known:
        by_features, features_index = np.full(len(samples), np.inf), aligned.index
    return Nearness(
        by_features, aligned.distance, aligned.unexplained, features_index, aligned.index
    )


@dataclass(frozen=True)
class CopyRule:
    """How near is too near.

    Units are the distances that one in a hundred pictures falls below that cannot be copies, in
    both spaces; infinite where fewer of them share any detail, which is then enough by itself.
    """

    features_unit: float
    pixels_unit: float
    threshold: float = 1.0

    def score(self, near: Nearness) -> Numbers:
        """The smaller of both distances in their units, ``[N]``; above 1 without shared detail."""
        by_features = near.by_features / self.features_unit
        nearer = np.minimum(by_features, near.by_pixels / self.pixels_unit)
        missing = near.unexplained / UNEXPLAINED
        score: Numbers = np.where(near.shares_detail, nearer, np.maximum(nearer, missing))
        return score

    def copies(self, near: Nearness) -> NDArray[np.bool_]:
        """Which samples count as copies."""
        copies: NDArray[np.bool_] = self.score(near) <= self.threshold
        return copies


@dataclass(frozen=True)
class CopyLimit:
    """The rule, and the pictures that cannot be copies from which it was learned.

    ``natural`` holds their scores, ``holdout`` the nearness of the hold-out alone, and ``own`` the
    distance of every training picture to the next one by features (empty without them).
    """

    rule: CopyRule
    natural: Numbers
    holdout: Nearness
    own: Numbers


@lru_cache(maxsize=2)
def calibrate(training: CopyFeatures, holdout: CopyFeatures, seed: int = 0) -> CopyLimit:
    """Learn from held-out pictures how near to training pictures is normal.

    Below 500 held-out pictures, training pictures judged against all others are added: a random
    split makes the two exchangeable, and a percentile needs numbers. Remembered for the last two
    pairs of sets, so that many sets of samples can be judged against the same real pictures.
    """
    sides = [(holdout, training, False)]
    missing = min(ENOUGH - len(holdout), len(training))
    if missing > 0 and len(training) > 1:
        order = seeds.array_generator(seed, "one-against-rest").permutation(len(training))
        shuffled = training.part(order)
        sides.append((shuffled.part(slice(0, missing)), shuffled, True))
    near = [nearness(some, every, itself=itself) for some, every, itself in sides]
    known = Nearness.joined(near)
    features_unit = _unit(known.by_features, known) if training.vectors.shape[1] else 1.0
    rule = CopyRule(features_unit, max(_unit(known.by_pixels, known), SAME))
    natural = rule.score(known)
    if len(natural):
        rule = replace(rule, threshold=min(1.0, lower_quantile(natural, NATURAL)))
    own = np.zeros(0)
    if training.vectors.shape[1]:
        own, _ = nearest(training.vectors, training.vectors, itself=True)
    return CopyLimit(rule, natural, near[0], own)


def mirrored(tiny: Vectors) -> Vectors:
    """Tiny pictures ``[N, 8 * 8 * C]`` seen in a mirror."""
    pictures = tiny.reshape(len(tiny), tiny.shape[1] // TINY**2, TINY, TINY)[..., ::-1]
    return np.ascontiguousarray(pictures).reshape(tiny.shape)


def _unit(distances: Numbers, near: Nearness) -> float:
    """The distance that one in a hundred falls below and shares detail; infinite where fewer do.

    Never 0, even when the pictures hold exact duplicates.
    """
    if not len(distances):
        return 0.0
    close = lower_quantile(np.where(near.shares_detail, distances, np.inf), NATURAL)
    return max(close, float(np.median(distances)) * 1e-3, 1e-12)
