"""Candidates are rejected for the right reason, and the limits come from real pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lookalike.metrics.copies.search import see
from lookalike.metrics.features.features import Pixels
from lookalike.metrics.utility.selection import (
    REASONS,
    CandidateLook,
    SelectedPictures,
    Sieve,
    sieve,
)

EYE = Pixels(side=8)


@pytest.fixture(scope="module")
def judge(draw: Callable[..., np.ndarray]) -> Sieve:
    return sieve(see(draw(300, 1), EYE), see(draw(150, 2), EYE), EYE)


def asked(judge: Sieve, pictures: np.ndarray, number: int = 0) -> list[str | None]:
    chosen, look = SelectedPictures(judge, number), judge.look(pictures)
    return [chosen.ask(look, row)[0] for row in range(len(pictures))]


@pytest.mark.slow
def test_new_pictures_of_the_same_kind_are_taken(draw, judge: Sieve):
    told = asked(judge, draw(100, 3))
    assert told.count(None) >= 90


@pytest.mark.slow
def test_replayed_training_pictures_are_copies_unless_they_are_wanted(draw, judge: Sieve):
    replayed = draw(300, 1)[:30, :, ::-1].copy()
    assert asked(judge, replayed).count("copy") >= 29
    assert "copy" not in asked(replace(judge, keep_copies=True), replayed)


def test_noise_is_an_outlier(judge: Sieve):
    noise = np.random.default_rng(0).integers(0, 2, (10, 32, 32, 3)).astype(np.uint8) * 255
    noise[:, :, :16] = 0
    assert asked(judge, noise) == ["outlier"] * 10


def test_the_second_of_two_equal_pictures_is_a_twin(draw, judge: Sieve):
    once = draw(1, 3)
    assert asked(judge, np.concatenate([once, once, draw(1, 5)])) == [None, "twin", None]


def look(probabilities: list[list[float]]) -> CandidateLook:
    count = len(probabilities)
    far = np.arange(count)[:, None] * 1e6
    vectors = np.broadcast_to(far, (count, EYE.dim)).astype(np.float32)
    return CandidateLook(vectors, np.array(probabilities), np.full(count, 9.0), np.full(count, 0.5))


def test_the_classifier_has_to_agree_with_the_class(judge: Sieve):
    chosen = SelectedPictures(judge, 1)
    told = [chosen.ask(look([[0.6, 0.4], [0.4, 0.6]]), row) for row in range(2)]
    assert [reason for reason, _ in told] == ["class", None]
    assert told[1][1]["agreement"] == pytest.approx(0.6)
    assert (chosen.tried, chosen.taken, dict(chosen.rejected)) == (2, 1, {"class": 1})


def test_many_can_be_taken(judge: Sieve):
    chosen = SelectedPictures(judge, 0)
    many = look([[1.0]] * 200)
    assert [chosen.ask(many, row)[0] for row in range(200)] == [None] * 200
    assert chosen.taken == 200


def test_every_reason_is_explained():
    assert list(REASONS) == ["class", "copy", "outlier", "twin"]
