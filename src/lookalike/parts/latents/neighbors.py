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

from lookalike.parts.latents.priors import Learned, Prior


@dataclass(frozen=True, kw_only=True)
class Neighbors(Prior):
    """z = (1 - u) z_i + u z_j with j one of the ``nearest`` neighbors of i, and a little noise.

    ``u`` is uniform in [``least``, 1 - ``least``], so at most the share 1 - ``least`` of a sample
    comes from one picture; ``noise`` is in units of the encodings' standard deviation. Distances
    are measured with every dimension scaled to unit variance. Before the first fit z is standard
    normal. ``most`` bounds how many encodings are kept. Of few encodings only the hundredth part,
    and at least two, count as neighbors: what is further away has little in common.
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

    def fit(
        self,
        encoded: Tensor,
        generator: torch.Generator,
        labels: Tensor | None = None,
        spent: int | None = None,
    ) -> Learned:
        """Keep the encodings, each with its nearest neighbors; needs at least two of them.

        With labels ``[N, L]`` neighbors of the same label come first, however far they are.
        """
        data = encoded.float().cpu()
        named = None if labels is None else labels.float().cpu()
        if len(data) > self.most:
            rows = torch.randperm(len(data), generator=generator)[: self.most]
            data, named = data[rows], None if named is None else named[rows]
        scale = data.std(0).clamp(min=1e-4) if len(data) > 1 else torch.ones(self.dims)
        count = min(self.nearest, max(2, len(data) // 100), len(data) - 1)
        if count < 1:
            return {}
        learned = {"codes": data, "neighbors": _nearest(data / scale, named, count), "scale": scale}
        return learned if named is None else {**learned, "labels": named}

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """A picture's encoding, one of its neighbors, and a place between the two."""
        return self.draw_labeled(generator, count, learned, None)[0]

    def draw_labeled(
        self, generator: torch.Generator, count: int, learned: Learned, wanted: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """z between two pictures, and the label between theirs, or the one that was asked for.

        With a label asked for, the first picture is one of those whose label is nearest to it.
        """
        chosen = torch.rand(count, 3, generator=generator)
        noise = torch.randn(count, self.dims, generator=generator)
        if not learned:
            return noise, None
        codes, near, labels = learned["codes"], learned["neighbors"], learned.get("labels")
        able = _like(labels, wanted, len(codes))
        first = able[(chosen[:, 0] * len(able)).long().clamp(max=len(able) - 1)]
        which = (chosen[:, 1] * near.shape[1]).long().clamp(max=near.shape[1] - 1)
        second = near[first, which]
        share = self.least + (1 - 2 * self.least) * chosen[:, 2:]
        between = (1 - share) * codes[first] + share * codes[second]
        z = between + self.noise * noise * learned["scale"]
        if labels is None:
            return z, None
        if wanted is not None:
            return z, wanted.float().expand(count, -1)
        return z, (1 - share) * labels[first] + share * labels[second]


def _nearest(white: Tensor, labels: Tensor | None, count: int) -> Tensor:
    """The rows of the ``count`` nearest others of each row, those of the same label first."""
    nearest = []
    for start in range(0, len(white), 500):
        rows = slice(start, start + 500)
        away = torch.cdist(white[rows], white)
        if labels is not None:
            away += 1e4 * (torch.cdist(labels[rows], labels, p=1.0) > 1e-6)
        away[torch.arange(len(away)), torch.arange(start, start + len(away))] = torch.inf
        nearest.append(away.topk(count, largest=False).indices)
    return torch.cat(nearest)


def _like(labels: Tensor | None, wanted: Tensor | None, count: int) -> Tensor:
    """The rows whose labels are nearest to the wanted one: all of that class, or the best 32."""
    if labels is None or wanted is None:
        return torch.arange(count)
    away = (labels - wanted.float()).abs().sum(1)
    same = torch.nonzero(away < 1e-6)[:, 0]
    return same if len(same) else away.topk(min(32, count), largest=False).indices
