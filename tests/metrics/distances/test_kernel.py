from __future__ import annotations

import numpy as np
import pytest
import torch

from lookalike.metrics.distances import kernel
from lookalike.metrics.distances.kernel import (
    kid,
    kid_difference,
    kid_interval,
    kid_of_few,
)


def by_hand(x, y):
    """The definition, pair by pair, in plain Python."""
    k = lambda a, b: (float(np.dot(a.astype(np.float64), b)) / len(a) + 1) ** 3  # noqa: E731
    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_kid_equals_its_definition(normal):
    x, y = normal(13, 5, 0), normal(7, 5, 1, shift=0.5)
    assert kid(x, y) == pytest.approx(by_hand(x, y), abs=1e-9)


@pytest.mark.slow
def test_kid_equals_that_of_torchmetrics(normal):
    from torchmetrics.image.kid import poly_mmd

    x, y = normal(60, 32, 0), normal(60, 32, 1, shift=0.2)
    wanted = poly_mmd(torch.tensor(x).double(), torch.tensor(y).double())
    assert kid(x, y) == pytest.approx(float(wanted), abs=1e-6)


def test_blocks_do_not_change_the_result(normal, monkeypatch):
    x, y = normal(50, 6, 0), normal(33, 6, 1)
    whole = kid(x, y), kid_interval(x, y)
    monkeypatch.setattr(kernel, "BLOCK", 7)
    assert kid(x, y) == pytest.approx(whole[0], abs=1e-9)
    assert kid_interval(x, y).high == pytest.approx(whole[1].high, abs=1e-9)


def test_two_points_a_side_in_one_dimension():
    x, y = np.array([[1.0], [1.0]], np.float32), np.array([[0.0], [0.0]], np.float32)
    assert kid(x, y) == pytest.approx(2**3 + 1 - 2 * 1)


def test_the_average_over_many_pairs_of_small_sets_is_zero(normal):
    values = [kid(normal(10, 4, 2 * i), normal(30, 4, 2 * i + 1)) for i in range(300)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(300)


def test_a_shift_has_its_closed_form(normal):
    """With d = 1: E k(x, y) = E (1 + xy)^3 over N(a, 1) and N(b, 1), by moments."""

    def expected(a, b):
        moment = lambda mu: (mu, mu**2 + 1, mu**3 + 3 * mu)  # noqa: E731
        (a1, a2, a3), (b1, b2, b3) = moment(a), moment(b)
        return 1 + 3 * a1 * b1 + 3 * a2 * b2 + a3 * b3

    wanted = expected(1, 1) + expected(0, 0) - 2 * expected(1, 0)
    values = [kid(normal(400, 1, 2 * i, shift=1.0), normal(400, 1, 2 * i + 1)) for i in range(20)]
    assert np.mean(values) == pytest.approx(wanted, abs=3 * np.std(values) / np.sqrt(20))


@pytest.mark.slow
def test_the_interval_holds_the_truth_about_as_often_as_it_says(normal):
    truth = np.mean(
        [kid(normal(1500, 16, 9000 + i, 0.3), normal(1500, 16, 9500 + i)) for i in range(8)]
    )
    found = [
        kid_interval(normal(120, 16, 2 * i, 0.3), normal(120, 16, 2 * i + 1), resamples=60)
        for i in range(80)
    ]
    inside = np.mean([one.low <= truth <= one.high for one in found])
    assert inside >= 0.85
    assert np.mean([one.low <= 0 for one in found]) < 0.5


def test_the_interval_is_around_the_full_estimate(normal):
    x, y = normal(40, 8, 0), normal(50, 8, 1)
    found = kid_interval(x, y)
    assert found.value == pytest.approx(kid(x, y), abs=1e-9)
    assert found.low < found.value < found.high


def test_vectors_of_other_features_are_refused(normal):
    with pytest.raises(ValueError, match="same features"):
        kid(normal(5, 4, 0), normal(5, 3, 0))
    with pytest.raises(ValueError, match="at least two"):
        kid(normal(1, 4, 0), normal(5, 4, 0))


def test_a_difference_is_that_of_two_distances_and_narrower_for_pairs(normal):
    real, first = normal(80, 6, 0), normal(60, 6, 1, shift=0.5)
    second = first + 0.05 * normal(60, 6, 2)
    apart = kid_difference(first, second, real)
    assert apart.value == pytest.approx(kid(first, real) - kid(second, real), abs=1e-9)
    alone = kid_interval(first, real)
    assert apart.high - apart.value < 0.5 * (alone.high - alone.value)
    assert kid_difference(first, first, real).high == 0


def test_a_few_pictures_again_and_again_are_as_far_as_chance_says(normal):
    real = normal(400, 5, 0)
    again = [kid(np.repeat(real[i::100], 50, axis=0), real) for i in range(100)]
    assert kid_of_few(real, 4) == pytest.approx(np.mean(again), rel=0.1)
