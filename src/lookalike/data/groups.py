"""Groups of pictures that are the same to the eye: copies, saved again, brightened, mirrored.

Hashes propose pairs and thumbnails decide. Made for sets from ten pictures to millions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.data.hashes import Hashes, distance
from lookalike.images import Pixels

Pairs = NDArray[np.int64]
Groups = NDArray[np.int64]

NEAR = 6
"""Bits that may differ: different photographs have at least 20, altered copies mostly 0-2."""

STEPS: tuple[tuple[int, float], ...] = ((NEAR, 0.95), (3, 0.98), (1, 0.995))
"""From the usual demand (bits that differ, likeness) to stricter ones for crowded sets."""

_BRUTE = 20_000
_PARTS = 4
_PART_BITS = 16
_BLOCK = 1 << 22


def near_groups(
    hashes: Hashes,
    mirrored: Hashes,
    thumbs: Pixels,
    steps: Sequence[tuple[int, float]] = STEPS,
) -> Groups:
    """Group pictures that are the same to the eye: the smallest member of each, int64 ``[N]``.

    ``thumbs`` is uint8 ``[N, 16, 16, C]``. In sets of very similar drawings everything is close to
    something, and chains would tie the whole set together; so a group of more than 2 % of the set
    (and more than 20) is taken apart again with a stricter demand, and at last dissolved.
    """
    count = len(hashes)
    groups = np.arange(count)
    pairs = close_pairs(hashes, mirrored, steps[0][0])
    like, bits = likeness(thumbs, pairs), pair_bits(hashes, mirrored, pairs)
    unsettled = np.ones(count, np.bool_)
    largest = max(20, count // 50)
    for most, least in steps:
        fits = (bits <= most) & (like >= least) & unsettled[pairs].all(1)
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


def likeness(thumbs: Pixels, pairs: Pairs) -> NDArray[np.float32]:
    """The correlation of two colour thumbnails, the better of both mirrorings, float32 ``[N]``.

    1 for the same picture, also when brightness or contrast was changed.
    """
    found = np.zeros(len(pairs), np.float32)
    step = max(1, _BLOCK // max(1, int(np.prod(thumbs.shape[1:]))))
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        one = _standard(thumbs[part[:, 0]])
        other = _standard(thumbs[part[:, 1]])
        plain = np.einsum("nhwc,nhwc->n", one, other)
        turned = np.einsum("nhwc,nhwc->n", one, other[:, :, ::-1])
        found[start : start + step] = np.maximum(plain, turned)
    return found


def _standard(thumbs: Pixels) -> NDArray[np.float32]:
    """Mean 0 and length 1; a plain picture gets a constant, so that plain ones are alike."""
    values = thumbs.astype(np.float32)
    values -= values.mean((1, 2, 3), keepdims=True)
    length = np.sqrt((values**2).sum((1, 2, 3), keepdims=True))
    flat = length < 1.0
    values = np.where(flat, 1.0 / np.sqrt(values[0].size), values / np.where(flat, 1.0, length))
    return np.asarray(values, np.float32)


def close_pairs(hashes: Hashes, mirrored: Hashes, most: int = NEAR) -> Pairs:
    """Pairs (i < j) whose hashes, or one and the other's mirror, differ in <= ``most`` bits.

    Up to 20,000 different hashes, every pair of them is compared; beyond that, those that agree
    within one bit in one of four 16-bit parts (by the pigeonhole principle: all pairs up to 7
    bits). Of equal hashes only neighbors are paired. When more pairs come than a set can use
    (ten per picture), fewer bits may differ.
    """
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    pairs = [_equal_pairs(inverse.reshape(-1))]
    limit = 1_000_000 + 10 * len(hashes)
    for bits in range(most, -1, -2):
        found: list[Pairs] = []
        size = 0
        for query in (unique, mirrored[first]):
            search = _brute_pairs if len(unique) <= _BRUTE else _indexed_pairs
            for part in search(query, unique, bits):
                found.append(part)
                size += len(part)
                if size > limit:
                    break
        if size <= limit:
            pairs += [first[part] for part in found]
            break
    joined = np.sort(np.concatenate(pairs).astype(np.int64), axis=1)
    joined = joined[joined[:, 0] < joined[:, 1]]
    return np.unique(joined, axis=0)


def _equal_pairs(group: NDArray[np.int64]) -> Pairs:
    """Pair every picture with the next one, and with the first one, of the same hash."""
    order = np.argsort(group, kind="stable")
    ranked = group[order]
    same = ranked[1:] == ranked[:-1]
    neighbors = np.stack([order[:-1][same], order[1:][same]], 1)
    starts = order[np.searchsorted(ranked, ranked)]
    return np.concatenate([neighbors, np.stack([starts, order], 1)])


def _brute_pairs(query: Hashes, hashes: Hashes, most: int) -> Iterator[Pairs]:
    step = max(1, _BLOCK // max(1, len(hashes)))
    for start in range(0, len(query), step):
        near = distance(query[start : start + step, None], hashes[None, :]) <= most
        rows, columns = np.nonzero(near)
        keep = rows + start < columns
        yield np.stack([rows[keep] + start, columns[keep]], 1)


def _indexed_pairs(query: Hashes, hashes: Hashes, most: int) -> Iterator[Pairs]:
    masks = [0] + [1 << bit for bit in range(_PART_BITS)]
    for part in range(_PARTS):
        shift = np.uint64(part * _PART_BITS)
        keys = ((hashes >> shift) & np.uint64(0xFFFF)).astype(np.uint32)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        asked = ((query >> shift) & np.uint64(0xFFFF)).astype(np.uint32)
        for mask in masks:
            low = np.searchsorted(keys, asked ^ np.uint32(mask), "left")
            high = np.searchsorted(keys, asked ^ np.uint32(mask), "right")
            for rows, columns in _expand(low, high):
                columns = order[columns]
                keep = rows < columns
                keep[keep] = distance(query[rows[keep]], hashes[columns[keep]]) <= most
                yield np.stack([rows[keep], columns[keep]], 1)


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
    parent = list(range(count))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for one, other in pairs.tolist():
        first, second = root(one), root(other)
        if first != second:
            parent[max(first, second)] = min(first, second)
    return np.array([root(at) for at in range(count)], np.int64)
