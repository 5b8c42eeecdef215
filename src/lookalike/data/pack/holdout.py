"""The hold-out: pictures kept away from training, balanced over classes, no copy on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike import seeds

LEASTS = ((500, 50), (48, 16))
"""From so many pictures on, at least so many are held out: fewer than 16 cannot be judged by."""

Counts = NDArray[np.int64]

_TURN = 65_536
"""So many groups are looked at together for those whose class wants any."""

_OVER = 5
"""Groups that are too large are held out still while they exceed by a fifth of the hold-out."""


def wanted_holdout(count: int, share: float) -> int:
    """How many of ``count`` pictures should be held out."""
    if share <= 0 or count < 2:
        return 0
    least = next((least for enough, least in LEASTS if count >= enough), 1)
    return min(max(least, round(share * count)), count - 1)


def choose_holdout(
    groups: NDArray[np.int64],
    classes: Sequence[str],
    digests: ArrayLike,
    share: float,
    seed: int = 0,
    before: Sequence[str | None] | None = None,
) -> NDArray[np.bool_]:
    """Which pictures are held out, bool ``[N]``.

    ``share`` of each class, at least 16 pictures when there are 48 and 50 when there are 500. A
    group of the same pictures (``groups``: the smallest member of each) goes to one side as a
    whole, so that there may be a few less, or up to a fifth more. Which ones depends on the seed
    and on the pixels (``digests``), not on names or order.

    ``before`` is the side of each picture in an earlier pack ("train", "holdout" or None). What was
    held out stays so, and what was trained on is never held out, nor are new pictures of its group.
    """
    total = wanted_holdout(len(groups), share)
    if not total:
        return np.zeros(len(groups), np.bool_)
    owner, counts = _owners(classes)
    sizes = np.bincount(groups, minlength=len(groups))
    stay, free = _sides(groups, before)
    drawing = _Drawing(owner, counts, sizes, _quotas(counts, total))
    for leader in np.flatnonzero(stay).tolist():
        drawing.keep(leader)
    order = _in_order(np.flatnonzero(free & (sizes > 0)), groups, digests, seed)
    drawing.take_in_turn(order)
    drawing.take_large(order, total // _OVER)
    return np.asarray(drawing.held[groups], np.bool_)


class _Drawing:
    """Which groups are held out so far, by leader, and how much of each class is still wanted."""

    def __init__(self, owner: Counts, counts: Counts, sizes: Counts, quota: Counts) -> None:
        self.owner, self.counts, self.sizes, self.quota = owner, counts, sizes, quota
        self.held = np.zeros(len(sizes), np.bool_)

    def keep(self, leader: int) -> None:
        """A group that was held out before; each class keeps one to train on."""
        own = self.owner[leader]
        self.quota[own] -= self.sizes[leader]
        self.counts[own] -= self.sizes[leader]
        self.held[leader] = self.counts[own] > 0

    def take_in_turn(self, order: Counts) -> None:
        """Hold groups out one after the other while their class still wants so many."""
        for start in range(0, len(order), _TURN):
            some = order[start : start + _TURN]
            for leader in some[self.sizes[some] <= self.quota[self.owner[some]]].tolist():
                own = self.owner[leader]
                if self.sizes[leader] <= self.quota[own]:
                    self.quota[own] -= self.sizes[leader]
                    self.held[leader] = True

    def take_large(self, order: Counts, spare: int) -> None:
        """Fill what is wanted with groups that are too large, up to ``spare`` pictures too many."""
        left = order[~self.held[order] & (self.quota[self.owner[order]] > 0)]
        for leader in left[np.argsort(self.sizes[left], kind="stable")].tolist():
            own = self.owner[leader]
            over = self.sizes[leader] - self.quota[own]
            if not self.held[leader] and 0 < self.quota[own]:
                if over <= min(spare, self.counts[own] // 2):
                    spare -= over
                    self.quota[own] = 0
                    self.held[leader] = True


def _owners(classes: Sequence[str]) -> tuple[Counts, Counts]:
    """The class of every picture as a number, and how many pictures each class has."""
    numbers = {name: number for number, name in enumerate(sorted(set(classes)))}
    owner = np.fromiter((numbers[name] for name in classes), np.int64, len(classes))
    return owner, np.bincount(owner, minlength=len(numbers))


def _sides(
    groups: NDArray[np.int64], before: Sequence[str | None] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The groups that stay held out, and those that may be chosen; bool ``[N]`` by leader."""
    trained, held = np.zeros(len(groups), np.bool_), np.zeros(len(groups), np.bool_)
    for group, side in zip(groups, before or (), strict=before is not None):
        trained[group] |= side == "train"
        held[group] |= side == "holdout"
    return held & ~trained, ~held & ~trained


def _in_order(
    leaders: NDArray[np.int64], groups: NDArray[np.int64], digests: ArrayLike, seed: int
) -> Counts:
    """The groups in the order in which they are drawn: by the seed and their lowest digest."""
    lowest = np.full(len(groups), np.iinfo(np.int64).max)
    np.minimum.at(lowest, groups, np.asarray(digests, np.int64))
    places = (seeds.number(seed, "holdout", int(lowest[one])) for one in leaders)
    drawn = np.fromiter(places, np.int64, len(leaders))
    return leaders[np.argsort(drawn, kind="stable")]


def _quotas(counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Share ``total`` out in proportion, by largest remainder; each class keeps one to train on."""
    exact = counts * (total / counts.sum())
    quota = np.floor(exact).astype(np.int64)
    for index in np.argsort(quota - exact, kind="stable")[: total - int(quota.sum())]:
        quota[index] += 1
    return np.asarray(np.minimum(quota, counts - 1), np.int64)
