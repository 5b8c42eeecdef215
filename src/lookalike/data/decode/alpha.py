"""The colors of transparent pictures where nothing can be seen.

A file says nothing sensible of colors under alpha 0: black, white, or what an editor left there. A
generator would learn that, and wherever its alpha is not quite 0 it would be seen, a dark or light
fringe. So these colors become those of the visible pixels nearby, which blur out with distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SEEN = 32
"""From this alpha (of 255) on a pixel keeps its color; below, what 8 bits round away when a picture
is made smaller is a large part of it, and the color fades into those nearby."""


def bled(picture: Image.Image, seen: int = SEEN) -> Image.Image:
    """An RGBA picture with the colors of its visible pixels under the others; alpha as it is.

    From an alpha of ``seen`` on, colors stay as they are.

    Pull-push (Gortler et al. 1996, "The lumigraph", section 3.4.2): colors are averaged by weight
    to ever smaller pictures, and each hole is filled from the next smaller one that has a color
    there. Where nothing is visible at all, everything becomes mid grey.
    """
    pixels: NDArray[np.float32] = np.asarray(picture, np.float32)
    weight: NDArray[np.float32] = (pixels[..., 3:] / seen).clip(max=1)
    if float(weight.min()) == 1:
        return picture
    colors = _filled(pixels[..., :3], weight)
    both = np.concatenate([colors.round().clip(0, 255), pixels[..., 3:]], -1)
    return Image.fromarray(both.astype(np.uint8))


def _filled(colors: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colors ``[H, W, 3]``, each as far as its weight ``[H, W, 1]`` in [0, 1] goes, then filled."""
    height, width = weight.shape[:2]
    if height == width == 1:
        return colors * weight + 127.5 * (1 - weight)
    edges = ((0, height % 2), (0, width % 2), (0, 0))
    even, heavy = np.pad(colors * weight, edges), np.pad(weight, edges)
    total = _fours(heavy)
    mean: NDArray[np.float32] = _fours(even) / total.clip(min=1e-6)
    below = _enlarged(_filled(mean, total.clip(max=1)), height, width)
    return colors * weight + below * (1 - weight)


def _fours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over blocks of 2 x 2."""
    height, width, depth = values.shape
    blocks = values.reshape(height // 2, 2, width // 2, 2, depth)
    sums: NDArray[np.float32] = blocks.sum((1, 3))
    return sums


def _enlarged(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Twice as large by bilinear interpolation, cut to this size."""
    for axis, length in ((0, height), (1, width)):
        at = np.clip((np.arange(length) - 0.5) / 2, 0, values.shape[axis] - 1)
        low = at.astype(np.intp)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = (at - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values
