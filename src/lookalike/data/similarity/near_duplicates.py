"""Groups of pictures that are the same to the eye: copies, saved again, brightened, mirrored.

Hashes propose pairs and thumbnails decide. Made for sets from ten pictures to millions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lookalike.data.similarity.hash import Hashes, distance
from lookalike.images import Pixels

Pairs = NDArray[np.int64]
Groups = NDArray[np.int64]

NEAR = 10
"""Bits that may differ for a pair to be looked at: different photographs have at least 20."""


@dataclass(frozen=True)
class SimilarPictures:
    """What two pictures must have in common to count as the same.

    ``bits`` of the hashes that may differ; ``rms`` and ``peak`` of the difference of the
    thumbnails, in levels of 255, after brightness and contrast are fitted. JPEG at quality 30, half
    the size, blur and noise stay below 6.5 and 45 on photographs and on drawings; two drawings that
    differ by the mouth alone do not.
    """

    bits: int
    rms: float
    peak: float


STEPS = (
    SimilarPictures(NEAR, 8.0, 45.0),
    SimilarPictures(4, 4.0, 25.0),
    SimilarPictures(2, 2.0, 12.0),
)
"""From the usual demand to stricter ones for crowded sets."""

_HOPELESS = 14.0
"""Pairs whose 4 x 4 thumbnails differ by more than this are not looked at closely."""

_CONTRAST = 20.0
"""Differences in paler thumbnails count as if their standard deviation were this."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Part:
    """``bits`` of a hash from ``shift`` on, in which ``reach`` may differ to be looked at."""

    shift: int
    bits: int
    reach: int

    def of(self, hashes: Hashes) -> NDArray[np.int64]:
        """This part of every hash."""
        mask = np.uint64((1 << self.bits) - 1)
        return ((hashes >> np.uint64(self.shift)) & mask).astype(np.int64)

    @property
    def changes(self) -> list[int]:
        """What a part is combined with (exclusive or) to give all that are within reach."""
        sizes = range(self.reach + 1)
        return [
            sum(1 << bit for bit in some)
            for size in sizes
            for some in combinations(range(self.bits), size)
        ]


def _parts(bits: Sequence[int], reach: Sequence[int]) -> tuple[_Part, ...]:
    shifts = np.cumsum([0, *bits[:-1]]).tolist()
    return tuple(_Part(*one) for one in zip(shifts, bits, reach, strict=True))


_EVERY_PAIR = 2_000
"""Up to so many different hashes, looking at every pair of them takes less than an index."""

_INDEXES = (
    (20_000, _parts((16, 16, 16, 16), (2, 2, 2, 1))),
    (250_000, _parts((16, 16, 16, 16), (1, 1, 1, 1))),
    (1 << 40, _parts((21, 21, 22), (1, 1, 1))),
)
"""Up to so many different hashes, the parts in which one of a pair has to be within reach. Two
hashes in which one bit fewer differs than the sum of (reach + 1) are so in one part at least (the
pigeonhole principle): 10, 7 and 5 bits. What a part lets through grows with the square of the
count over two to the power of its bits."""


