"""Leaving copies out: the same decision for the same index, kept beside the pack, flat in count."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.images import Pixels
from lookalike.metrics.copies import copy_filter as copycheck
from lookalike.metrics.copies.copy_filter import CopyFilter, copy_check


def blots(count: int, seed: int) -> Pixels:
    corners = np.random.default_rng(seed).integers(0, 250, (count, 4, 4, 3))
    return corners.repeat(4, 1).repeat(4, 2).astype(np.uint8)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return write_pack(tmp_path_factory.mktemp("copies") / "pack", blots(120, 0), holdout=0.25)


@pytest.mark.slow
def test_replays_are_marked_and_new_pictures_are_not(pack: Pack) -> None:
    check = copy_check(pack)
    assert check is not None
    assert check(pack.train.images(range(20))).all()
    assert not check(blots(40, 1)).any()
    assert check.note is None


def test_what_was_learned_is_kept_beside_the_pack_and_used_again(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = copy_check(pack)
    monkeypatch.setattr(copycheck, "calibrate", lambda *_: pytest.fail("learned again"))
    again = copy_check(pack)
    assert first is not None
    assert again is not None
    assert again.rule == first.rule
    np.testing.assert_array_equal(again.training.small, first.training.small)


def test_a_damaged_cache_is_made_again(pack: Pack) -> None:
    whole = copy_check(pack)
    file = next((pack.path / ".features").glob("*-copies-*.npz"))
    file.write_bytes(file.read_bytes()[:100])
    again = copy_check(pack)
    assert whole is not None
    assert again is not None
    assert again.rule == whole.rule


def test_only_some_training_pictures_are_searched_in_large_packs_and_it_is_said(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copycheck, "MOST", 30)
    check = copy_check(pack)
    assert check is not None
    assert len(check.training) == 30
    assert "30 of the 90" in (check.note or "")


def dark(pictures: Pixels) -> np.ndarray:
    return pictures.max(axis=(1, 2, 3)) == 0


def numbered(asked: list[int]) -> Iterator[tuple[int, Pixels]]:
    """Endless blocks of four pictures; every third picture is dark."""
    index = 10
    while True:
        asked.append(index)
        bright = np.array([0 if i % 3 == 0 else 9 for i in range(index, index + 4)], np.uint8)
        yield index, np.broadcast_to(bright[:, None, None, None], (4, 2, 2, 1)).copy()
        index += 4


def test_the_next_index_takes_the_place_of_a_copy_and_no_more_is_drawn_than_needed() -> None:
    asked: list[int] = []
    kept = CopyFilter(dark)
    indices = [i for some, _ in kept.of(numbered(asked), 6) for i in some]
    assert indices == [10, 11, 13, 14, 16, 17]
    assert (kept.tried, kept.dropped) == (8, 2)
    assert asked == [10, 14]


def test_without_a_check_everything_is_kept() -> None:
    indices = [i for some, _ in CopyFilter(None).of(numbered([]), 5) for i in some]
    assert indices == [10, 11, 12, 13, 14]


def test_pictures_that_are_all_copies_end_with_the_blocks() -> None:
    blocks = iter([(0, np.zeros((4, 2, 2, 1), np.uint8))])
    kept = CopyFilter(dark)
    assert list(kept.of(blocks, 3)) == []
    assert (kept.tried, kept.dropped) == (4, 4)
