"""A prior made of the encodings themselves: z lies between neighbors.

Samples of a mixture fall between the modes of the encoded pictures, where the generator never
learned to draw; the encodings' own neighborhoods do not. The step from a picture towards its
neighbors is that of SMOTE (Chawla et al. 2002). No sample sits on a training picture: the largest
weight of a sample is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.parts.priors import Learned, Prior


@dataclass(frozen=True, kw_only=True)
class Neighbors(Prior):
    """z = (1 - u) z_i + u z_j with j one of the ``nearest`` neighbors of i, and a little noise.

    ``u`` is uniform in [``least``, 1 - ``least``], so at most the share 1 - ``least`` of a sample
    comes from one picture; ``noise`` is in units of the encodings' standard deviation. Distances
    are measured with every dimension scaled to unit variance. Before the first fit z is standard
    normal. ``most`` bounds how many encodings are kept.
    """

    dims: int = 64
    nearest: int = 5
    least: float = 0.25
    noise: float = 0.0
    most: int = 4_000

    @property
    def learns(self) -> bool:
        """Always."""
        return True

    def fit(self, encoded: Tensor, generator: torch.Generator) -> Learned:
        """Keep the encodings, each with its nearest neighbors; needs at least two of them."""
        data = encoded.float().cpu()
        if len(data) > self.most:
            data = data[torch.randperm(len(data), generator=generator)[: self.most]]
        scale = data.std(0).clamp(min=1e-4) if len(data) > 1 else torch.ones(self.dims)
        white = data / scale
        count = min(self.nearest, len(data) - 1)
        if count < 1:
            return {}
        found = [
            torch.cdist(part, white).topk(count + 1, largest=False).indices[:, 1:]
            for part in torch.split(white, 500)
        ]
        return {"codes": data, "neighbors": torch.cat(found), "scale": scale}

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """A picture's encoding, one of its neighbors, and a place between the two."""
        chosen = torch.rand(count, 3, generator=generator)
        noise = torch.randn(count, self.dims, generator=generator)
        if not learned:
            return noise
        codes, near = learned["codes"], learned["neighbors"]
        first = (chosen[:, 0] * len(codes)).long().clamp(max=len(codes) - 1)
        which = (chosen[:, 1] * near.shape[1]).long().clamp(max=near.shape[1] - 1)
        share = self.least + (1 - 2 * self.least) * chosen[:, 2:]
        between = (1 - share) * codes[first] + share * codes[near[first, which]]
        return between + self.noise * noise * learned["scale"]
