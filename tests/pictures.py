"""Small pictures for tests of training: two kinds of discs on a dark blue ground, by address.

A fourth channel is 1 in the disc and -1 around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from lookalike import seeds
from lookalike.engine.batches import BatchSource, SourceBatch
from lookalike.sizes import shape_of

CLASSES = 3


@lru_cache
def discs(count: int, size: int, channels: int, seed: int = 0) -> Tensor:
    """Pictures ``[count, channels, H, W]`` in [-1, 1]: picture i has a disc of kind i % 3."""
    place = torch.rand(count, 2, generator=seeds.generator(seed, "discs")) * 0.4 - 0.2
    down, across = (torch.linspace(-1, 1, side) for side in shape_of(size))
    away = (down[None, :, None] - place[:, :1, None]) ** 2 + (
        across[None, None, :] - place[:, 1:, None]
    ) ** 2
    inside = (away < 0.3).float()[:, None]
    ground = torch.tensor([-0.9, -0.8, -0.2, -1.0])[:channels].view(1, -1, 1, 1)
    kinds = torch.tensor([[0.9, 0.8, -0.5, 1.0], [0.7, 0.9, -0.2, 1.0], [0.9, 0.5, 0.0, 1.0]])
    disc = kinds[torch.arange(count) % CLASSES][:, :channels, None, None]
    return ground * (1 - inside) + disc * inside


@dataclass(frozen=True)
class Discs(BatchSource):
    """A source of ``count`` such pictures; the label, where asked for, is the one-hot kind."""

    size: int = 8
    channels: int = 3
    labeled: bool = False
    count: int = 48

    def take(self, at: int, count: int) -> SourceBatch:
        return self._read((torch.arange(at, at + count) * 7) % self.count)

    def some(self, count: int, first: int = 0) -> SourceBatch:
        return self._read(torch.arange(first, min(first + count, self.count)))

    def __len__(self) -> int:
        return self.count

    def _read(self, rows: Tensor) -> SourceBatch:
        pictures = discs(self.count, self.size, self.channels)[rows]
        labels = torch.eye(CLASSES)[rows % CLASSES] if self.labeled else None
        known = torch.ones(len(rows), dtype=torch.bool) if self.labeled else None
        return SourceBatch(pictures, labels, known)


def plain(tree: Any) -> Any:
    """A tree with lists for tuples and dictionaries for mappings, so that trees can be compared."""
    if isinstance(tree, Mapping):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return [plain(value) for value in tree]
    return tree


def differences(first: Any, second: Any, path: str = "") -> list[str]:
    """Where two trees differ, bit for bit; an empty list when they are the same."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        same = first.shape == second.shape and torch.equal(first, second)
        return [] if same else [f"{path}: tensors differ"]
    first, second = plain(first), plain(second)
    if isinstance(first, dict) and isinstance(second, dict):
        if list(first) != list(second):
            return [f"{path}: keys {sorted(map(str, first))} and {sorted(map(str, second))}"]
        return [d for k in first for d in differences(first[k], second[k], f"{path}/{k}")]
    if isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return [f"{path}: {len(first)} and {len(second)} items"]
        return [
            d
            for i, (a, b) in enumerate(zip(first, second, strict=True))
            for d in differences(a, b, f"{path}/{i}")
        ]
    return [] if first == second else [f"{path}: {first!r} and {second!r}"]