def near_groups(
    hashes: Hashes, mirrored: Hashes, thumbs: Pixels, rows: Groups | None = None
) -> Groups:
    """Group pictures that are the same to the eye: the smallest member of each, int64 ``[N]``.

    ``thumbs`` is uint8 ``[M, 16, 16, C]``, of which ``rows`` are the pictures' own (all of them
    where none are given): a file of a million thumbnails is then not copied for it. In sets of
    very similar drawings everything is close to something, and chains would tie the whole set
    together; so a group of more than 2 % of the set (and more than 20) is taken apart again with a
    stricter demand, and at last dissolved.
    """
    count = len(hashes)
    groups = np.arange(count)
    pairs = close_pairs(hashes, mirrored, STEPS[0].bits)
    rms, peak = difference(thumbs, pairs if rows is None else rows[pairs])
    bits = pair_bits(hashes, mirrored, pairs)
    unsettled = np.ones(count, np.bool_)
    largest = max(20, count // 50)
    for step in STEPS:
        fits = (bits <= step.bits) & (rms <= step.rms) & (peak <= step.peak)
        fits &= unsettled[pairs].all(1)
        found = connected(count, pairs[fits])
        settled = unsettled & (np.bincount(found, minlength=count)[found] <= largest)
        groups[settled] = found[settled]
        unsettled &= ~settled
        if not unsettled.any():
            break
    return groups


def pair_bits(hashes: Hashes, mirrored: Hashes, pairs: Pairs) -> NDArray[np.int64]:
    """How many bits of the two hashes differ, mirrored or not, int64 ``[len(pairs)]``."""
    one, other = pairs[:, 0], pairs[:, 1]
    plain = distance(hashes[one], hashes[other])
    return np.minimum(plain, distance(mirrored[one], hashes[other]))


def difference(thumbs: Pixels, pairs: Pairs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much two thumbnails differ: root mean square and peak, in levels, float32 ``[N]`` each.

    The second picture may be the mirrored, brightened (also up to white) or dimmed first one, or
    the other way round: the smallest of these differences counts. In pale pictures small
    differences count more.
    """
    rms = np.full(len(pairs), 255.0, np.float32)
    peak = np.full(len(pairs), 255.0, np.float32)
    step = max(1, _BLOCK // max(1, int(np.prod(thumbs.shape[1:]))))
    for start in range(0, len(pairs), step):
        first, second = pairs[start : start + step].T
        members, at = np.unique(pairs[start : start + step], return_inverse=True)
        small = _coarse(thumbs[members])
        coarse, _ = least_difference(*small[at.reshape(-1, 2).T])
        hopeful = np.flatnonzero(coarse <= _HOPELESS)
        if not len(hopeful):
            continue
        one, other = thumbs[first[hopeful]], thumbs[second[hopeful]]
        found = least_difference(one.astype(np.float32), other.astype(np.float32))
        rms[start + hopeful], peak[start + hopeful] = found
    return rms, peak


def _coarse(thumbs: Pixels) -> NDArray[np.float32]:
    """Thumbnails of a quarter of the side, for a first and fast look."""
    count, side, _, channels = thumbs.shape
    blocks = thumbs.reshape(count, side // 4, 4, side // 4, 4, channels)
    return np.asarray(blocks.sum((2, 4), dtype=np.uint16), np.float32) / np.float32(16)


def least_difference(
    one: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The smallest difference over both directions and both mirrorings."""
    turned = other[:, :, ::-1]
    ways = ((one, other), (other, one), (one, turned), (turned, one))
    found = [_unexplained(first, second) for first, second in ways]
    rms, peak = np.stack([way[0] for way in found]), np.stack([way[1] for way in found])
    best = rms.argmin(0)[None]
    return np.take_along_axis(rms, best, 0)[0], np.take_along_axis(peak, best, 0)[0]


def _unexplained(
    one: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is left of ``other`` when it is predicted as ``clip(gain * one + offset)``."""
    count = len(one)
    a, b = one.reshape(count, -1), other.reshape(count, -1)
    weight = ((a > 4) & (a < 251) & (b > 4) & (b < 251)).astype(np.float32)
    weight += (weight.mean(1, keepdims=True) < 0.1).astype(np.float32) + 1e-6
    weight /= weight.sum(1, keepdims=True)
    mean_a, mean_b = (weight * a).sum(1, keepdims=True), (weight * b).sum(1, keepdims=True)
    spread = (weight * (a - mean_a) ** 2).sum(1, keepdims=True)
    common = (weight * (a - mean_a) * (b - mean_b)).sum(1, keepdims=True)
    gain = np.where(spread > 1, common / np.maximum(spread, 1), 1.0).clip(0.4, 2.5)
    left = np.abs(b - (gain * (a - mean_a) + mean_b).clip(0, 255))
    left *= np.maximum(1, _CONTRAST / (b.std(1, keepdims=True) + 1e-3))
    return np.sqrt((left**2).mean(1)), left.max(1)


def close_pairs(hashes: Hashes, mirrored: Hashes, most: int = NEAR) -> Pairs:
    """Pairs (i < j) whose hashes, or one and the other's mirror, differ in <= ``most`` bits.

    Up to 20,000 different hashes, all such pairs; of more, all up to 7 bits, and of more than
    250,000, all up to 5 bits, with some of those in which more differ. Of equal hashes only
    neighbors are paired. When more pairs come than a set can use (five per picture and 300,000),
    fewer bits may differ.
    """
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    close = _Close(most, 300_000 + 5 * len(hashes))
    for query in (unique, mirrored[first]):
        for rows, columns in _search(query, unique, close):
            close.add(rows, columns, distance(query[rows], unique[columns]))
    pairs = [_equal_pairs(inverse.reshape(-1)), first[close.pairs()]]
    joined = np.sort(np.concatenate(pairs).astype(np.int64), axis=1)
    joined = joined[joined[:, 0] < joined[:, 1]]
    return np.unique(joined, axis=0)


class _Close:
    """Pairs that differ in ``most`` bits or fewer; when too many come, fewer bits may differ."""

    def __init__(self, most: int, limit: int) -> None:
        self.most = most
        self._limit = limit
        self._size = 0
        self._found: list[Pairs] = [np.empty((0, 3), np.int64)]

    def add(self, rows: Pairs, columns: Pairs, bits: NDArray[np.int64]) -> None:
        self._found.append(np.stack([rows, columns, bits], 1))
        self._size += len(rows)
        while self._size > self._limit and self.most >= 0:
            self.most -= 2
            self._found = [part[part[:, 2] <= self.most] for part in self._found]
            self._size = sum(map(len, self._found))

    def pairs(self) -> Pairs:
        return np.concatenate(self._found)[:, :2]


def _equal_pairs(group: NDArray[np.int64]) -> Pairs:
    """Pair every picture with the next one, and with the first one, of the same hash."""
    order = np.argsort(group, kind="stable")
    ranked = group[order]
    same = ranked[1:] == ranked[:-1]
    neighbors = np.stack([order[:-1][same], order[1:][same]], 1)
    later = order[1:][same]
    starts = order[np.searchsorted(ranked, group[later])]
    return np.concatenate([neighbors, np.stack([starts, later], 1)])


Found = Iterator[tuple[Pairs, Pairs]]
"""Rows of the query and, further on, of the hashes, block after block."""


def _search(query: Hashes, hashes: Hashes, close: _Close) -> Found:
    """The way that suits so many hashes; each pair comes once."""
    if len(hashes) <= _EVERY_PAIR:
        return _brute_pairs(query, hashes, close)
    parts = next(parts for most, parts in _INDEXES if len(hashes) <= most)
    return _indexed_pairs(query, hashes, close, parts)


def _brute_pairs(query: Hashes, hashes: Hashes, close: _Close) -> Found:
    step = max(1, _BLOCK // max(1, len(hashes)))
    for start in range(0, len(query), step):
        near = distance(query[start : start + step, None], hashes[None, :]) <= close.most
        rows, columns = np.nonzero(near)
        keep = rows + start < columns
        yield rows[keep] + start, columns[keep]


def _indexed_pairs(query: Hashes, hashes: Hashes, close: _Close, parts: Sequence[_Part]) -> Found:
    for number, part in enumerate(parts):
        keys = part.of(hashes)
        order = np.argsort(keys, kind="stable")
        counts = np.bincount(keys, minlength=1 << part.bits)
        ends = np.cumsum(counts)
        for start in range(0, len(query), _BLOCK):
            asked = part.of(query[start : start + _BLOCK])
            for change in part.changes:
                if change.bit_count() > close.most:
                    break
                wanted = asked ^ change
                for rows, columns in _expand(ends[wanted] - counts[wanted], ends[wanted]):
                    rows, columns = rows + start, order[columns]
                    later = rows < columns
                    rows, columns = rows[later], columns[later]
                    keep = distance(query[rows], hashes[columns]) <= close.most
                    rows, columns = rows[keep], columns[keep]
                    new = _unseen(query[rows] ^ hashes[columns], parts[:number])
                    yield rows[new], columns[new]


def _unseen(differing: Hashes, before: Sequence[_Part]) -> NDArray[np.bool_]:
    """Whether a pair is out of reach in the parts that were looked at before, bool ``[N]``."""
    new = np.ones(len(differing), np.bool_)
    for part in before:
        bits = part.of(differing).astype(np.uint64)
        new &= distance(bits, np.zeros_like(bits)) > part.reach
    return new


def _expand(
    low: NDArray[np.int64], high: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Every (i, k) with low[i] <= k < high[i], a few million at a time."""
    ends = np.cumsum(high - low)
    start = 0
    while start < len(low):
        base = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, base + _BLOCK, "right")))
        counts = (high - low)[start:stop]
        rows = np.repeat(np.arange(start, stop), counts)
        inside = np.arange(len(rows)) - np.repeat(ends[start:stop] - counts - base, counts)
        yield rows, low[rows] + inside
        start = stop


def connected(count: int, pairs: Pairs) -> Groups:
    """The connected groups as one number per picture: the smallest member, int64 ``[count]``."""
    groups = np.arange(count)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    members, inverse = np.unique(pairs, return_inverse=True)
    parent = list(range(len(members)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for one, other in inverse.reshape(-1, 2).tolist():
        first, second = root(one), root(other)
        if first != second:
            parent[max(first, second)] = min(first, second)
    groups[members] = members[[root(at) for at in range(len(members))]]
    return groups
