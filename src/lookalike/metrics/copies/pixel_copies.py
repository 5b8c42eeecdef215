"""Copies by low-resolution pixels alone: a quick search that needs no network.

It is half of :mod:`lookalike.metrics.copies.copies`, for the places that make many pictures:
mirrored, moved and cropped copies are searched at 32 pixels, with fewer candidates. What is too
near is learned in the same way, from pictures that cannot be copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds
from lookalike.images import Pixels as Pictures
from lookalike.metrics.copies.alignment import align, shrink
from lookalike.metrics.copies.copies import ENOUGH, NATURAL, TINY, mirrored
from lookalike.metrics.distances.manifold import lower_quantile
from lookalike.metrics.distances.nearest import Indices, Numbers, Vectors, candidates
from lookalike.metrics.features.features import Pixels

LISTED = 2
"""Candidates taken upright and mirrored: 0.84 instead of 0.88 of cropped cartoon faces are found
with them, for two thirds of the time of three."""

SAME = 1e-3
"""A quarter of a grey level: pictures that are this near are the same picture."""


@dataclass(frozen=True, eq=False)
class SmallPictures:
    """Pictures as this search sees them: ``[N, 8 * 8 * C]`` and uint8 ``[N, 32, 32, C]``."""

    tiny: Vectors
    small: Pictures

    def __len__(self) -> int:
        return len(self.tiny)

    def part(self, rows: slice | Indices) -> SmallPictures:
        """Some of the rows."""
        return SmallPictures(self.tiny[rows], self.small[rows])


def small_pictures(pictures: Pictures) -> SmallPictures:
    """Shrink uint8 ``[N, H, W, C]``: about 4 kB a picture."""
    tiny = Pixels(side=TINY, channels=pictures.shape[-1])(pictures)
    return SmallPictures(tiny, shrink(pictures))


def apart(
    samples: SmallPictures, training: SmallPictures, *, itself: bool = False
) -> tuple[Numbers, Indices]:
    """Distance to, and row of, the nearest training picture of every sample; arrays ``[N]``.

    With ``itself`` the samples are the first rows of the training pictures, and each is compared
    with the others only.
    """
    near = [
        candidates(way, training.tiny, LISTED, itself=itself)
        for way in (samples.tiny, mirrored(samples.tiny))
    ]
    return align(samples.small, training.small, np.concatenate(near, axis=1))


def too_near(training: SmallPictures, holdout: SmallPictures, seed: int = 0) -> float:
    """The distance that only one in a hundred pictures falls below that cannot be a copy.

    Held-out pictures say so; below 500 of them, training pictures against all others help out.
    Never below a quarter of a grey level, so that an exact replay is always a copy.
    """
    found = [apart(holdout, training)[0]] if len(holdout) and len(training) else []
    missing = min(ENOUGH - len(holdout), len(training))
    if missing > 0 and len(training) > 1:
        order = seeds.array_generator(seed, "one-against-rest").permutation(len(training))
        mixed = training.part(order)
        found.append(apart(mixed.part(slice(0, missing)), mixed, itself=True)[0])
    told: NDArray[np.float64] = np.concatenate(found) if found else np.zeros(0)
    return max(lower_quantile(told, NATURAL) if len(told) else 0.0, SAME)
