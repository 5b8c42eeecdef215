"""The quick copy search: replays are found, other pictures of the same kind pass."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lookalike.metrics.copies.pixel_copies import SAME, apart, small_pictures, too_near


@pytest.fixture(scope="module")
def training(draw):
    return draw(400, 1)


@pytest.fixture(scope="module")
def limit(draw, training) -> float:
    return too_near(small_pictures(training), small_pictures(draw(200, 2)))


def moved(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirrored, moved by a pixel and brightened by two grey levels."""
    turned = np.roll(pictures[:, :, ::-1], 1, axis=1)
    return (turned.astype(int) + 2).clip(0, 255).astype(np.uint8)


def test_replays_are_nearer_than_the_limit_and_name_their_source(training, limit):
    for replay in (training[:50], training[:50, :, ::-1], moved(training[:50])):
        distance, row = apart(
            small_pictures(np.ascontiguousarray(replay)), small_pictures(training)
        )
        found = distance <= limit
        assert found.mean() >= 0.95
        assert (row[found] == np.arange(50)[found]).mean() >= 0.95


def test_pictures_that_were_never_seen_pass(draw, training, limit):
    distance, _ = apart(small_pictures(draw(200, 3)), small_pictures(training))
    assert (distance <= limit).mean() <= 0.05


def test_a_few_pictures_judge_each_other_and_an_exact_replay_is_always_a_copy(draw):
    few = small_pictures(draw(3, 1))
    none = small_pictures(np.zeros((0, 32, 32, 3), np.uint8))
    limit = too_near(few, none)
    assert limit >= SAME
    assert (apart(few, few)[0] <= limit).all()
    assert too_near(small_pictures(draw(1, 1)), none) == SAME


def test_a_picture_is_not_its_own_neighbor_when_the_sets_are_one(draw, training):
    some = small_pictures(training)
    distance, row = apart(some.part(slice(0, 20)), some, itself=True)
    assert (row != np.arange(20)).all()
    assert distance.min() > SAME
