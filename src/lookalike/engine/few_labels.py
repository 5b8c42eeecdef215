"""Pictures of which only a few show their label, for semi-supervised training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from lookalike import seeds
from lookalike.engine.picture_source import BatchSource, SourceBatch, SplitBatches, SplitLike
from lookalike.errors import DataError


@dataclass(frozen=True)
class LabeledRows:
    """A part of a split: the pictures at these indices."""

    split: SplitLike
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 ``[N, H, W, C]``."""
        return self.split.images(self.rows[np.asarray(indices)])

    def labels(self, indices: ArrayLike) -> NDArray[np.float32]:
        """float32 ``[N, L]``."""
        return self.split.labels(self.rows[np.asarray(indices)])


@dataclass(frozen=True)
class FewLabelsSource(BatchSource):
    """Every ``every``-th picture comes from ``few`` with its label, the others from ``many``.

    ``Taken.known`` marks the former; the labels of the latter are zeros: they cannot leak.
    """

    few: BatchSource
    many: BatchSource
    every: int = 4

    def take(self, at: int, count: int) -> SourceBatch:
        """Pictures at these positions; position p is a known one when p is a multiple of every."""
        known = (torch.arange(at, at + count) % self.every) == 0
        first = -(-at // self.every)  # known positions before at
        some = int(known.sum())
        few = self.few.take(first, some)
        many = self.many.take(at - first, count - some)
        if few.labels is None:
            raise DataError("Semi-supervised training needs a pack with classes.")
        images = torch.empty(count, *(few if some else many).images.shape[1:])
        images[known], images[~known] = few.images, many.images
        labels = torch.zeros(count, few.labels.shape[1])
        labels[known] = few.labels
        return SourceBatch(images, labels, known)

    def some(self, count: int, first: int = 0) -> SourceBatch:
        """Training pictures whose label is known, so that a sampler finds real label rows."""
        return self.few.some(count, first)

    def __len__(self) -> int:
        return len(self.many)


def chosen_rows(split: SplitLike, per_class: int, seed: int) -> NDArray[np.int64]:
    """Up to ``per_class`` indices of each class, drawn at the address (seed, "labelled", class).

    The class is the largest label column; a picture whose labels are all 0 is never chosen.

    Raises:
        DataError: no picture has a label.
    """
    labels = split.labels(np.arange(len(split)))
    found = np.empty(0, np.int64)
    for column in range(labels.shape[1]):
        members = np.flatnonzero((labels.argmax(axis=1) == column) & labels.any(axis=1))
        draw = seeds.array_generator(seed, "labelled", column)
        found = np.union1d(found, draw.permutation(members)[:per_class])
    if not len(found):
        raise DataError(
            "No picture has a class, and semi-supervised training needs a few. Put the pictures "
            "into one sub-folder per class and prepare them again."
        )
    return found


def with_few_labels(source: SplitBatches, per_class: int, *, every: int = 4) -> FewLabelsSource:
    """The same source with the labels of ``per_class`` pictures of each class, the rest hidden."""
    rows = chosen_rows(source.split, per_class, source.seed)
    few = replace(source, split=LabeledRows(source.split, rows), labeled=True)
    return FewLabelsSource(few, replace(source, labeled=False), every)
