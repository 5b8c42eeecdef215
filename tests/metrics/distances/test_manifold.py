from __future__ import annotations

import numpy as np
import pytest

from lookalike.metrics.distances import nearest as distances
from lookalike.metrics.distances.manifold import manifold, near_duplicates
from lookalike.metrics.distances.nearest import nearest, radii


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_all_four_equal_those_of_prdc(normal, shift):
    from prdc import compute_prdc

    samples, real = normal(150, 10, 0, shift=shift, scale=0.9), normal(120, 10, 1)
    wanted = compute_prdc(real, samples, nearest_k=5)
    found = manifold(samples, real, k=5)
    for name, value in wanted.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-6), name


def test_equal_distributions_reach_what_theory_says(normal):
    found = manifold(normal(2000, 4, 0), normal(2000, 4, 1), k=5)
    assert found.density == pytest.approx(1, abs=0.06)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_collapsed_samples_have_high_precision_and_low_recall(normal):
    real = normal(300, 6, 0)
    collapsed = normal(300, 6, 1, scale=0.05)
    found = manifold(collapsed, real)
    assert found.precision == 1
    assert found.recall < 0.05
    assert found.coverage < 0.3


def test_wild_samples_have_low_precision_and_high_recall(normal):
    found = manifold(normal(300, 3, 1, scale=4), normal(300, 3, 0))
    assert found.precision < 0.4
    assert found.recall > 0.9


def test_four_points_on_a_line():
    """Real 0 1 2 3 with k = 1 have open balls of radius 1; the sample 0.5 is in two of them."""
    real = np.array([[0], [1], [2], [3]], np.float32)
    samples = np.array([[0.5], [10], [20]], np.float32)
    found = manifold(samples, real, k=1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.density == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(2 / 4)
    assert found.recall == 1  # the samples' balls have radii 9.5, 9.5 and 10


def test_blocks_do_not_change_neighbors(normal, monkeypatch):
    x, y = normal(60, 5, 0), normal(45, 5, 1)
    whole = nearest(x, y), radii(x, 3), nearest(x, x, itself=True)
    monkeypatch.setattr(distances, "ROWS", 7)
    monkeypatch.setattr(distances, "COLUMNS", 11)
    np.testing.assert_array_equal(nearest(x, y)[1], whole[0][1])
    np.testing.assert_allclose(radii(x, 3), whole[1])
    np.testing.assert_array_equal(nearest(x, x, itself=True)[1], whole[2][1])


def test_neighbors_equal_a_full_table_of_distances(normal):
    x, y = normal(20, 5, 0), normal(30, 5, 1)
    table = np.linalg.norm(x[:, None].astype(np.float64) - y[None], axis=2)
    distance, index = nearest(x, y)
    np.testing.assert_array_equal(index, table.argmin(1))
    np.testing.assert_allclose(distance, table.min(1), rtol=1e-12)


def test_the_same_vector_is_at_distance_exactly_zero(normal):
    x = normal(10, 1280, 0, shift=5)
    assert nearest(x[:3], x)[0].max() == 0


def test_healthy_samples_have_as_many_near_duplicates_as_real_pictures(normal):
    found = near_duplicates(normal(1000, 8, 0), normal(1500, 8, 1))
    assert found.real_share == pytest.approx(0.01)
    assert found.share < 0.03


def test_repeated_samples_are_near_duplicates(normal):
    twice = np.concatenate([normal(100, 8, 0)] * 2)
    assert near_duplicates(twice, normal(200, 8, 1)).share == 1


def test_repeats_are_found_even_when_the_real_set_repeats_itself(normal):
    real = normal(200, 8, 1)
    real[:10] = real[10:20]
    collapsed = np.repeat(normal(4, 8, 0), 50, axis=0)
    found = near_duplicates(collapsed, real)
    assert found.threshold == 0
    assert found.share == 1
    assert found.real_share == pytest.approx(20 / 200)


def test_too_few_pictures_for_k_neighbors_are_refused(normal):
    with pytest.raises(ValueError, match="5-th nearest"):
        radii(normal(5, 2, 0), 5)
