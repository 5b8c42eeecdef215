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
from lookalike.data.feed import Feed


class Held(Protocol):
    """What the engine needs of a split of a pack."""

    def __len__(self) -> int: ...

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 ``[N, H, W, C]``."""

    def labels(self, indices: ArrayLike) -> NDArray[np.float32]:
        """float32 ``[N, L]``."""


@dataclass(frozen=True)
class Taken:
    """Pictures float ``[N, C, H, W]`` in [-1, 1], labels ``[N, L]`` or None, and whether known."""

    images: Tensor
    labels: Tensor | None = None
    known: Tensor | None = None


class Source(ABC):
    """Pictures number ``at .. at + count`` of an endless, seeded order."""

    @abstractmethod
    def take(self, at: int, count: int) -> Taken:
        """These pictures; the same whatever was taken before."""

    @abstractmethod
    def some(self, count: int, first: int = 0) -> Taken:
        """Up to ``count`` pictures of a fixed shuffled list of all, from ``first`` on."""

    @abstractmethod
    def __len__(self) -> int:
        """How many different training pictures there are."""


@dataclass(frozen=True)
class SplitSource(Source):
    """A split of a pack; ``mirror`` shows each picture flipped half of the time."""

    split: Held
    seed: int
    labeled: bool = False
    mirror: bool = False
    feed: Feed = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "feed", Feed(self.split, self.seed))

    def take(self, at: int, count: int) -> Taken:
        """Pictures at these positions of the endless order."""
        taken = self._read(self.feed.indices(at, count))
        if not self.mirror:
            return taken
        flipped = [seeds.number(self.seed, "mirror", at + i) % 2 == 0 for i in range(count)]
        chosen = torch.tensor(flipped)[:, None, None, None]
        return replace(taken, images=torch.where(chosen, taken.images.flip(3), taken.images))

    def some(self, count: int, first: int = 0) -> Taken:
        """A fixed choice of training pictures."""
        draw = seeds.array_generator(self.seed, "some", 0)
        chosen = draw.permutation(len(self.split))[first : first + count].astype(np.int64)
        return self._read(chosen)

    def __len__(self) -> int:
        return len(self.split)

    def _read(self, indices: NDArray[np.int64]) -> Taken:
        pictures = images.to_network(self.split.images(indices))
        labels = torch.from_numpy(self.split.labels(indices)).float() if self.labeled else None
        return Taken(pictures, labels)
