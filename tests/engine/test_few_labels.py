"""Few labels among many pictures: which are shown, and that the others cannot leak."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from lookalike.engine.batches import (
    FewLabelsSource,
    SplitBatches,
    chosen_rows,
    with_few_labels,
)
from lookalike.errors import DataError
from lookalike.watch.class_accuracy import accuracy


class Split:
    """Picture i is i everywhere (up to 255); its class is i % 3."""

    def __init__(self, count: int = 90, labeled: bool = True) -> None:
        self.count, self.labeled = count, labeled

    def __len__(self) -> int:
        return self.count

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        rows = np.asarray(indices, np.uint8)
        return np.broadcast_to(rows[:, None, None, None], (len(rows), 4, 4, 1)).copy()

    def labels(self, indices: ArrayLike) -> NDArray[np.float32]:
        rows = np.eye(3, dtype=np.float32)[np.asarray(indices) % 3]
        return rows if self.labeled else rows * 0


def numbers(images: Tensor) -> list[int]:
    return ((images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def test_so_many_pictures_of_each_class_are_chosen_and_always_the_same() -> None:
    rows = chosen_rows(Split(), 5, seed=1)
    assert np.bincount(rows % 3).tolist() == [5, 5, 5]
    assert len(set(rows.tolist())) == 15
    assert np.array_equal(rows, chosen_rows(Split(), 5, seed=1))
    assert not np.array_equal(rows, chosen_rows(Split(), 5, seed=2))
    assert len(chosen_rows(Split(7), 5, seed=1)) == 7  # a small class shows what it has


def test_a_pack_without_classes_is_refused() -> None:
    with pytest.raises(DataError, match="sub-folder per class"):
        chosen_rows(Split(labeled=False), 5, seed=1)


def test_every_fourth_picture_is_known_and_the_others_hide_their_label() -> None:
    source = with_few_labels(SplitBatches(Split(), 0), 4)
    taken = source.take(2, 10)
    assert taken.known is not None
    assert taken.labels is not None
    assert taken.known.tolist() == [(p % 4) == 0 for p in range(2, 12)]
    rows = numbers(taken.images)
    few = set(chosen_rows(Split(), 4, 0).tolist())
    for row, label, known in zip(rows, taken.labels, taken.known, strict=True):
        assert label.tolist() == ([float(row % 3 == k) for k in range(3)] if known else [0.0] * 3)
        assert not known or row in few
    assert len(source) == 90
    shown = source.some(50).labels
    assert shown is not None
    assert len(shown) == 12


def test_all_pictures_come_by_within_an_epoch_of_the_unlabelled() -> None:
    taken = with_few_labels(SplitBatches(Split(), 0), 4).take(0, 120)
    assert taken.known is not None
    rows = torch.tensor(numbers(taken.images))
    assert sorted(rows[~taken.known].tolist()) == list(range(90))


@pytest.mark.slow
@given(at=st.integers(0, 500), cuts=st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_pictures_do_not_depend_on_how_they_are_taken(at: int, cuts: list[int]) -> None:
    source = with_few_labels(SplitBatches(Split(30), 3), 2)
    whole = source.take(at, sum(cuts))
    place, parts = at, []
    for count in cuts:
        parts.append(source.take(place, count))
        place += count
    assert torch.equal(whole.images, torch.cat([p.images for p in parts]))
    for name in ("labels", "known"):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(p, name) for p in parts]))


def test_the_source_is_part_of_the_engine_interface() -> None:
    assert isinstance(with_few_labels(SplitBatches(Split(), 0), 1), FewLabelsSource)


class Parity(nn.Module):
    """Names the class right for even pictures only; column 0 is the largest and must not count."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        rows = torch.tensor(numbers(x))
        guess = torch.where(rows % 2 == 0, rows % 3, (rows + 1) % 3)
        return torch.cat([torch.full((len(x), 1), 9.0), torch.eye(3)[guess]], 1)


def test_accuracy_is_the_share_named_right_among_the_classes() -> None:
    taken = with_few_labels(SplitBatches(Split(60), 0), 60, every=1).take(0, 60)
    assert taken.labels is not None
    network = Parity().train()
    assert accuracy(network, taken.images, taken.labels, block=7) == 0.5
    assert network.training
