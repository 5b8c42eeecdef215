"""The same scores class by class: which kinds of pictures are good, missing, repeated or copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.copies.search import CopyFeatures, calibrate, nearness
from lookalike.metrics.distances.kernel import kid_interval
from lookalike.metrics.distances.manifold import manifold, near_duplicates
from lookalike.metrics.scores.scores import LEAST, Measure, measure, over_chance

Classes = NDArray[np.int64]


@dataclass(frozen=True)
class ClassifiedPictures:
    """Pictures as a judge sees them with their class numbers ``[N]``; -1 for none.

    ``predicted`` is what a classifier of the pack's labels takes each picture for, where asked.
    """

    seen: CopyFeatures
    numbers: Classes
    predicted: Classes | None = None

    def rows(self, number: int) -> NDArray[np.intp]:
        """The pictures of this class."""
        rows: NDArray[np.intp] = np.flatnonzero(self.numbers == number)
        return rows


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
    samples: ClassifiedPictures,
    training: ClassifiedPictures,
    holdout: ClassifiedPictures,
    names: Sequence[str],
    *,
    seed: int = 0,
) -> tuple[ClassScores, ...]:
    """Scores of every class, in the order of ``names``."""
    rule = calibrate(training.seen, holdout.seen, seed).rule
    copies = rule.copies(nearness(samples.seen, training.seen))
    scores = []
    for number, name in enumerate(names):
        sets = (samples, training, holdout)
        rows = [pictures.rows(number) for pictures in sets]
        ours, train, unseen = (
            pictures.seen.part(mine) for pictures, mine in zip(sets, rows, strict=True)
        )
        enough = min(len(ours), len(train), len(unseen)) >= LEAST
        scores.append(
            ClassScores(
                name=name,
                samples=len(ours),
                training=len(train),
                holdout=len(unseen),
                kid=_kid(ours, train, unseen, seed) if enough else None,
                coverage=_coverage(ours, train, unseen) if enough else None,
                near_duplicates=_twins(ours, train),
                copies=float(copies[rows[0]].mean()) if len(ours) else None,
                recognized=recognized(samples, holdout, number),
            )
        )
    return tuple(scores)


def recognized(
    samples: ClassifiedPictures, holdout: ClassifiedPictures, number: int | None = None
) -> Measure | None:
    """The share of samples that are taken for the class they were made for; floor: the hold-out.

    Of one class, or of all pictures that have one; None where nobody says the classes.
    """
    value, floor = (_right(pictures, number) for pictures in (samples, holdout))
    return None if value is None or floor is None else measure(value, floor)


def _right(pictures: ClassifiedPictures, number: int | None) -> float | None:
    numbers = pictures.numbers
    rows = numbers >= 0 if number is None else numbers == number
    if pictures.predicted is None or not rows.any():
        return None
    return float((pictures.predicted[rows] == numbers[rows]).mean())


def _kid(ours: CopyFeatures, train: CopyFeatures, unseen: CopyFeatures, seed: int) -> Measure:
    ends = [kid_interval(side.vectors, unseen.vectors, seed=seed) for side in (ours, train)]
    return over_chance(*ends)


def _coverage(ours: CopyFeatures, train: CopyFeatures, unseen: CopyFeatures) -> Measure:
    """At equal counts on all three sides."""
    count = min(len(ours), len(train), len(unseen))
    k = min(5, count - 1)
    value, floor = (
        manifold(side.vectors[:count], unseen.vectors[:count], k=k).coverage
        for side in (ours, train)
    )
    return measure(value, floor)


def _twins(ours: CopyFeatures, train: CopyFeatures) -> Measure | None:
    if min(len(ours), len(train)) < LEAST:
        return None
    twins = near_duplicates(ours.vectors, train.vectors)
    return measure(twins.share, twins.real_share)
