"""Which synthetic pictures are fit to be added to real ones, and why the others are not.

A candidate has to be of the class it was made for in the eyes of a classifier that never saw the
generator, no copy of a training picture, not farther from all real pictures than real pictures are,
and not the twin of one that was taken already. Every limit is learned from real pictures. They are
picked batch by batch, so that a stop loses one batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.expanded.balance import LEAST
from lookalike.data.expanded.partial_results import Arrays, Unfinished
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.scratch_array import gathered
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.copies.search import (
    ENOUGH,
    NATURAL,
    CopyFeatures,
    CopyRule,
    calibrate,
    nearness,
    see,
)
from lookalike.metrics.distances.manifold import lower_quantile
from lookalike.metrics.distances.nearest import Numbers, Vectors
from lookalike.metrics.features.features import Features
from lookalike.metrics.features.real_features import RealFeatures, shuffled
from lookalike.metrics.utility.classifier import Classifier
from lookalike.metrics.utility.vector_search import VectorSearch
from lookalike.progress import Tell, silent

MOST = 20_000
"""Pictures of each split that are looked at."""

AXES = 16
"""Directions along which the search for twins compares first."""

REASONS = {
    "class": "taken for another class",
    "copy": "a copy of a training picture",
    "outlier": "unlike every real picture",
    "twin": "nearly the same as one taken before",
}
"""Why a candidate is rejected, in the order in which it is asked."""

Make = Callable[[int, int, int], Pixels]
"""Pictures ``first .. first + count`` of a class: ``make(class number, first, count)``."""

BATCH, LEAST_TRIES, HOPELESS = 64, 64, 256
"""Candidates that are looked at together, that are looked at in any case, and after which it is
given up where none has passed."""


@dataclass(frozen=True)
class CandidateLook:
    """What is known of some candidates; arrays over them.

    ``probabilities`` ``[N, K]`` are the classifier's. ``copy`` is the nearness to the nearest
    training picture over the nearness that counts as a copy: up to 1 is a copy. ``far`` is the
    distance to the nearest training picture over the outlier limit: above 1 is an outlier.
    """

    vectors: Vectors
    probabilities: Numbers | None
    copy: Numbers
    far: Numbers


@dataclass(frozen=True, eq=False)
class Sieve:
    """The limits that candidates are held against, in the space of ``eye``.

    ``outlier`` is the distance to the nearest training picture that one real picture in a hundred
    exceeds; ``twin`` is the distance below which one real picture in a hundred has a neighbor.
    Without a classifier every candidate is of its class.
    """

    eye: Features
    training: CopyFeatures
    rule: CopyRule
    outlier: float
    twin: float
    classifier: Classifier | None = None
    keep_copies: bool = False

    @cached_property
    def axes(self) -> NDArray[np.float32]:
        """The directions in which training pictures differ most, float32 ``[d, 16 or fewer]``."""
        vectors = self.training.vectors[:ENOUGH].astype(np.float64)
        _, _, axes = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
        return np.ascontiguousarray(axes[:AXES].T, np.float32)

    def look(self, pictures: Pixels) -> CandidateLook:
        """Look once at candidates, uint8 ``[N, H, W, C]``."""
        seen = see(pictures, self.eye)
        near = nearness(seen, self.training)
        least = max(self.rule.threshold, 1e-12)
        return CandidateLook(
            vectors=seen.vectors,
            probabilities=self.classifier.probabilities(pictures) if self.classifier else None,
            copy=self.rule.score(near) / least,
            far=near.by_features / max(self.outlier, 1e-12),
        )


def seen_by(pack: Pack, eye: Features, tell: Tell = silent) -> tuple[CopyFeatures, CopyFeatures]:
    """Training and held-out pictures as ``eye`` sees them; vectors come from the pack's cache.

    Raises:
        DataError: there are too few training pictures to learn limits from.
    """
    both = [shuffled(split)[:MOST] for split in (pack.train, pack.holdout)]
    if len(both[0]) < LEAST:
        raise DataError(
            f"{pack.name} has {len(both[0])} training pictures; learning what is a copy and what "
            f"is odd needs at least {LEAST}."
        )
    tell("looking at real pictures", 0, sum(map(len, both)))
    known = RealFeatures(pack, eye)
    seen = [see(gathered(pack.shards.take, rows), eye, vectors=known.of(rows)) for rows in both]
    known.save()
    return seen[0], seen[1]


def sieve(
    training: CopyFeatures,
    holdout: CopyFeatures,
    eye: Features,
    classifier: Classifier | None = None,
    *,
    keep_copies: bool = False,
) -> Sieve:
    """Learn the limits from training pictures and held-out ones, both as ``eye`` sees them."""
    limit = calibrate(training, holdout)
    real = np.concatenate([limit.holdout.by_features, limit.own])
    return Sieve(
        eye=eye,
        training=training,
        rule=limit.rule,
        outlier=float(np.quantile(real, 1 - NATURAL, method="higher")),
        twin=lower_quantile(limit.own, NATURAL),
        classifier=classifier,
        keep_copies=keep_copies,
    )


@dataclass
class SelectedPictures:
    """The pictures of one class that were taken so far; it remembers them to refuse their twins."""

    sieve: Sieve
    number: int
    taken: int = field(default=0, init=False)
    tried: int = field(default=0, init=False)
    rejected: Counter[str] = field(default_factory=Counter, init=False)
    _kept: VectorSearch = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._kept = VectorSearch(self.sieve.axes)

    def ask(self, look: CandidateLook, row: int) -> tuple[str | None, dict[str, float]]:
        """Take this candidate, or say why not (a key of ``REASONS``); with its scores."""
        self.tried += 1
        apart = self._apart(look.vectors[row])
        scores = {"copy": float(look.copy[row]), "outlier": float(look.far[row])}
        if np.isfinite(apart):
            scores["twin"] = apart
        agrees = True
        if look.probabilities is not None:
            scores["agreement"] = float(look.probabilities[row, self.number])
            agrees = int(look.probabilities[row].argmax()) == self.number
        reason = self._reason(agrees, scores, apart)
        if reason:
            self.rejected[reason] += 1
        else:
            self._keep(look.vectors[row])
        return reason, scores

    def recall(self, vectors: Vectors, tried: int, rejected: Mapping[str, int]) -> None:
        """Take up again what was chosen earlier: vectors of the taken ones, and the counts."""
        for vector in vectors:
            self._keep(vector)
        self.tried += tried
        self.rejected.update(rejected)

    def since(self, tried: int, rejected: Counter[str]) -> dict[str, Any]:
        """The counts since they were these, as :meth:`recall` takes them."""
        return {"tried": self.tried - tried, "rejected": dict(self.rejected - rejected)}

    def _reason(self, agrees: bool, scores: dict[str, float], apart: float) -> str | None:
        wrong = {
            "class": not agrees,
            "copy": scores["copy"] <= 1 and not self.sieve.keep_copies,
            "outlier": scores["outlier"] > 1,
            "twin": apart <= 1,
        }
        return next((reason for reason in REASONS if wrong[reason]), None)

    def _apart(self, vector: NDArray[np.float32]) -> float:
        """Distance to the nearest one taken, over the distance of twins; infinite for the first."""
        if not self.taken:
            return float("inf")
        return self._kept.distance(vector) / max(self.sieve.twin, 1e-12)

    def _keep(self, vector: NDArray[np.float32]) -> None:
        self._kept.add(vector)
        self.taken += 1


@dataclass(frozen=True)
class PickedPicture:
    """A candidate that passed, uint8 ``[S, S, C]``: its index among them, and its scores."""

    picture: Pixels
    index: int
    scores: dict[str, float]


def pick(
    make: Make, chosen: SelectedPictures, wanted: int, tries: int, work: Unfinished, tell: Tell
) -> Iterator[PickedPicture]:
    """The candidates that pass, in the order of their index, until enough or too many were tried.

    At most ``tries`` candidates for each wanted picture are looked at (at least 64), and 256 when
    none of them passes; fewer where ``make`` gives no more. What ``work`` holds already is taken
    from there.
    """
    most, first = max(LEAST_TRIES, tries * wanted), 0
    while chosen.taken < wanted and first < most and chosen.tried == first:
        if first >= HOPELESS and not chosen.taken:
            return
        count = min(BATCH, most - first)
        name = f"{chosen.number}-{first}"
        done = work.load(name)
        if done is None:
            yield from _look(make, chosen, wanted, (first, count), work)
        else:
            counts, arrays = done
            chosen.recall(arrays["vectors"], counts["tried"], counts["rejected"])
            for picture, (index, scores) in zip(arrays["pictures"], counts["taken"], strict=True):
                yield PickedPicture(picture, index, scores)
        first += count
        tell(f"class {chosen.number + 1}: pictures that pass", chosen.taken, wanted)


def _look(
    make: Make, chosen: SelectedPictures, wanted: int, span: tuple[int, int], work: Unfinished
) -> list[PickedPicture]:
    """Ask for these candidates one by one, and keep the answers."""
    first, count = span
    pictures = make(chosen.number, first, count)
    if not len(pictures):
        return []
    look = chosen.sieve.look(pictures)
    tried, rejected, rows, passed = chosen.tried, chosen.rejected.copy(), [], []
    for row, picture in enumerate(pictures):
        if chosen.taken == wanted:
            break
        reason, scores = chosen.ask(look, row)
        if reason is None:
            rows.append(row)
            rounded = {name: round(value, 4) for name, value in scores.items()}
            passed.append(PickedPicture(picture, first + row, rounded))
    taken = [(picked.index, picked.scores) for picked in passed]
    counts = {**chosen.since(tried, rejected), "taken": taken}
    arrays: Arrays = {"pictures": pictures[rows], "vectors": look.vectors[rows]}
    work.save(f"{chosen.number}-{first}", counts, arrays)
    return passed
