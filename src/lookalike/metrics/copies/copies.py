"""Whether samples are copies of training pictures, in numbers that can be defended.

A sample counts as a copy where ``search`` calls it one. The copy excess is the share of such
samples over the share among pictures that cannot be copies: 1 is healthy, 5 means that about four
of a hundred samples are copies.

No single score is to be trusted here (Stein et al. 2023), so C_T (Meehan et al. 2020) and the
authentic share (Alaa et al. 2022) stand beside it, and reports show the nearest pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike import seeds
from lookalike.metrics.copies.search import (
    NATURAL,
    CopyFeatures,
    CopyLimit,
    Nearness,
    calibrate,
    nearness,
)
from lookalike.metrics.distances.intervals import Interval, share_interval
from lookalike.metrics.distances.manifold import lower_quantile
from lookalike.metrics.distances.nearest import Indices, Numbers, nearest

RESAMPLES = 1000
"""Draws of the bootstrap."""


@dataclass(frozen=True)
class Pair:
    """A sample, its nearest training picture, and the score that brought them together."""

    sample: int
    training: int
    score: float


@dataclass(frozen=True)
class Copies:
    """What ``measure_copies`` found.

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


def measure_copies(
    samples: CopyFeatures,
    training: CopyFeatures,
    holdout: CopyFeatures,
    *,
    seed: int = 0,
) -> Copies:
    """Copy excess with a 95 % interval, C_T, authentic share, the 20 nearest pairs.

    A bootstrap draws samples and hold-out again, so a small hold-out widens the interval; it is
    never narrower than the score interval of the share alone.
    """
    limit = calibrate(training, holdout, seed)
    near = nearness(samples, training)
    score, unseen, own = limit.rule.score(near), limit.holdout, limit.own
    cells = _cells(samples, training, holdout, seed)
    return Copies(
        share=float((score <= limit.rule.threshold).mean()),
        natural_share=float((limit.natural <= limit.rule.threshold).mean()),
        excess=_excess(score, limit, seed),
        c_t=c_t(near.by_features, unseen.by_features, cells),
        authentic=float((near.by_features > own[near.features_index]).mean()),
        natural_authentic=float((unseen.by_features > own[unseen.features_index]).mean()),
        pairs=_pairs(near, limit, 20),
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


def _excess(score: Numbers, limit: CopyLimit, seed: int) -> Interval:
    random = seeds.array_generator(seed, "copy-bootstrap")
    values = np.empty(RESAMPLES)
    for turn in range(RESAMPLES):
        natural = random.choice(limit.natural, len(limit.natural))
        values[turn] = _quotient(random.choice(score, len(score)), natural)
    value = _quotient(score, limit.natural)
    low, high = (float(end) for end in np.quantile(values, [0.025, 0.975]))
    # A bootstrap of no copies among few samples is always 0; a count's own interval is not.
    share = share_interval(float((score <= limit.rule.threshold).mean()), len(score))
    chance = max(float((limit.natural <= limit.rule.threshold).mean()), NATURAL)
    return Interval(value, min(low, share.low / chance), max(high, share.high / chance))


def _quotient(score: Numbers, natural: Numbers) -> float:
    """The share of samples that are too near over that of natural pictures, 1 % at the least."""
    threshold = min(1.0, lower_quantile(natural, NATURAL))
    return float((score <= threshold).mean() / max((natural <= threshold).mean(), NATURAL))


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


def _pairs(near: Nearness, limit: CopyLimit, count: int) -> tuple[Pair, ...]:
    rule = limit.rule
    score = rule.score(near)
    by_features = near.by_features / rule.features_unit < near.by_pixels / rule.pixels_unit
    index = np.where(by_features, near.features_index, near.pixels_index)
    order = np.lexsort((near.unexplained, score))[:count]
    return tuple(Pair(int(row), int(index[row]), float(score[row])) for row in order)
