"""Where the trainer's pictures come from, as a pure function of the position."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.data.augment.policy import Policy
from lookalike.data.pack.feed import Feed
from lookalike.errors import DataError


class SplitLike(Protocol):
    """What the engine needs of a split of a pack."""

    def __len__(self) -> int: ...

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 ``[N, H, W, C]``."""

    def labels(self, indices: ArrayLike) -> NDArray[np.float32]:
        """float32 ``[N, L]``."""


@dataclass(frozen=True)
class SourceBatch:
    """Pictures float ``[N, C, H, W]`` in [-1, 1], labels ``[N, L]`` or None, and whether known."""

    images: Tensor
    labels: Tensor | None = None
    known: Tensor | None = None

    def to(self, device: str) -> SourceBatch:
        """The same on this device."""
        return SourceBatch(
            self.images.to(device, non_blocking=True),
            None if self.labels is None else self.labels.to(device),
            None if self.known is None else self.known.to(device),
        )

    def rows(self, first: int, last: int) -> SourceBatch:
        """Some rows, their pictures as convolutions want them (channels-last)."""
        images = self.images[first:last]
        form = torch.channels_last if images.ndim == 4 else torch.contiguous_format
        return SourceBatch(
            images.contiguous(memory_format=form),
            None if self.labels is None else self.labels[first:last],
            None if self.known is None else self.known[first:last],
        )


class BatchSource(ABC):
    """Pictures number ``at .. at + count`` of an endless, seeded order."""

    @abstractmethod
    def take(self, at: int, count: int) -> SourceBatch:
        """These pictures; the same whatever was taken before."""

    @abstractmethod
    def some(self, count: int, first: int = 0) -> SourceBatch:
        """Up to ``count`` pictures of a fixed shuffled list of all, from ``first`` on."""

    @abstractmethod
    def __len__(self) -> int:
        """How many different training pictures there are."""


def some_blocks(source: BatchSource, most: int, block: int = 64) -> Iterator[SourceBatch]:
    """A fixed choice of training pictures in blocks, so that memory stays flat at any size."""
    for first in range(0, min(most, len(source)), block):
        yield source.some(min(block, most - first), first)


def labels_of(source: BatchSource, most: int) -> Tensor | None:
    """Label rows of up to ``most`` training pictures ``[N, L]``, or None where there are none."""
    labels = [block.labels for block in some_blocks(source, most) if block.labels is not None]
    return torch.cat(labels) if labels else None


@dataclass(frozen=True)
class SplitBatches(BatchSource):
    """A split of a pack, seen through what training does to pictures before it shows them.

    ``policy`` leaves each picture as it is or changes it by a chain of codes, ``mirror`` flips it
    half of the time; both are drawn by the position, and :meth:`some` knows neither.
    """

    split: SplitLike
    seed: int
    labeled: bool = False
    mirror: bool = False
    policy: Policy | None = None
    feed: Feed = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "feed", Feed(self.split, self.seed))

    def take(self, at: int, count: int) -> SourceBatch:
        """Pictures at these positions of the endless order."""
        indices = self.feed.indices(at, count)
        pictures = self.split.images(indices)
        if self.policy is not None:
            pictures = self.policy.apply(pictures, at)
        batch = self._batch(pictures, indices)
        if not self.mirror:
            return batch
        flips = [seeds.number(self.seed, "mirror", at + i) % 2 == 0 for i in range(count)]
        flipped = torch.tensor(flips)[:, None, None, None]
        return replace(batch, images=torch.where(flipped, batch.images.flip(3), batch.images))

    def some(self, count: int, first: int = 0) -> SourceBatch:
        """A fixed choice of training pictures."""
        draw = seeds.array_generator(self.seed, "some", 0)
        indices = draw.permutation(len(self.split))[first : first + count].astype(np.int64)
        return self._batch(self.split.images(indices), indices)

    def __len__(self) -> int:
        return len(self.split)

    def _batch(self, pictures: NDArray[np.uint8], indices: NDArray[np.int64]) -> SourceBatch:
        labels = torch.from_numpy(self.split.labels(indices)).float() if self.labeled else None
        return SourceBatch(images.to_network(pictures), labels)


# ---- few labels among many pictures, for semi-supervised training --------------------------------


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

    ``SourceBatch.known`` marks the former; the labels of the latter are zeros: they cannot leak.
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
    rows = np.empty(0, np.int64)
    for column in range(labels.shape[1]):
        members = np.flatnonzero((labels.argmax(axis=1) == column) & labels.any(axis=1))
        draw = seeds.array_generator(seed, "labelled", column)
        rows = np.union1d(rows, draw.permutation(members)[:per_class])
    if not len(rows):
        raise DataError(
            "No picture has a class, and semi-supervised training needs a few. Put the pictures "
            "into one sub-folder per class and prepare them again."
        )
    return rows


def with_few_labels(source: SplitBatches, per_class: int, *, every: int = 4) -> FewLabelsSource:
    """The same source with the labels of ``per_class`` pictures of each class, the rest hidden."""
    rows = chosen_rows(source.split, per_class, source.seed)
    few = replace(source, split=LabeledRows(source.split, rows), labeled=True)
    return FewLabelsSource(few, replace(source, labeled=False), every)
