from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.data.pack.feed import Feed


@given(length=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(0, 4))
def test_every_epoch_shows_every_picture_once(length: int, seed: int, epoch: int) -> None:
    order = Feed(range(length), seed).indices(epoch * length, length)
    assert sorted(order.tolist()) == list(range(length))


@given(
    length=st.integers(1, 20),
    at=st.integers(0, 50),
    cuts=st.lists(st.integers(0, 15), min_size=1, max_size=6),
)
def test_the_order_does_not_depend_on_how_it_is_asked(
    length: int, at: int, cuts: list[int]
) -> None:
    whole = Feed(range(length), 3).indices(at, sum(cuts))
    feed, position, parts = Feed(range(length), 3), at, []
    for cut in cuts:
        parts.append(feed.indices(position, cut))
        position += cut
    assert np.array_equal(whole, np.concatenate(parts))
    backwards = Feed(range(length), 3)
    for offset in reversed(range(len(whole))):
        assert backwards.indices(at + offset, 1)[0] == whole[offset]


def test_epochs_and_seeds_differ() -> None:
    feed = Feed(range(100), 0)
    first, second = feed.indices(0, 100), feed.indices(100, 100)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, Feed(range(100), 1).indices(0, 100))


def test_an_empty_split_and_a_negative_position_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        Feed(range(0), 0).indices(0, 1)
    with pytest.raises(ValueError, match="starts at 0"):
        Feed(range(3), 0).indices(-1, 1)
