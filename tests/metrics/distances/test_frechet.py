from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from lookalike.metrics.distances.frechet import (
    Gaussian,
    distance,
    frechet,
    frechet_infinity,
    gaussian,
)


def test_two_gaussians_with_diagonal_covariances_have_a_closed_form():
    one = Gaussian(np.array([0.0, 0.0]), np.diag([1.0, 2.0]), 100)
    two = Gaussian(np.array([3.0, 4.0]), np.diag([2.0, 2.0]), 100)
    assert distance(one, two) == pytest.approx(25 + (2 - 1) ** 2)


def test_a_set_shifted_by_a_vector_is_its_length_squared_away(normal):
    real = normal(50, 20, 0)
    assert frechet(real + np.float32(0.5), real).value == pytest.approx(20 * 0.25, rel=1e-5)


def test_a_set_is_at_distance_zero_from_itself_with_more_dimensions_than_pictures(normal):
    real = normal(30, 100, 0)
    assert frechet(real, real).value == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "d"), [(80, 60, 12), (25, 90, 40)])
def test_it_equals_that_of_torchmetrics(normal, n, m, d):
    from torchmetrics.image.fid import _compute_fid

    x, y = normal(n, d, 0, shift=0.3, scale=1.5), normal(m, d, 1)
    a, b = torch.tensor(x).double(), torch.tensor(y).double()
    wanted = float(_compute_fid(a.mean(0), a.T.cov(), b.mean(0), b.T.cov()))
    assert frechet(x, y).value == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_the_fit_is_the_mean_and_the_unbiased_covariance(normal):
    x = normal(40, 6, 0)
    fitted = gaussian(x)
    np.testing.assert_allclose(fitted.mean, x.mean(0), atol=1e-6)
    np.testing.assert_allclose(fitted.factor.T @ fitted.factor, np.cov(x.T), atol=1e-5)


@pytest.mark.slow
def test_the_fit_of_many_vectors_holds_no_more_than_one_copy_beside_that_of_lapack(normal):
    x = normal(40_000, 128, 0)
    tracemalloc.start()
    fitted = gaussian(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * x.size * 8
    wide = x.astype(np.float64)
    mean = wide.mean(axis=0)
    factor = np.linalg.qr((wide - mean) / np.sqrt(len(x) - 1), mode="r")
    assert np.array_equal(fitted.mean, mean)
    assert np.array_equal(fitted.factor, factor)


def test_few_pictures_come_with_their_count_and_a_warning(normal):
    told = frechet(normal(40, 3, 0), normal(50, 3, 1))
    assert told.count == 40
    assert "40 pictures" in (told.warning or "")
    assert frechet(normal(2048, 3, 0), normal(2050, 3, 1)).warning is None


def test_extrapolation_takes_away_most_of_the_bias(normal):
    """The truth is 0 here, and the bias of 400 samples in 30 dimensions is well above it."""
    real, samples = normal(20_000, 30, 0), normal(400, 30, 1)
    plain = frechet(samples, real).value
    assert plain > 0.5
    assert abs(frechet_infinity(samples, real)) < plain / 3


def test_the_bias_falls_like_one_over_the_count(normal):
    real = normal(20_000, 10, 0)
    at = [np.mean([frechet(normal(n, 10, s), real).value for s in range(1, 6)]) for n in (100, 400)]
    assert at[0] / at[1] == pytest.approx(4, rel=0.35)
