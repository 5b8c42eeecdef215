"""Pictures from a trained generator, each a function of its seed and index only.

Convolutions may round differently in batches of different size, so pictures are always computed
in the same aligned blocks: picture 17 comes out of the block of pictures 16 to 31, whether one or
ten thousand were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike import images, seeds
from lookalike.images import Pixels
from lookalike.parts.priors import Learned, Prior

BLOCK = 16

Generate = Callable[[Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Sampler:
    """A generator with its prior. ``labels`` ``[M, L]`` are label rows seen in training."""

    generate: Generate
    prior: Prior
    learned: Learned
    labels: Tensor | None = None
    device: str = "cpu"

    def blocks(
        self, seed: int, first: int, count: int, wanted: Tensor | None = None
    ) -> Iterator[tuple[int, Pixels]]:
        """Pictures ``first .. first + count`` as (index of the first, uint8 ``[n, S, S, C]``).

        ``wanted`` is one label vector ``[L]`` for all pictures; without it the labels of a
        conditional generator are drawn from those seen in training.
        """
        for start in range(first - first % BLOCK, first + count, BLOCK):
            pictures = images.to_pixels(self.raw(seed, start, BLOCK, wanted))
            low, high = max(first - start, 0), min(first + count - start, BLOCK)
            yield start + low, pictures[low:high]

    def pictures(self, seed: int, first: int, count: int, wanted: Tensor | None = None) -> Pixels:
        """Pictures ``first .. first + count``, uint8 ``[count, S, S, C]``."""
        import numpy as np

        return np.concatenate([block for _, block in self.blocks(seed, first, count, wanted)])

    @torch.no_grad()
    def raw(self, seed: int, first: int, count: int, wanted: Tensor | None = None) -> Tensor:
        """What the generator gives for these rows, float ``[count, ...]``, not clipped."""
        z = self.prior.rows(seed, "picture", first, count, self.learned)
        chosen = self.choose(seed, first, count, wanted)
        labels = None if chosen is None else chosen.to(self.device)
        return self.generate(z.to(self.device), labels).float().cpu()

    def choose(self, seed: int, first: int, count: int, wanted: Tensor | None) -> Tensor | None:
        """Label rows for these pictures, ``[count, L]``, or None for an unconditional generator."""
        if self.labels is None:
            return None
        if wanted is not None:
            return wanted.float().expand(count, -1)
        total = len(self.labels)
        rows = [seeds.number(seed, "label", first + i) % total for i in range(count)]
        return self.labels[torch.tensor(rows)]
