"""Vectors of real pictures, kept beside the pack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lookalike.data.pack import scratch_array
from lookalike.data.pack.pack import Pack
from lookalike.images import Pixels
from lookalike.metrics.features.features import Features, Vectors
from lookalike.metrics.features.real_features import RealFeatures, cache_file, shuffled
from lookalike.progress import Tell, silent

Make = Callable[..., Features]


def test_vectors_are_those_of_the_asked_rows_in_the_asked_order(pack: Pack, costly: Make) -> None:
    rows = np.array([7, 3, 7, 200], np.int64)
    found = RealFeatures(pack, costly()).of(rows)
    assert np.array_equal(found, costly()(pack.shards.take(rows)))


def test_a_second_reader_looks_at_nothing_again(pack: Pack, costly: Make, clock: Any) -> None:
    rows = np.arange(40, dtype=np.int64)
    first = RealFeatures(pack, costly())
    wanted = first.of(rows)
    first.save()
    before = clock.now
    second = RealFeatures(pack, costly())
    assert len(second.missing(rows)) == 0
    assert np.array_equal(second.of(rows), wanted)
    assert clock.now == before


def test_another_judge_has_a_file_of_its_own(pack: Pack, costly: Make) -> None:
    first = RealFeatures(pack, costly())
    first.look(np.arange(5, dtype=np.int64))
    first.save()
    assert len(RealFeatures(pack, costly(tag="other"))) == 0


def test_of_many_pictures_a_few_hundred_are_in_memory_at_a_time(
    pack: Pack, costly: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch_array, "BLOCK", 64)
    counts: list[int] = []

    class Counting(Features):
        name, version, dim, families, hash = "counting", "1", 48, (), "counting"

        def __call__(self, pictures: Pixels, tell: Tell = silent) -> Vectors:
            counts.append(len(pictures))
            return costly()(pictures)

    rows = np.arange(pack.count, dtype=np.int64)[::-1]
    found = RealFeatures(pack, Counting()).of(rows)
    assert np.array_equal(found, costly()(pack.shards.take(rows)))
    assert max(counts) == 64
    assert sum(counts) == pack.count


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_a_damaged_file_counts_as_none(pack: Pack, costly: Make, content: bytes) -> None:
    real = RealFeatures(pack, costly())
    file = cache_file(pack, f"{real.features.hash}.npz")
    file.parent.mkdir()
    file.write_bytes(content)
    assert len(RealFeatures(pack, costly())) == 0


def test_a_split_is_shuffled_the_same_way_every_time(pack: Pack) -> None:
    order = shuffled(pack.train)
    assert np.array_equal(order, shuffled(pack.train))
    assert sorted(order) == sorted(pack.train.pack_rows(range(len(pack.train))))
    assert not np.array_equal(order, np.sort(order))
