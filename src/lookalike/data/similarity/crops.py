"""Is one picture a part of the other? Found by features, decided by laying one over the other.

Features of a network are close for a picture and its crop, and also for two faces of one set. So
features only propose pairs; here the one is searched in the other at 70 to 100 % of its side.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike import images
from lookalike.data.similarity.hash import THUMB
from lookalike.data.similarity.near_duplicates import Pairs, difference, least_difference
from lookalike.images import Pixels

CLOSE = 0.8
"""Cosine of EfficientNet-Lite0 features from which a pair is looked at; crops have .86 and more."""

NEIGHBORS = 4
_SCALES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
_STEPS = 5
_RMS, _PEAK = 10.0, 68.0
"""Laid over each other at the best place, crops differ by less, other pictures by more."""

_HOPE = 22.0
_PLACES = 6

Box = tuple[float, float, float]


def candidates(features: NDArray[np.float32], close: float = CLOSE) -> Pairs:
    """The nearest neighbors (i < j) by cosine, at most four of each picture, int64 ``[M, 2]``."""
    count = len(features)
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
    found = []
    most = min(NEIGHBORS, count - 1)
    for start in range(0, count if most > 0 else 0, 1024):
        likeness = unit[start : start + 1024] @ unit.T
        rows = np.arange(len(likeness))
        likeness[rows, rows + start] = -1
        best = np.argpartition(-likeness, most - 1, axis=1)[:, :most]
        kept = np.take_along_axis(likeness, best, 1) >= close
        found.append(np.stack([np.repeat(rows + start, kept.sum(1)), best[kept]], 1))
    if not found:
        return np.empty((0, 2), np.int64)
    pairs = np.sort(np.concatenate(found).astype(np.int64), axis=1)
    return np.unique(pairs, axis=0)


def is_crop(one: Pixels, other: Pixels) -> bool:
    """Whether one picture shows a part of the other (or all of it), perhaps mirrored."""
    return _inside(one, other) or _inside(other, one)


def _inside(whole: Pixels, part: Pixels) -> bool:
    """Search ``part`` in ``whole``: a coarse grid first, then around the best places."""
    source, wanted = images.to_pillow(whole), _small(images.to_pillow(part))
    size = whole.shape[0]
    grid = _grid(size)
    rough = _rough(whole, grid, wanted)
    boxes = [grid[at] for at in np.argsort(rough)[:_PLACES] if rough[at] <= _HOPE]
    for width in (0.03, 0.012, 0.0):
        if not boxes:
            return False
        rms, peak = _compare(source, boxes, wanted)
        best = int(rms.argmin())
        if rms[best] <= _RMS and peak[best] <= _PEAK:
            return True
        left, top, side = boxes[best]
        step = width * size
        boxes = [
            (left + x * step, top + y * step, side + s * step)
            for x in (-1, 0, 1)
            for y in (-1, 0, 1)
            for s in (-1, 0, 1)
            if width
        ]
    return False


@lru_cache(maxsize=4)
def _grid(size: int) -> tuple[Box, ...]:
    """Places to look at: (left, top, side) in pixels."""
    return tuple(
        (float(left), float(top), scale * size)
        for scale in _SCALES
        for left in np.linspace(0, (1 - scale) * size, _STEPS if scale < 1 else 1)
        for top in np.linspace(0, (1 - scale) * size, _STEPS if scale < 1 else 1)
    )


def _rough(whole: Pixels, grid: tuple[Box, ...], wanted: Pixels) -> NDArray[np.float32]:
    """How much each place differs at 4 x 4 pixels, by a table of sums; float32 ``[len(grid)]``."""
    sums = np.pad(whole.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0), (0, 0)))
    left, top, side = np.array(grid).T
    cells = np.linspace(0, 1, 5)
    x = np.rint(left[:, None] + cells * side[:, None]).astype(int)
    y = np.rint(top[:, None] + cells * side[:, None]).astype(int)
    corners = sums[y[:, :, None], x[:, None, :]]
    total = np.diff(np.diff(corners, axis=1), axis=2)
    area = np.diff(y, axis=1)[:, :, None] * np.diff(x, axis=1)[:, None, :]
    small = (total / area[..., None]).astype(np.float32)
    part = wanted.reshape(4, 4, 4, 4, -1).mean((1, 3), dtype=np.float32)
    return least_difference(small, np.broadcast_to(part, small.shape))[0]


def _compare(
    source: Image.Image, boxes: list[Box], wanted: Pixels
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    size = source.width
    parts = []
    for left, top, side in boxes:
        side = min(max(side, 1.0), size)
        left, top = min(max(left, 0.0), size - side), min(max(top, 0.0), size - side)
        parts.append(_small(source, (left, top, left + side, top + side)))
    thumbs = np.stack([wanted, *parts])
    pairs = np.stack([np.arange(1, len(thumbs)), np.zeros(len(parts), np.int64)], 1)
    return difference(thumbs, pairs)


def _small(picture: Image.Image, box: tuple[float, float, float, float] | None = None) -> Pixels:
    small = picture.resize((THUMB, THUMB), Image.Resampling.BOX, box=box)
    return np.asarray(small, np.uint8).reshape(THUMB, THUMB, -1)
