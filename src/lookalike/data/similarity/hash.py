"""Perceptual hashes: 64 bits that hardly change when a picture is saved again or brightened.

The hash is the DCT hash: the picture as 32 x 32 grey, its lowest 8 x 8 frequencies, each above or
below their median (Zauner 2010, "Implementation and benchmarking of perceptual image hash
functions"). Mirroring changes the sign of the odd horizontal frequencies, so the hash of the
mirrored picture comes from the same transform.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike import images
from lookalike.images import Pixels

Hashes = NDArray[np.uint64]

THUMB = 16
"""The side of the thumbnails that decide whether two pictures with close hashes are alike."""

_SIDE = 32
_LOW = 8


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """The first rows of the DCT-II matrix, float64 ``[8, 32]``."""
    at = (2 * np.arange(_SIDE) + 1) * np.pi / (2 * _SIDE)
    return np.asarray(np.cos(np.arange(_LOW)[:, None] * at), np.float64)


def small_grey(picture: Pixels) -> NDArray[np.float64]:
    """One uint8 ``[H, W, C]`` picture as grey ``[32, 32]`` in 0..255."""
    grey = images.to_pillow(images.measurable(picture)).convert("L")
    if grey.size != (_SIDE, _SIDE):
        grey = grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return np.asarray(grey, np.float64)


def perceptual_hashes(picture: Pixels) -> tuple[int, int]:
    """The 64-bit hashes of a picture and of its mirror image."""
    cosines = _cosines()
    low = cosines @ small_grey(picture) @ cosines.T
    mirrored = low * np.where(np.arange(_LOW) % 2, -1.0, 1.0)
    return _bits(low), _bits(mirrored)


def _bits(low: NDArray[np.float64]) -> int:
    values = low.reshape(-1)
    above = values > np.sort(values[1:])[_LOW * _LOW // 2 - 1]
    return int.from_bytes(np.packbits(above).tobytes(), "big")


def thumbnail(picture: Pixels) -> Pixels:
    """One picture as uint8 ``[16, 16, 1 or 3]``."""
    seen = images.measurable(picture)
    small = images.to_pillow(seen).resize((THUMB, THUMB), Image.Resampling.BOX)
    return np.asarray(small, np.uint8).reshape(THUMB, THUMB, seen.shape[-1])


def distance(one: Hashes, other: Hashes) -> NDArray[np.int64]:
    """How many bits differ, elementwise."""
    differing = np.bitwise_xor(one, other)
    if hasattr(np, "bitwise_count"):
        return np.asarray(np.bitwise_count(differing), np.int64)
    octets = np.ascontiguousarray(differing)[..., None].view(np.uint8)
    return np.asarray(np.unpackbits(octets, axis=-1).sum(-1), np.int64)
