"""A cheap look at samples beside real pictures: variety, twins, nearness and roughness.

Everything is a ratio to what real pictures do among themselves, on 8 x 8 averages of the pictures,
so that 1 is "like the data". It costs milliseconds and needs no network; it sees collapse and
noise, not quality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.images import Pixels, measurable
from lookalike.metrics.distances.nearest import Numbers, Vectors, nearest
from lookalike.metrics.features.features import Pixels as PixelFeatures

SIDE = 8
GROUP = 64
VARIED, POOR = 0.5, 0.25
"""The variety of samples that are well, and below which they have collapsed."""
TWINS, REPEATED = 0.35, 0.7
"""The share of twins among samples that are well, and beyond which they have collapsed."""
APART = 2.5
"""The distance beyond which samples are far from anything real."""


@dataclass(frozen=True)
class SampleStats:
    """``variety`` is the typical distance between two samples, ``twins`` the share of samples with
    a near duplicate among 64 (beyond the data's own share), ``distance`` how far a sample is from
    its nearest real picture, ``roughness`` the step from pixel to pixel; all but ``twins`` in units
    of the data's own.
    """

    variety: float
    twins: float
    distance: float
    roughness: float

    @property
    def varied(self) -> bool:
        """Whether samples are as unlike each other as those that are well."""
        return self.variety >= VARIED and self.twins <= TWINS

    @property
    def collapsed(self) -> bool:
        """Whether they resemble each other so much that it is no accident."""
        return self.variety < POOR or self.twins > REPEATED

    @property
    def near(self) -> bool:
        """Whether they lie among the real pictures."""
        return self.distance <= APART

    @property
    def twins_words(self) -> str:
        """How many have a twin, as half a sentence."""
        return f"{self.twins:.0%} of the samples have a near twin among {GROUP}"

    def variety_words(self, whose: str) -> str:
        """How little they vary beside the pictures that ``whose`` names, as half a sentence."""
        return f"the samples have only {self.variety:.0%} of the variety of {whose}"


@dataclass(frozen=True)
class RealStats:
    """What is normal among the real pictures."""

    vectors: Vectors
    spread: float
    twin: float
    own_twins: float
    apart: float
    roughness: float

    @staticmethod
    def of(pictures: Pixels) -> RealStats:
        """Learn it from uint8 ``[N, H, W, C]``, N at least 2; some hundred are enough."""
        vectors = small(pictures)
        within = np.concatenate(
            [
                nearest(vectors[at : at + GROUP], vectors[at : at + GROUP], itself=True)[0]
                for at in range(0, len(vectors), GROUP)
                if len(vectors[at : at + GROUP]) > 1
            ]
        )
        twin = 0.2 * float(np.median(within))
        apart, _ = nearest(vectors, vectors, itself=True)
        return RealStats(
            vectors=vectors,
            spread=_spread(vectors),
            twin=twin,
            own_twins=float((within <= twin).mean()),
            apart=float(np.median(apart)),
            roughness=rough(pictures),
        )

    def look(self, samples: Pixels) -> SampleStats:
        """Compare uint8 samples ``[N, H, W, C]`` with reality; N should be 64."""
        vectors = small(samples)
        among, _ = nearest(vectors, vectors, itself=True)
        away, _ = nearest(vectors, self.vectors)
        return SampleStats(
            variety=_ratio(_spread(vectors), self.spread),
            twins=max(0.0, float((among <= self.twin).mean()) - self.own_twins),
            distance=_ratio(float(np.median(away)), self.apart),
            roughness=_ratio(rough(samples), self.roughness),
        )


def small(pictures: Pixels) -> Vectors:
    """8 x 8 averages as rows."""
    return PixelFeatures(side=SIDE, channels=pictures.shape[-1], batch=GROUP)(pictures)


def rough(pictures: Pixels) -> float:
    """The mean absolute step from one pixel to its neighbors, in grey levels."""
    steps, count = np.zeros(2), np.zeros(2)
    for first in range(0, len(pictures), GROUP):  # all at once would be eight times their bytes
        wide = measurable(pictures[first : first + GROUP]).astype(np.int16)
        for way in (0, 1):
            apart = np.abs(np.diff(wide, axis=way + 1))
            steps[way] += apart.sum()
            count[way] += apart.size
    return float((steps / count).sum()) / 2


def _spread(vectors: Vectors) -> float:
    """The median distance between two different rows (of the first 256)."""
    some: Numbers = vectors[:256].astype(np.float64)
    squared = np.stack([((some - row) ** 2).sum(-1) for row in some])  # never all differences
    return float(np.median(np.sqrt(squared[np.triu_indices(len(some), 1)])))


def _ratio(value: float, normal: float) -> float:
    """Finite even for a data set of one picture repeated."""
    return min(value / normal, 1e3) if normal > 1e-9 else (1.0 if value <= 1e-9 else 1e3)
