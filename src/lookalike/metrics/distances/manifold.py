"""How much of the samples is realistic, and how much of reality the samples reach.

Both ideas put a ball around every picture that just holds its k nearest neighbors of the same set.

- precision: share of samples inside a real picture's ball; recall: share of real pictures inside a
  sample's ball (Kynkäänniemi et al. 2019, eq. 2);
- density: real balls around a sample, over k; coverage: share of real balls that hold a sample
  (Naeem et al. 2020, eq. 4 and 5). Equal sets give about 1 and 1 - 2^-k.

All four depend on the counts: compare numbers of equal counts only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.distances.nearest import Numbers, Vectors, blocks, nearest, radii


@dataclass(frozen=True)
class Manifold:
    """Shares in [0, 1]; only density may be above 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(samples: Vectors, real: Vectors, *, k: int = 5) -> Manifold:
    """Precision, recall, density and coverage of ``samples [N, d]`` against ``real [M, d]``."""
    on_real, on_samples = radii(real, k), radii(samples, k)
    around = np.zeros(len(samples))
    reached = np.zeros(len(real), bool)
    closest = np.full(len(real), np.inf)
    for rows, columns, squared in blocks(real, samples):
        around[columns] += (squared < on_real[rows, None]).sum(axis=0)
        reached[rows] |= (squared < on_samples[None, columns]).any(axis=1)
        closest[rows] = np.minimum(closest[rows], squared.min(axis=1))
    return Manifold(
        precision=float((around > 0).mean()),
        recall=float(reached.mean()),
        density=float(around.mean() / k),
        coverage=float((closest < on_real).mean()),
    )


@dataclass(frozen=True)
class NearDuplicates:
    """How many pictures have a twin in their own set."""

    share: float
    real_share: float
    threshold: float


def near_duplicates(samples: Vectors, real: Vectors) -> NearDuplicates:
    """Share of samples that lie nearer to another sample than real pictures lie to each other.

    The threshold is the distance below which one real picture in a hundred has its nearest one, so
    a healthy set of samples scores about that. Both sets are cut to the smaller count, because
    pictures lie closer in larger sets.
    """
    count = min(len(samples), len(real))
    among_real, _ = nearest(real[:count], real[:count], itself=True)
    among_samples, _ = nearest(samples[:count], samples[:count], itself=True)
    threshold = lower_quantile(among_real, 0.01)
    return NearDuplicates(
        share=float((among_samples <= threshold).mean()),
        real_share=float((among_real <= threshold).mean()),
        threshold=threshold,
    )


def lower_quantile(values: Numbers | NDArray[np.float32], quantile: float) -> float:
    """The largest observed value that at most about ``quantile`` of the values do not exceed."""
    return float(np.quantile(values, quantile, method="lower"))
