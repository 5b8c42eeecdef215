"""The one copy search: replays are found, other pictures of the same kind pass, soft ones too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookalike.metrics.copies.alignment import UNEXPLAINED, align, shrink
from lookalike.metrics.copies.search import SAME, CopyRule, calibrate, nearness, see


@pytest.fixture(scope="module")
def training(draw):
    return draw(400, 1)


@pytest.fixture(scope="module")
def rule(draw, training) -> CopyRule:
    return calibrate(see(training), see(draw(200, 2))).rule


def moved(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirrored, moved by a pixel and brightened by two grey levels."""
    turned = np.concatenate([pictures[:, :1], pictures[:, :-1]], axis=1)[:, :, ::-1]
    return (turned.astype(int) + 2).clip(0, 255).astype(np.uint8)


@pytest.mark.slow
def test_replays_are_nearer_than_the_limit_and_name_their_source(training, rule):
    for replay in (training[:50], training[:50, :, ::-1], moved(training[:50])):
        near = nearness(see(np.ascontiguousarray(replay)), see(training))
        copies = rule.copies(near)
        assert copies.mean() >= 0.95
        assert (near.pixels_index[copies] == np.arange(50)[copies]).mean() >= 0.95


@pytest.mark.slow
def test_pictures_that_were_never_seen_pass(draw, training, rule):
    assert rule.copies(nearness(see(draw(200, 3)), see(training))).mean() <= 0.05


def test_a_few_pictures_judge_each_other_and_an_exact_replay_is_always_a_copy(draw):
    few, none = see(draw(3, 1)), see(np.zeros((0, 32, 32, 3), np.uint8))
    rule = calibrate(few, none).rule
    assert rule.pixels_unit >= SAME
    assert rule.copies(nearness(few, few)).all()
    assert calibrate(see(draw(1, 1)), none).rule.pixels_unit == SAME


def test_a_picture_is_not_its_own_neighbor_when_the_sets_are_one(training):
    some = see(training)
    near = nearness(some.part(slice(0, 20)), some, itself=True)
    assert (near.pixels_index != np.arange(20)).all()
    assert near.by_pixels.min() > SAME


@given(st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=30, deadline=None)
def test_a_plain_picture_of_any_color_explains_nothing_of_any_other(draw, color):
    plain = np.broadcast_to(np.array(color, np.uint8), (1, 32, 32, 3))
    near = align(shrink(plain), shrink(draw(12, 5)), np.arange(12)[None])
    assert near.unexplained[0] > 2 * UNEXPLAINED * 0.9


def test_a_plain_picture_is_no_copy_even_of_another_plain_one():
    plain = np.full((2, 32, 32, 3), 90, np.uint8)
    near = align(shrink(plain), shrink(plain), np.zeros((2, 1), np.intp))
    assert near.distance.max() < SAME
    assert near.unexplained.min() > UNEXPLAINED


@pytest.mark.slow
def test_flat_pictures_of_the_source_do_not_move_the_limit(draw):
    """A twentieth of the source is the same black: it is near to itself, and says nothing."""
    common = draw(1, 9, edges=30).astype(float)
    sets = []
    for count, seed in ((300, 1), (150, 2)):
        own = draw(count, seed, (0,)).astype(float)
        sets.append(((common + own / 3) / 1.33).round().astype(np.uint8))
    without = calibrate(*map(see, sets)).rule.pixels_unit
    black = np.zeros((20, 32, 32, 3), np.uint8)
    more = [np.concatenate([sets[0], black]), np.concatenate([sets[1], black[:10]])]
    assert SAME < without < 0.2
    assert calibrate(*map(see, more)).rule.pixels_unit > 0.8 * without
