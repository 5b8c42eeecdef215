"""The nearest of some vectors is that of all; of very many, what is near is nearly always seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.metrics.utility import vector_search
from lookalike.metrics.utility.vector_search import VectorSearch


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 60),
    dims=st.sampled_from([1, 3, 40, 200]),
    offset=st.sampled_from([0.0, 1e3, 1e5]),
    size=st.sampled_from([0.0, 1e-6, 1.0]),
    seed=st.integers(0, 1000),
)
def test_the_nearest_is_that_of_all_of_them_to_the_last_bit(
    count: int, dims: int, offset: float, size: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    known = draw.normal(size=(30, dims)) * np.geomspace(1, 0.01, dims)
    axes = np.linalg.svd(known - known.mean(0), full_matrices=False)[2][:16].T.astype(np.float32)
    vectors = (offset + draw.normal(size=(count, dims)) * size).astype(np.float32)
    asked = (offset + draw.normal(size=(5, dims)) * size).astype(np.float32)
    usual, vector_search.BLOCK = vector_search.BLOCK, 7
    try:
        search = VectorSearch(axes)
        for number, vector in enumerate(vectors, 1):
            search.add(vector)
            for one in asked:
                every = float(np.linalg.norm(vectors[:number] - one, axis=1).min())
                assert search.distance(one) == every
    finally:
        vector_search.BLOCK = usual


def test_few_are_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
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


def nearest(vectors: np.ndarray, one: np.ndarray) -> float:
    return float(np.linalg.norm(vectors - one, axis=1).min())


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(2, 1500),
    exact=st.integers(0, 300),
    looked_at=st.sampled_from([1, 40, 10_000]),
    kinds=st.sampled_from([1, 3, 2000]),
    seed=st.integers(0, 1000),
)
def test_beyond_the_limit_no_answer_is_too_small_and_what_is_there_is_found(
    count: int, exact: int, looked_at: int, kinds: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    some = draw.normal(size=(kinds, 20)).astype(np.float32)
    vectors = some[draw.integers(0, kinds, count)]
    asked = draw.normal(size=(5, 20)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector_search, "EXACT", exact)
        patch.setattr(vector_search, "LOOKED_AT", looked_at)
        search = VectorSearch(np.eye(20, 16, dtype=np.float32))
        for number, vector in enumerate(vectors):
            search.add(vector)
            if number % 400 == 0:
                search.distance(vector)
        found = [search.distance(one) for one in asked]
        again = [search.distance(one) for one in vectors[::97]]
    every = [nearest(vectors, one) for one in asked]
    assert all(one >= true for one, true in zip(found, every, strict=True))
    if looked_at > count:
        assert found == every
    assert again == [0.0] * len(again)


@pytest.mark.slow
def test_of_very_many_a_fixed_number_is_looked_at_and_twins_are_nearly_always_seen() -> None:
    """Sixteen axes that spread alike, the hardest case, and twins a third as far as strangers."""
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(40_000, 40)).astype(np.float32)
    vectors[:, 16:] *= 0.1
    search = VectorSearch(np.eye(40, 16, dtype=np.float32))
    for vector in vectors:
        search.add(vector)
    twins = vectors[::100] + draw.normal(size=(400, 40)) * np.where(np.arange(40) < 16, 0.4, 0.1)
    seen = [search.distance(twin) for twin in twins.astype(np.float32)]
    planted = np.linalg.norm(twins - vectors[::100], axis=1)
    assert (np.array(seen) <= planted + 1e-4).mean() >= 0.99
    rows = search._near(vectors[0, :16])
    assert len(rows) < vector_search.LOOKED_AT + 600
    assert (np.diff(rows) >= 0).all()
