"""How alike the pictures of a set are: one number from a small look at some of them."""

from __future__ import annotations

import numpy as np

from lookalike.data.pack import Pack
from lookalike.data.pictures import some
from lookalike.images import Pixels

SIDE, LOOK = 16, 400


def likeness_of(pack: Pack) -> float:
    """How alike the training pictures of a pack are, by up to 400 of them.

    It is 1 where there are none, and where the side is no multiple of 16.
    """
    if len(pack.train) == 0 or pack.size % SIDE:
        return 1.0
    return likeness(pack.train.images(some(len(pack.train), LOOK)))


def likeness(pictures: Pixels) -> float:
    """The mean correlation of two grey pictures at 16 px, between -1 and 1.

    ``pictures`` are uint8 ``[N, S, S, C]`` with S a multiple of 16. Faces that all look at one from
    the same place come near 0.8, icons near 0.1. Plain pictures say nothing and are left out; with
    fewer than two others it is 1.
    """
    count, size = pictures.shape[:2]
    grey = pictures.astype(np.float64).mean(3)
    part = size // SIDE
    small = grey.reshape(count, SIDE, part, SIDE, part).mean((2, 4)).reshape(count, -1)
    small -= small.mean(1, keepdims=True)
    length = np.linalg.norm(small, axis=1)
    small = small[length > 1] / length[length > 1, None]
    if len(small) < 2:
        return 1.0
    products = small @ small.T
    return float((products.sum() - np.trace(products)) / (len(small) * (len(small) - 1)))
