"""The same scores class by class: which kinds of pictures are good, missing, repeated or copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.copies.copies import CopyFeatures, calibrate, nearness
from lookalike.metrics.distances.kernel import kid_interval
from lookalike.metrics.distances.manifold import manifold, near_duplicates
from lookalike.metrics.scores.scores import LEAST, Measure, measure, over_chance

Classes = NDArray[np.int64]


@dataclass(frozen=True)
class Sorted:
    """Pictures as a judge sees them with their class numbers ``[N]``; -1 for none.

    ``told`` is what a classifier of the pack's labels takes each picture for, where asked.
    """

    seen: CopyFeatures
    numbers: Classes
    told: Classes | None = None

    def rows(self, number: int) -> NDArray[np.intp]:
        """The pictures of this class."""
        found: NDArray[np.intp] = np.flatnonzero(self.numbers == number)
        return found


@dataclass(frozen=True)
class ClassScores:
    """One class. A score is None where fewer than 16 pictures a side can tell it.

    ``kid`` and ``coverage`` are against held-out pictures of the class; ``copies`` is the share of
    its samples that count as copies, ``recognized`` the share that the classifier takes for this
    class, beside the share of held-out pictures.
    """

    name: str
    samples: int
    training: int
    holdout: int
    kid: Measure | None
    coverage: Measure | None
    near_duplicates: Measure | None
    copies: float | None
    recognized: Measure | None


def by_class(
    samples: Sorted, training: Sorted, holdout: Sorted, names: Sequence[str], *, seed: int = 0
) -> tuple[ClassScores, ...]:
    """Scores of every class, in the order of ``names``."""
    gauge = calibrate(training.seen, holdout.seen, seed)
    copies = gauge.copies(nearness(samples.seen, training.seen))
    told = []
    for number, name in enumerate(names):
        rows = [one.rows(number) for one in (samples, training, holdout)]
        ours, train, held = (
            one.seen.part(mine)
            for one, mine in zip((samples, training, holdout), rows, strict=True)
        )
        enough = min(len(ours), len(train), len(held)) >= LEAST
        told.append(
            ClassScores(
                name=name,
                samples=len(ours),
                training=len(train),
                holdout=len(held),
                kid=_kid(ours, train, held, seed) if enough else None,
                coverage=_coverage(ours, train, held) if enough else None,
                near_duplicates=_twins(ours, train),
                copies=float(copies[rows[0]].mean()) if len(ours) else None,
                recognized=_recognized(samples, holdout, number),
            )
        )
    return tuple(told)


def recognized(samples: Sorted, holdout: Sorted) -> Measure | None:
    """The share of all samples that are taken for the class they were made for; floor: hold-out."""
    ours, held = (_right(one, one.numbers >= 0) for one in (samples, holdout))
    return None if ours is None or held is None else measure(ours, held)


def _recognized(samples: Sorted, holdout: Sorted, number: int) -> Measure | None:
    ours, held = (_right(one, one.numbers == number) for one in (samples, holdout))
    return None if ours is None or held is None else measure(ours, held)


def _right(one: Sorted, rows: NDArray[np.bool_]) -> float | None:
    if one.told is None or not rows.any():
        return None
    return float((one.told[rows] == one.numbers[rows]).mean())


def _kid(ours: CopyFeatures, train: CopyFeatures, held: CopyFeatures, seed: int) -> Measure:
    ends = [kid_interval(one.vectors, held.vectors, seed=seed) for one in (ours, train)]
    return over_chance(*ends)


def _coverage(ours: CopyFeatures, train: CopyFeatures, held: CopyFeatures) -> Measure:
    """At equal counts on all three sides."""
    count = min(len(ours), len(train), len(held))
    k = min(5, count - 1)
    value, floor = (
        manifold(one.vectors[:count], held.vectors[:count], k=k).coverage for one in (ours, train)
    )
    return measure(value, floor)


def _twins(ours: CopyFeatures, train: CopyFeatures) -> Measure | None:
    if min(len(ours), len(train)) < LEAST:
        return None
    found = near_duplicates(ours.vectors, train.vectors)
    return measure(found.share, found.real_share)
