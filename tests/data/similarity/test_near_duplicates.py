from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from lookalike.data.pack.holdout import choose_holdout
from lookalike.data.similarity import near_duplicates as groups
from lookalike.data.similarity.hash import distance, perceptual_hashes, thumbnail
from lookalike.data.similarity.near_duplicates import (
    close_pairs,
    connected,
    difference,
    near_groups,
)


def photograph(seed: int) -> Image.Image:
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(30, 220, (7, 7, 3), np.uint8))
    return coarse.resize((64, 64), Image.Resampling.BICUBIC)


def jpeg(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=30)
    return Image.open(buffer)


ALTERED = {
    "jpeg": jpeg,
    "half": lambda p: p.resize((32, 32)).resize((64, 64)),
    "blur": lambda p: p.filter(ImageFilter.GaussianBlur(1)),
    "dark": lambda p: ImageEnhance.Brightness(p).enhance(0.7),
    "bright": lambda p: ImageEnhance.Brightness(p).enhance(1.3),
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def grouped(pictures: list[Image.Image]) -> list[int]:
    arrays = [np.asarray(one.convert("RGB")) for one in pictures]
    hashes = np.array([perceptual_hashes(one) for one in arrays], np.uint64)
    thumbs = np.stack([thumbnail(one) for one in arrays])
    return near_groups(hashes[:, 0], hashes[:, 1], thumbs).tolist()


@pytest.mark.parametrize("how", ALTERED)
def test_an_altered_copy_joins_its_original_and_no_other(how: str) -> None:
    originals = [photograph(seed) for seed in range(20)]
    found = grouped(originals + [ALTERED[how](one) for one in originals])
    assert found == list(range(20)) * 2


def test_drawings_that_differ_by_the_mouth_alone_are_different() -> None:
    drawings = []
    for seed in range(2):
        face = Image.new("RGB", (64, 64), "white")
        face.paste("#c68e7a", (16, 8, 48, 60))
        face.paste("black", (22, 40, 42, 46) if seed else (28, 40, 36, 54))
        drawings.append(face)
    assert grouped(drawings) == [0, 1]


def test_the_mirrored_hash_is_the_hash_of_the_mirrored_picture() -> None:
    for seed in range(10):
        picture = np.asarray(photograph(seed))
        plain, mirrored = perceptual_hashes(picture)
        again, back = perceptual_hashes(np.ascontiguousarray(picture[:, ::-1]))
        bits = distance(np.array([mirrored, plain], np.uint64), np.array([again, back], np.uint64))
        assert bits.max() <= 2


INDEXES = [parts for _, parts in groups._INDEXES]


def reached(parts: tuple[groups._Part, ...]) -> int:
    """Up to so many bits, every pair is within reach in one part at least."""
    return sum(part.reach + 1 for part in parts) - 1


def test_the_indexes_promise_ten_seven_and_five_bits_of_the_whole_hash() -> None:
    assert [reached(parts) for parts in INDEXES] == [10, 7, 5]
    for parts in INDEXES:
        assert [part.shift for part in parts] == np.cumsum([0, *[p.bits for p in parts]])[
            :-1
        ].tolist()
        assert sum(part.bits for part in parts) == 64


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    parts=st.sampled_from(INDEXES),
    base=st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=12),
    flips=st.lists(st.sets(st.integers(0, 63), max_size=11), min_size=2, max_size=12),
    mirror=st.lists(st.sets(st.integers(0, 63), max_size=6), min_size=24, max_size=24),
    fewer=st.integers(0, 5),
)
def test_the_indexed_search_finds_what_the_plain_search_finds(
    parts: tuple[groups._Part, ...],
    base: list[int],
    flips: list[set[int]],
    mirror: list[set[int]],
    fewer: int,
) -> None:
    values = base + [base[i % len(base)] ^ sum(1 << b for b in f) for i, f in enumerate(flips)]
    hashes = np.unique(np.array(values, np.uint64))
    bits = np.array([sum(1 << b for b in some) for some in mirror], np.uint64)[: len(hashes)]
    most = max(0, reached(parts) - fewer)
    for query in (hashes, hashes[::-1] ^ bits):
        expected = [
            (i, j)
            for i in range(len(hashes))
            for j in range(i + 1, len(hashes))
            if bin(int(query[i]) ^ int(hashes[j])).count("1") <= most
        ]
        plain = list(groups._brute_pairs(query, hashes, groups._Close(most, 10_000)))
        indexed = list(groups._indexed_pairs(query, hashes, groups._Close(most, 10_000), parts))
        for found in (plain, indexed):
            pairs = np.concatenate([np.stack(part, 1) for part in found]).tolist()
            assert sorted(map(tuple, pairs)) == expected, "each of them once"


