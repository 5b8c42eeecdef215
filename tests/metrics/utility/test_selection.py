"""Candidates are rejected for the right reason, and the limits come from real pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.metrics.copies.search import see
from lookalike.metrics.features.features import Pixels
from lookalike.metrics.utility import selection
from lookalike.metrics.utility.selection import (
    REASONS,
    CandidateLook,
    SelectedPictures,
    Sieve,
    VectorSearch,
    sieve,
)

EYE = Pixels(side=8)


@pytest.fixture(scope="module")
def judge(draw: Callable[..., np.ndarray]) -> Sieve:
    return sieve(see(draw(300, 1), EYE), see(draw(150, 2), EYE), EYE)


def asked(judge: Sieve, pictures: np.ndarray, number: int = 0) -> list[str | None]:
    chosen, look = SelectedPictures(judge, number), judge.look(pictures)
    return [chosen.ask(look, row)[0] for row in range(len(pictures))]


def test_new_pictures_of_the_same_kind_are_taken(draw, judge: Sieve):
    told = asked(judge, draw(100, 3))
    assert told.count(None) >= 90


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


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 60),
    dims=st.sampled_from([1, 3, 40, 200]),
    offset=st.sampled_from([0.0, 1e3, 1e5]),
    size=st.sampled_from([0.0, 1e-6, 1.0]),
    seed=st.integers(0, 1000),
)
def test_the_nearest_of_the_taken_is_that_of_all_of_them_to_the_last_bit(
    count: int, dims: int, offset: float, size: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    known = draw.normal(size=(30, dims)) * np.geomspace(1, 0.01, dims)
    axes = np.linalg.svd(known - known.mean(0), full_matrices=False)[2][:16].T.astype(np.float32)
    vectors = (offset + draw.normal(size=(count, dims)) * size).astype(np.float32)
    asked = (offset + draw.normal(size=(5, dims)) * size).astype(np.float32)
    usual, selection.BLOCK = selection.BLOCK, 7
    try:
        search = VectorSearch(axes)
        for number, vector in enumerate(vectors, 1):
            search.add(vector)
            for one in asked:
                every = float(np.linalg.norm(vectors[:number] - one, axis=1).min())
                assert search.distance(one) == every
    finally:
        selection.BLOCK = usual


def test_few_of_the_taken_are_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    axes = np.eye(100, 16, dtype=np.float32)
    search, read = VectorSearch(axes), []
    least = VectorSearch._least

    def counted(self: VectorSearch, one: np.ndarray, rows: np.ndarray) -> float:
        read.append(len(rows))
        return least(self, one, rows)

    monkeypatch.setattr(VectorSearch, "_least", counted)
    spread = np.where(np.arange(100) < 16, 1.0, 0.01)
    for vector in (draw.normal(size=(500, 100)) * spread).astype(np.float32):
        search.add(vector)
    for vector in (draw.normal(size=(20, 100)) * spread).astype(np.float32):
        search.distance(vector)
    assert sum(read) / 20 < 5
