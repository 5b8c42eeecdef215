"""Where the trainer's pictures come from, as a pure function of the position."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.data.augment.policy import Policy
from lookalike.data.pack.feed import Feed


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
        taken = self._taken(pictures, indices)
        if not self.mirror:
            return taken
        flipped = [seeds.number(self.seed, "mirror", at + i) % 2 == 0 for i in range(count)]
        chosen = torch.tensor(flipped)[:, None, None, None]
        return replace(taken, images=torch.where(chosen, taken.images.flip(3), taken.images))

    def some(self, count: int, first: int = 0) -> SourceBatch:
        """A fixed choice of training pictures."""
        draw = seeds.array_generator(self.seed, "some", 0)
        chosen = draw.permutation(len(self.split))[first : first + count].astype(np.int64)
        return self._taken(self.split.images(chosen), chosen)

    def __len__(self) -> int:
        return len(self.split)

    def _taken(self, pictures: NDArray[np.uint8], indices: NDArray[np.int64]) -> SourceBatch:
        labels = torch.from_numpy(self.split.labels(indices)).float() if self.labeled else None
        return SourceBatch(images.to_network(pictures), labels)
