"""The kernel inception distance on any features (Bińkowski et al. 2018, "Demystifying MMD GANs").

The squared maximum mean discrepancy with the kernel k(x, y) = (x.y / d + 1)^3, estimated without
bias: 0 on average when both sets come from one distribution, whatever their sizes, so it may be
slightly negative. All functions are blockwise: memory grows with N, not with N squared.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lookalike import seeds
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.nearest import Numbers, Vectors

BLOCK = 1024


def kid(samples: Vectors, real: Vectors) -> float:
    """The unbiased squared MMD from all pairs, the estimate with the least variance (eq. 4)."""
    _check(samples, real)
    within_samples = _sum(samples, samples) - float(_diagonal(samples).sum())
    within_real = _sum(real, real) - float(_diagonal(real).sum())
    n, m = len(samples), len(real)
    cross = _sum(samples, real)
    return within_samples / (n * (n - 1)) + within_real / (m * (m - 1)) - 2 * cross / (n * m)


def kid_interval(
    samples: Vectors, real: Vectors, *, resamples: int = 200, seed: int = 0
) -> Interval:
    """``kid`` with a bootstrap 95 % interval over both sets.

    Pictures are drawn again with replacement as weights w; the estimate is
    sum over i != j of w_i w_j k_ij / (n^2 - sum of w_i^2), which leaves out a picture's pairs with
    itself and so stays unbiased. The interval is the value and 1.96 standard deviations of the
    resampled values: symmetric, and wide rather than narrow when the two distributions are equal.
    """
    _check(samples, real)
    random = seeds.array_generator(seed, "kid-bootstrap")
    on_samples, on_real = (_weights(random, resamples, len(x)) for x in (samples, real))
    drawn = (
        _within(samples, on_samples)
        + _within(real, on_real)
        - 2 * _products(samples, real, on_samples, on_real) / (len(samples) * len(real))
    )
    value = float(drawn[0])
    spread = 1.96 * float(drawn[1:].std(ddof=1))
    return Interval(value, value - spread, value + spread)


def kid_difference(
    first: Vectors, second: Vectors, real: Vectors, *, resamples: int = 200, seed: int = 0
) -> Interval:
    """``kid`` of ``first`` minus that of ``second``, with a bootstrap 95 % interval.

    Row i of both sets was made from the same z, and both meet the same real pictures, so pictures
    are drawn again together: luck that they share cancels, and the interval is much narrower than
    those of the two distances would make it.

    Raises:
        ValueError: the sets are not of one length.
    """
    _check(first, real)
    if len(first) != len(second):
        raise ValueError(f"pairs were asked of {len(first)} and {len(second)} pictures")
    random = seeds.array_generator(seed, "kid-bootstrap")
    on_samples, on_real = (_weights(random, resamples, len(x)) for x in (first, real))
    scale = 2 / (len(first) * len(real))
    drawn = [
        _within(x, on_samples) - scale * _products(x, real, on_samples, on_real)
        for x in (first, second)
    ]
    apart = drawn[0] - drawn[1]
    spread = 1.96 * float(apart[1:].std(ddof=1))
    return Interval(float(apart[0]), float(apart[0]) - spread, float(apart[0]) + spread)


def kid_of_few(real: Vectors, count: int) -> float:
    """How far ``count`` of these pictures, shown again and again, are from all of them on average.

    The variance of a picture in the kernel's space over ``count``: the bias of the squared MMD
    that counts a picture's pairs with itself (Gretton et al. 2012, eq. 5). Unlike the interval of
    a floor it does not depend on how many pictures were at hand to measure with.
    """
    own = float(_diagonal(real).sum())
    return (own - (_sum(real, real) - own) / (len(real) - 1)) / len(real) / count


def _check(samples: Vectors, real: Vectors) -> None:
    if samples.ndim != 2 or real.ndim != 2 or samples.shape[1] != real.shape[1]:
        raise ValueError(
            f"expected [N, d] and [M, d] of the same features, got {samples.shape} and {real.shape}"
        )
    if min(len(samples), len(real)) < 2:
        raise ValueError("a distance between distributions needs at least two pictures a side")


def _kernel(x: Numbers, y: Numbers) -> Numbers:
    base = x @ y.T
    base /= x.shape[1]
    base += 1
    return base * base * base  # np.power on arrays of this size costs ten times as much


def _diagonal(x: Vectors) -> Numbers:
    wide = x.astype(np.float64)
    norms: Numbers = np.einsum("nd,nd->n", wide, wide) / x.shape[1] + 1
    return norms**3


def _blocks(count: int) -> list[slice]:
    edges = [*range(0, count, BLOCK), count]
    return [slice(a, b) for a, b in pairwise(edges)]


def _sum(x: Vectors, y: Vectors) -> float:
    total = 0.0
    for rows in _blocks(len(x)):
        left = x[rows].astype(np.float64)
        total += sum(
            float(_kernel(left, y[columns].astype(np.float64)).sum()) for columns in _blocks(len(y))
        )
    return total


def _weights(random: np.random.Generator, resamples: int, count: int) -> Numbers:
    """``[1 + resamples, count]``: how often each picture is drawn; row 0 is the set itself."""
    drawn = random.multinomial(count, np.full(count, 1 / count), resamples)
    return np.concatenate([np.ones((1, count)), drawn.astype(np.float64)])


def _products(x: Vectors, y: Vectors, on_x: Numbers, on_y: Numbers) -> Numbers:
    """sum over i, j of on_x[b, i] on_y[b, j] k(x_i, y_j), for every b."""
    total = np.zeros(len(on_x))
    for rows in _blocks(len(x)):
        left = x[rows].astype(np.float64)
        for columns in _blocks(len(y)):
            part = on_x[:, rows] @ _kernel(left, y[columns].astype(np.float64))
            total += np.einsum("bj,bj->b", part, on_y[:, columns])
    return total


def _within(x: Vectors, on_x: Numbers) -> Numbers:
    squares = on_x * on_x
    pairs: Numbers = _products(x, x, on_x, on_x) - squares @ _diagonal(x)
    weight: Numbers = len(x) ** 2 - squares.sum(1)
    return pairs / weight
