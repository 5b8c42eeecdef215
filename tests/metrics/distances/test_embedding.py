"""The map of vectors: what is alike lies together, and the same vectors give the same map."""

from __future__ import annotations

import numpy as np

from lookalike.metrics.distances.embedding import MapSettings, Places, components, settling
from lookalike.metrics.distances.nearest import Vectors, nearest

BRIEF = MapSettings(steps=60)


def clusters(count: int) -> tuple[Vectors, np.ndarray]:
    random = np.random.default_rng(0)
    own = random.integers(0, 4, count)
    centers = 6 * random.normal(size=(4, 24))
    return (centers[own] + random.normal(size=(count, 24))).astype(np.float32), own


def settled(vectors: Vectors) -> Places:
    *_, last = settling(vectors, BRIEF)
    return last


def test_neighbors_on_the_map_are_of_one_cluster() -> None:
    vectors, own = clusters(300)
    places = settled(vectors)
    _, index = nearest(places, places, itself=True)
    assert (own[index] == own).mean() > 0.97


def test_the_map_fills_its_frame_and_no_more() -> None:
    places = settled(clusters(300)[0])
    assert places.shape == (300, 2)
    assert (places >= 0).all()
    assert (places <= 1).all()
    assert np.ptp(places, axis=0).max() > 0.9


def test_the_same_vectors_give_the_same_map_and_it_settles_in_pieces() -> None:
    vectors, _ = clusters(120)
    *before, last = settling(vectors, BRIEF)
    assert len(before) == 5
    assert (last == settled(vectors)).all()


def test_a_few_rows_or_all_alike_have_a_map_too() -> None:
    for vectors in (np.eye(3, dtype=np.float32), np.ones((30, 5), np.float32)):
        places = settled(vectors)
        assert np.isfinite(places).all()
        assert len(places) == len(vectors)


def test_components_are_ordered_by_what_they_explain_and_signed() -> None:
    vectors, _ = clusters(80)
    found = components(vectors, 5)
    assert found.shape == (80, 5)
    assert (np.diff(found.var(0)) <= 1e-3).all()
    assert np.allclose(components(vectors + 7, 5), found, atol=1e-2)
