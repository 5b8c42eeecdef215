"""Intervals of shares, against published numbers and for every count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.metrics.distances.intervals import share_interval


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