@pytest.mark.slow
@pytest.mark.parametrize("crowded", [False, True])
def test_a_set_is_grouped_the_same_with_the_index_and_with_every_pair(
    crowded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(1)
    centers = draw.integers(0, 2**64, 10 if crowded else 900, np.uint64)
    hashes = centers[draw.integers(0, len(centers), (2, 2500))]
    for _ in range(4):
        hashes ^= np.uint64(1) << draw.integers(0, 64, hashes.shape).astype(np.uint64)
    assert len(np.unique(hashes[0])) > groups._EVERY_PAIR
    indexed = close_pairs(*hashes)
    monkeypatch.setattr(groups, "_EVERY_PAIR", len(hashes[0]))
    plain = close_pairs(*hashes)
    assert np.array_equal(indexed, plain)
    bits = np.minimum(groups.pair_bits(*hashes, plain), groups.pair_bits(*hashes, plain[:, ::-1]))
    assert bits.max() == (6 if crowded else 10), "in a crowded set fewer bits may differ"


def test_when_too_many_pairs_come_fewer_bits_may_differ() -> None:
    close = groups._Close(10, 5)
    rows = np.arange(4)
    close.add(rows, rows + 10, np.array([1, 3, 9, 10]))
    assert (close.most, len(close.pairs())) == (10, 4)
    close.add(rows, rows + 20, np.array([2, 7, 8, 4]))
    assert close.most == 6
    assert sorted(close.pairs().tolist()) == [[0, 10], [0, 20], [1, 11], [3, 23]]
    close.add(np.arange(6), np.arange(6), np.zeros(6, np.int64))
    assert (close.most, len(close.pairs())) == (-2, 0)


def test_many_equal_hashes_give_few_pairs() -> None:
    same = np.full(5000, 7, np.uint64)
    assert len(close_pairs(same, same)) < 10_000


def test_bits_are_counted_without_the_help_of_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    one = np.array([0, 7, 2**64 - 1], np.uint64)
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert distance(one, np.zeros(3, np.uint64)).tolist() == [0, 3, 64]


def test_a_brightened_thumbnail_differs_by_nothing_and_a_moved_one_by_much() -> None:
    draw = np.random.default_rng(0)
    thumb = draw.integers(20, 120, (16, 16, 3), np.uint8)
    thumbs = np.stack([thumb, thumb * 2, thumb[:, ::-1], np.roll(thumb, 3, 0)])
    rms, peak = difference(thumbs, np.array([[0, 1], [0, 2], [0, 3]]))
    assert rms[:2].max() < 1
    assert rms[2] > 10
    assert peak[2] > 45


def test_connected_pictures_share_their_smallest_member() -> None:
    assert connected(3, np.empty((0, 2), np.int64)).tolist() == [0, 1, 2]
    assert connected(3, np.array([[1, 1]])).tolist() == [0, 1, 2]
    assert connected(6, np.array([[4, 2], [2, 5], [0, 1]])).tolist() == [0, 0, 2, 3, 2, 2]


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=80),
    share=st.sampled_from([0.0, 0.1, 0.25]),
    seed=st.integers(0, 3),
    data=st.data(),
)
def test_no_group_straddles_the_hold_out_and_its_size_is_right(
    sizes: list[int], share: float, seed: int, data: st.DataObject
) -> None:
    starts = np.concatenate([[0], np.cumsum(sizes)])
    of = np.repeat(starts[:-1], sizes)
    labels = data.draw(st.lists(st.sampled_from("abc"), min_size=len(of), max_size=len(of)))
    classes = [labels[i] for i in of]
    digests = list(range(1000, 1000 + len(of)))
    held = choose_holdout(of, classes, digests, share, seed)
    for start, size in zip(starts[:-1], sizes, strict=True):
        assert len(set(held[start : start + size].tolist())) == 1
    wanted = round(share * len(of)) if share and len(of) > 1 else 0
    wanted = max(wanted, 16 if share and len(of) >= 48 else 0)
    assert held.sum() <= max(wanted + wanted // 5, share > 0)
    assert (~held).sum() >= 1
    if set(sizes) == {1} and len(set(classes)) == 1:
        assert held.sum() == min(max(wanted, share > 0), len(of) - 1)


def test_the_hold_out_takes_its_share_of_each_class_and_fifty_of_five_hundred() -> None:
    classes = ["big"] * 400 + ["small"] * 100
    held = choose_holdout(np.arange(500), classes, list(range(500)), 0.1)
    assert (held[:400].sum(), held[400:].sum()) == (40, 10)
    few = choose_holdout(np.arange(500), classes, list(range(500)), 0.02)
    assert few.sum() == 50


def test_the_hold_out_depends_on_the_pixels_and_not_on_the_order() -> None:
    digests = list(range(100, 300))
    held = choose_holdout(np.arange(200), [""] * 200, digests, 0.1)
    again = choose_holdout(np.arange(200), [""] * 200, digests[::-1], 0.1)
    assert np.array_equal(held, again[::-1])
    assert not np.array_equal(
        held, choose_holdout(np.arange(200), [""] * 200, digests, 0.1, seed=1)
    )


def test_a_grown_set_keeps_its_hold_out_and_holds_out_nothing_that_was_trained_on() -> None:
    draw = np.random.default_rng(4)
    digests = draw.integers(0, 1 << 62, 300).tolist()
    old = choose_holdout(np.arange(200), [""] * 200, digests[:200], 0.1)
    before = ["holdout" if one else "train" for one in old] + [None] * 100
    groups = np.arange(300)
    groups[250] = int(np.flatnonzero(old)[0])  # new copies of a held-out picture,
    groups[251] = int(np.flatnonzero(~old)[0])  # and of one that was trained on
    held = choose_holdout(groups, [""] * 300, digests, 0.1, before=before)
    assert held.sum() == 30
    assert held[:200].tolist() == old.tolist()
    assert held[250]
    assert not held[251]


def test_a_new_picture_that_ties_both_sides_together_takes_its_group_to_training() -> None:
    groups = np.arange(60)
    groups[[1, 59]] = 0
    before = ["holdout", "train", *["train"] * 57, None]
    digests = list(range(60))
    held = choose_holdout(groups, [""] * 60, digests, 0.1, before=before)
    assert not held[[0, 1, 59]].any()


def test_a_class_whose_training_pictures_have_gone_keeps_one_of_those_held_out() -> None:
    before = ["holdout", "holdout", *["train"] * 18]
    classes = ["few", "few", *["many"] * 18]
    held = choose_holdout(np.arange(20), classes, list(range(20)), 0.1, before=before)
    assert held.tolist() == [True, *[False] * 19]
