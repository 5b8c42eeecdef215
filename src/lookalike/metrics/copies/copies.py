"""Whether samples are copies of training pictures, measured against pictures that cannot be copies.

The nearest training picture is searched in two spaces: features, and low-resolution pixels under
mirroring, small moves and crops. Held-out pictures of the same source do the same and say how near
is normal: a sample counts as a copy when it is nearer than the hold-out's 1st percentile. The copy
excess is the share of such samples over the hold-out's share: 1 is healthy, 5 means that about
four of a hundred samples are copies.

No single score is to be trusted here (Stein et al. 2023), so C_T (Meehan et al. 2020) and the
authentic share (Alaa et al. 2022) stand beside it, and reports show the nearest pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds
from lookalike.images import Pixels as Pictures
from lookalike.metrics.copies.alignment import align, shrink
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.manifold import lower_quantile
from lookalike.metrics.distances.nearest import Indices, Numbers, Vectors, candidates, nearest
from lookalike.metrics.features.features import Features, Pixels
from lookalike.progress import Tell, silent

TINY = 8
BY_FEATURES, BY_PIXELS = 4, 3
"""Candidates taken from features, and from tiny pixels upright and mirrored. With these the source
of a picture cropped to 0.9, mirrored and compressed was among them for 97 % of cartoon faces."""

NATURAL = 0.01
"""The share of held-out pictures that is called too near by definition."""

ENOUGH = 500
"""Below this many held-out pictures, training pictures judged one against the rest help out."""


@dataclass(frozen=True, eq=False)
class CopyFeatures:
    """A set of pictures as a judge sees it; equal only to itself.

    Feature vectors ``[N, d]``, tiny pixels for searching ``[N, 8 * 8 * C]`` and small pictures for
    comparing, uint8 ``[N, 32, 32, C]``: together about 10 kB a picture. ``features`` is their hash.
    """

    features: str
    vectors: Vectors
    tiny: Vectors
    small: Pictures

    def __len__(self) -> int:
        return len(self.vectors)

    def part(self, rows: slice | NDArray[np.intp]) -> CopyFeatures:
        """Some of the rows."""
        return CopyFeatures(self.features, self.vectors[rows], self.tiny[rows], self.small[rows])


@dataclass(frozen=True)
class Nearness:
    """Distance to, and index of, the nearest training picture in both spaces; arrays ``[N]``."""

    by_features: Numbers
    by_pixels: Numbers
    features_index: Indices
    pixels_index: Indices


@dataclass(frozen=True)
class Gauge:
    """How near is too near, learned from pictures that are no copies.

    ``natural`` holds the scores of those pictures, ``held`` the nearness of the hold-out alone, and
    ``own`` the distance of every training picture to the next one by features.
    """

    features_unit: float
    pixels_unit: float
    threshold: float
    natural: Numbers
    held: Nearness
    own: Numbers

    def score(self, near: Nearness) -> Numbers:
        """The smaller of both distances in units of their normal near end, ``[N]``; low is near."""
        return np.minimum(near.by_features / self.features_unit, near.by_pixels / self.pixels_unit)

    def copies(self, near: Nearness) -> NDArray[np.bool_]:
        """Which samples count as copies."""
        found: NDArray[np.bool_] = self.score(near) <= self.threshold
        return found


@dataclass(frozen=True)
class Pair:
    """A sample, its nearest training picture, and the score that brought them together."""

    sample: int
    training: int
    score: float


@dataclass(frozen=True)
class Copies:
    """What ``judge_copies`` found.

    ``share`` of the samples lie nearer than the threshold and ``natural_share`` of the hold-out do;
    ``excess`` is their quotient. ``c_t`` is far below 0 for copies; ``authentic`` is the share of
    samples that are farther from their nearest training picture than that one is from its own, and
    ``natural_authentic`` the same for the hold-out.
    """

    share: float
    natural_share: float
    excess: Interval
    c_t: float
    authentic: float
    natural_authentic: float
    pairs: tuple[Pair, ...]

    @property
    def level(self) -> str:
        """``pass``, ``warn`` (excess above 1.5) or ``block`` (above 5), each beyond chance."""
        if self.excess.value > 5 and self.excess.low > 1.5:
            return "block"
        return "warn" if self.excess.value > 1.5 and self.excess.low > 1 else "pass"


def see(pictures: Pictures, features: Features, tell: Tell = silent) -> CopyFeatures:
    """Look once at uint8 ``[N, H, W, C]``; everything else in this room works on the result."""
    return see_with(pictures, features, features(pictures, tell))


def see_with(pictures: Pictures, features: Features, vectors: Vectors) -> CopyFeatures:
    """The same where the feature vectors are known already (those of real pictures are cached)."""
    tiny = Pixels(side=TINY, channels=pictures.shape[-1])(pictures)
    return CopyFeatures(features.hash, vectors, tiny, shrink(pictures))


def nearness(samples: CopyFeatures, training: CopyFeatures, *, itself: bool = False) -> Nearness:
    """The nearest training picture of every sample; with ``itself``, another than the sample."""
    if samples.features != training.features or samples.tiny.shape[1] != training.tiny.shape[1]:
        raise ValueError("both sets have to be seen with the same features and the same channels")
    by_features, features_index = nearest(samples.vectors, training.vectors, itself=itself)
    near = np.concatenate(
        [
            candidates(samples.vectors, training.vectors, BY_FEATURES, itself=itself),
            candidates(samples.tiny, training.tiny, BY_PIXELS, itself=itself),
            candidates(mirrored(samples.tiny), training.tiny, BY_PIXELS, itself=itself),
        ],
        axis=1,
    )
    by_pixels, pixels_index = align(samples.small, training.small, near)
    return Nearness(by_features, by_pixels, features_index, pixels_index)


@lru_cache(maxsize=2)
def calibrate(training: CopyFeatures, holdout: CopyFeatures, seed: int = 0) -> Gauge:
    """Learn from held-out pictures how near to training pictures is normal.

    Below 500 held-out pictures, training pictures judged against all others are added: a random
    split makes the two exchangeable, and a percentile needs numbers. Remembered for the last two
    pairs of sets, so that many sets of samples can be judged against the same real pictures.
    """
    held = nearness(holdout, training)
    near = [held]
    missing = min(ENOUGH - len(holdout), len(training))
    if missing > 0 and len(training) > 1:
        near.append(_one_against_rest(training, missing, seed))
    by_features = np.concatenate([one.by_features for one in near])
    by_pixels = np.concatenate([one.by_pixels for one in near])
    units = (_unit(by_features, NATURAL), _unit(by_pixels, NATURAL))
    natural = np.minimum(by_features / units[0], by_pixels / units[1])
    own, _ = nearest(training.vectors, training.vectors, itself=True)
    return Gauge(*units, lower_quantile(natural, NATURAL), natural, held, own)


def judge_copies(
    samples: CopyFeatures,
    training: CopyFeatures,
    holdout: CopyFeatures,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Copies:
    """Copy excess with a 95 % interval, C_T, authentic share, the 20 nearest pairs.

    A bootstrap draws samples and hold-out again, so a small hold-out widens the interval; it is
    never narrower than the score interval of the share alone.
    """
    gauge = calibrate(training, holdout, seed)
    near = nearness(samples, training)
    score, natural, own = gauge.score(near), gauge.held, gauge.own
    return Copies(
        share=float((score <= gauge.threshold).mean()),
        natural_share=float((gauge.natural <= gauge.threshold).mean()),
        excess=_excess(score, gauge, resamples, seed),
        c_t=c_t(near.by_features, natural.by_features, _cells(samples, training, holdout, seed)),
        authentic=float((near.by_features > own[near.features_index]).mean()),
        natural_authentic=float((natural.by_features > own[natural.features_index]).mean()),
        pairs=_pairs(near, gauge, 20),
    )


def c_t(samples: Numbers, holdout: Numbers, cells: tuple[Indices, Indices] | None = None) -> float:
    """The data-copying statistic of distances to training: about N(0, 1) for a faithful generator.

    In every cell: the normal score of the Mann-Whitney U of samples against hold-out; averaged with
    the hold-out's share of each cell (Meehan et al. 2020, section 4.2). Far below 0: copying.
    """
    on_samples, on_holdout = cells or (np.zeros(len(samples), int), np.zeros(len(holdout), int))
    total, weights = 0.0, 0
    for cell in np.unique(on_holdout):
        mine, theirs = samples[on_samples == cell], holdout[on_holdout == cell]
        if len(mine) and len(theirs):
            total += len(theirs) * _mann_whitney(mine, theirs)
            weights += len(theirs)
    return total / weights if weights else 0.0


def _mann_whitney(mine: Numbers, theirs: Numbers) -> float:
    """Normal score of how often ``mine`` exceeds ``theirs``; ties count half."""
    both = np.sort(theirs)
    below = np.searchsorted(both, mine, "left") + np.searchsorted(both, mine, "right")
    m, n = len(mine), len(theirs)
    return float((below.sum() / 2 - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12))


def mirrored(tiny: Vectors) -> Vectors:
    """Tiny pictures ``[N, 8 * 8 * C]`` seen in a mirror."""
    pictures = tiny.reshape(len(tiny), -1, TINY, TINY)[..., ::-1]
    return np.ascontiguousarray(pictures).reshape(tiny.shape)


def _one_against_rest(training: CopyFeatures, count: int, seed: int) -> Nearness:
    """``count`` training pictures as if held out: the nearest among all others."""
    order = seeds.array_generator(seed, "one-against-rest").permutation(len(training))
    shuffled = training.part(order)
    return nearness(shuffled.part(slice(0, count)), shuffled, itself=True)


def _unit(distances: Numbers, quantile: float) -> float:
    """The near end of normal distances; never 0, even when the pictures hold exact duplicates."""
    least = float(np.median(distances)) * 1e-3
    return max(lower_quantile(distances, quantile), least, 1e-12)


def _excess(score: Numbers, gauge: Gauge, resamples: int, seed: int) -> Interval:
    random = seeds.array_generator(seed, "copy-bootstrap")
    values = np.empty(resamples)
    for turn in range(resamples):
        natural = random.choice(gauge.natural, len(gauge.natural))
        values[turn] = _quotient(random.choice(score, len(score)), natural)
    value = _quotient(score, gauge.natural)
    low, high = (float(one) for one in np.quantile(values, [0.025, 0.975]))
    # A bootstrap of no copies among few samples is always 0; a count's own interval is not.
    least, most = _wilson(int((score <= gauge.threshold).sum()), len(score))
    chance = float((gauge.natural <= gauge.threshold).mean())
    return Interval(value, min(low, least / chance), max(high, most / chance))


def _wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    share, square = hits / count, z * z / count
    middle = share + square / 2
    half = z * float(np.sqrt(share * (1 - share) / count + square / (4 * count)))
    return max(0.0, (middle - half) / (1 + square)), (middle + half) / (1 + square)


def _quotient(score: Numbers, natural: Numbers, quantile: float = NATURAL) -> float:
    threshold = lower_quantile(natural, quantile)
    return float((score <= threshold).mean() / (natural <= threshold).mean())


def _cells(
    samples: CopyFeatures, training: CopyFeatures, holdout: CopyFeatures, seed: int
) -> tuple[Indices, Indices]:
    """Cells of the training features by a short k-means; one cell for 50 held-out pictures."""
    count = int(np.clip(len(holdout) // 50, 1, 10))
    random = seeds.array_generator(seed, "cells")
    centers = training.vectors[random.choice(len(training), count, replace=False)].copy()
    for _ in range(10):
        _, owner = nearest(training.vectors, centers)
        for cell in range(count):
            if (owner == cell).any():
                centers[cell] = training.vectors[owner == cell].mean(axis=0)
    return nearest(samples.vectors, centers)[1], nearest(holdout.vectors, centers)[1]


def _pairs(near: Nearness, gauge: Gauge, count: int) -> tuple[Pair, ...]:
    score = gauge.score(near)
    by_features = near.by_features / gauge.features_unit <= near.by_pixels / gauge.pixels_unit
    index = np.where(by_features, near.features_index, near.pixels_index)
    return tuple(
        Pair(int(row), int(index[row]), float(score[row])) for row in np.argsort(score)[:count]
    )
