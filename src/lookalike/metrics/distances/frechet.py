"""The Fréchet distance between Gaussians fitted to two sets of vectors (Heusel et al. 2017).

|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), all in float64. It is "FID" only on the features of
FID's Inception network; on others it is a Fréchet distance of that name. It is biased upwards for
few pictures, linearly in 1/N, and the bias depends on the generator (Chong and Forsyth 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike import seeds
from lookalike.data.pack.scratch_array import scratch_array
from lookalike.metrics.distances.nearest import Numbers, Vectors

ENOUGH = 2048
"""Below this count the bias is not small beside the differences that people compare."""


@dataclass(frozen=True)
class Gaussian:
    """Mean ``[d]`` and a factor F ``[r, d]`` with covariance F^T F; ``count`` vectors were seen."""

    mean: Numbers
    factor: Numbers
    count: int


@dataclass(frozen=True)
class Frechet:
    """The distance, the smaller of the two counts, and what to be careful of (or nothing)."""

    value: float
    count: int
    warning: str | None


def gaussian(vectors: Vectors) -> Gaussian:
    """Fit a Gaussian to ``[N, d]``; the factor is the R of a QR decomposition, so no squaring."""
    if len(vectors) < 2:
        raise ValueError("a covariance needs at least two pictures")
    # LAPACK makes two copies of its own: this one is in a file where it is large.
    wide = np.asarray(scratch_array(vectors.shape, dtype=np.float64))
    wide[:] = vectors
    mean = wide.mean(axis=0)
    wide -= mean
    wide /= np.sqrt(len(wide) - 1)
    return Gaussian(mean, np.asarray(np.linalg.qr(wide, mode="r")), len(wide))


def distance(x: Gaussian, y: Gaussian) -> float:
    """The squared Fréchet distance of two Gaussians.

    tr (S1 S2)^(1/2) is the sum of the singular values of F1 F2^T: exact, and without the small
    number that other implementations add to singular covariances.
    """
    apart = float(((x.mean - y.mean) ** 2).sum())
    spread = float((x.factor**2).sum() + (y.factor**2).sum())
    shared = float(np.linalg.svd(x.factor @ y.factor.T, compute_uv=False).sum())
    return apart + spread - 2 * shared


def frechet(samples: Vectors, real: Vectors) -> Frechet:
    """The Fréchet distance of two sets of vectors, with a warning when there are too few."""
    count = min(len(samples), len(real))
    warning = None
    if count < ENOUGH:
        warning = (
            f"a Fréchet distance of {count} pictures is biased upwards (below {ENOUGH}); compare "
            "it only with one of the same counts, or use the kernel distance"
        )
    return Frechet(distance(gaussian(samples), gaussian(real)), count, warning)


def frechet_infinity(samples: Vectors, real: Vectors) -> float:
    """The Fréchet distance extrapolated to infinitely many samples (Chong and Forsyth 2020, 4.1).

    The distance is measured at eight counts between a quarter and all of the samples, drawn
    at random, and the straight line through it over 1/N is read at 0. The real set stays whole.
    """
    target = gaussian(real)
    random = seeds.array_generator(0, "frechet-infinity")
    counts = np.linspace(max(2, len(samples) // 4), len(samples), 8).round().astype(int)
    values = [
        distance(gaussian(samples[random.permutation(len(samples))[:count]]), target)
        for count in counts
    ]
    _, intercept = np.polyfit(1 / counts, values, 1)
    return float(intercept)
