"""Intervals of shares, against published numbers and for every count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.metrics.distances.intervals import (
    ReaderRates,
    corrected_share,
    share_interval,
)


def test_wilsons_interval_is_the_published_one() -> None:
    half = share_interval(0.5, 100)
    assert (half.low, half.high) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert share_interval(1.0, 10).high == pytest.approx(1.0)


@given(st.integers(1, 10_000), st.data())
def test_an_interval_holds_its_share_and_has_a_width_even_at_the_ends(
    count: int, data: st.DataObject
) -> None:
    share = data.draw(st.integers(0, count)) / count
    found = share_interval(share, count)
    assert 0 <= found.low <= share + 1e-12
    assert share - 1e-12 <= found.high <= 1
    assert found.high - found.low > 0


def test_a_share_is_corrected_for_the_errors_of_who_counted_it() -> None:
    # Of 100 pictures half show it: 40 of these are called yes, and 5 of the others.
    found = corrected_share(0.45, 100, ReaderRates(0.8, 0.9, 50, 50))
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.4 < 0.6 < found.high, "wider than that of a reader who is always right"


def test_a_reader_that_is_always_right_leaves_the_share_and_about_its_interval() -> None:
    found, plain = (
        corrected_share(0.7, 200, ReaderRates(1, 1, 9999, 9999)),
        share_interval(0.7, 200),
    )
    assert found.value == 0.7
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.01)


def test_of_a_reader_who_guesses_nothing_follows() -> None:
    found = corrected_share(0.1, 40, ReaderRates(0.4, 0.6, 20, 20))
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize("truth", [0.3, 0.9, 1.0])
def test_the_interval_of_a_corrected_share_holds_the_truth_as_often_as_it_says(
    truth: float,
) -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(500):
        told = random.binomial(20, 0.9) / 20, random.binomial(20, 0.85) / 20
        yes = random.binomial(40, truth * 0.9 + (1 - truth) * 0.15)
        found = corrected_share(yes / 40, 40, ReaderRates(*told, 20, 20))
        held += found.low <= truth <= found.high
    assert held >= 460, f"of 500, where 95 % are meant: {held}"
