"""A flat map of vectors: what is near in many dimensions lies near in two.

Principal components first, then a neighbor embedding by noise-contrastive estimation: neighbors
attract one another, pictures drawn at random push one another away (McInnes et al. 2018, "UMAP",
with a Cauchy kernel; as a loss in Damrich et al. 2023, "From t-SNE to UMAP with contrastive
learning", eq. 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lookalike import seeds
from lookalike.metrics.distances.nearest import Vectors, candidates

Places = NDArray[np.float32]
"""Where rows lie on a map, ``[N, 2]``."""

STRENGTH = 4.0
"""Strangers for each neighbor that attracts."""
CLOSE = 0.01
"""Rows that are nearer than the root of this do not fly apart."""


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """How a map is laid out: of so many ``components``, with so many ``neighbors`` of each row.

    ``strangers`` are drawn at every step to push all rows away; places come every ``told`` steps.
    """

    components: int = 50
    neighbors: int = 12
    strangers: int = 96
    steps: int = 240
    told: int = 10
    rate: float = 0.4
    seed: int = 0


def components(vectors: Vectors, count: int) -> Vectors:
    """The first principal components of ``[N, D]``, unscaled: ``[N, min(count, N, D)]``.

    Signs are those in which the largest entry of each component is positive.
    """
    centered = torch.from_numpy(vectors - vectors.mean(0, keepdims=True)).double()
    _, axes = torch.linalg.eigh(centered.T @ centered)
    axes = axes.flip(1)[:, : min(count, len(vectors))]
    signs = axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    found: Vectors = (centered @ (axes * signs)).float().numpy()
    return found


def settling(vectors: Vectors, settings: MapSettings | None = None) -> Iterator[Places]:
    """The map of ``[N, D]`` as it settles, every few steps; the last is the result.

    It depends on the vectors and the settings alone, and lies in [0, 1] on the longer side.
    """
    settings = settings or MapSettings()
    reduced = components(np.asarray(vectors, np.float32), settings.components)
    start = _flat(reduced)
    if len(vectors) <= settings.neighbors:
        yield _framed(start)
        return
    near = torch.from_numpy(candidates(reduced, reduced, settings.neighbors, itself=True))
    places = start / start.std().clamp(min=1e-6) * 4
    optimizer = torch.optim.Adam([places], settings.rate)
    generator = seeds.generator(settings.seed, "map/strangers")
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.rate * (1 - step / settings.steps)
        drawn = torch.randint(len(places), (settings.strangers,), generator=generator)
        places.grad = _pull(places, near) - _push(places, places[drawn]) * near.shape[1]
        optimizer.step()
        if (step + 1) % settings.told == 0 or step + 1 == settings.steps:
            yield _framed(places)


def _flat(reduced: Vectors) -> Tensor:
    """The first two components, ``[N, 2]``."""
    two = torch.from_numpy(reduced[:, :2])
    return functional.pad(two, (0, 2 - two.shape[1]))


def _pull(places: Tensor, near: Tensor) -> Tensor:
    """The gradient ``[N, 2]`` of log(1 + d^2) over each row and its neighbors ``near`` [N, k]."""
    apart = places[:, None] - places[near]
    each = 2 * apart / (1 + apart.square().sum(2, keepdim=True))
    return each.sum(1).index_add(0, near.reshape(-1), each.reshape(-1, 2), alpha=-1)


def _push(places: Tensor, drawn: Tensor) -> Tensor:
    """The mean force ``[N, 2]`` of -log(d^2 / (1 + d^2)) away from some rows ``[M, 2]``."""
    squared = torch.cdist(places, drawn).square()
    weight = 2 * STRENGTH / ((squared + CLOSE) * (1 + squared)) / len(drawn)
    return places * weight.sum(1, keepdim=True) - weight @ drawn


def _framed(places: Tensor) -> Places:
    """Moved and scaled into [0, 1], both sides alike; what strays far is held at the rim."""
    low, high = torch.quantile(places, 0.001, dim=0), torch.quantile(places, 0.999, dim=0)
    side = (high - low).max().clamp(min=1e-6)
    middle = (low + high) / 2
    framed: Places = ((places - middle) / side * 0.96 + 0.5).clamp(0, 1).float().numpy()
    return framed
