"""What of a run is given away: networks with their averaged weights, the prior, axes and a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lookalike import images
from lookalike.engine.sampler import Sampler
from lookalike.images import Pixels
from lookalike.parts.latents.priors import Learned, Prior
from lookalike.share.graph import Graph, graph_of
from lookalike.sizes import shape_of

Codes = NDArray[np.float32]

BANK = 308
"""Pictures on the map of a page: 14 rows of 22."""

MAP_SIDES = (1000, 620)
"""Width and height of the map, as app.js draws it."""


@dataclass(frozen=True)
class SharedDirection:
    """A named step in what the generator takes; 1 is the spread of the data along it, ``[Z]``."""

    name: str
    vector: Codes


@dataclass(frozen=True)
class PictureBank:
    """Drawn pictures: what the generator took for each, its labels, its place, how it looks.

    ``codes`` ``[N, Z]``, ``labels`` ``[N, L]``, ``places`` ``[N, 2]`` in [0, 1] with like pictures
    together, ``pictures`` uint8 ``[N, S, S, C]``.
    """

    codes: Codes
    labels: Codes
    places: Codes
    pictures: Pixels


class PriorNetwork(nn.Module):
    """The prior's way from noise to what the generator takes."""

    def __init__(self, prior: Prior, learned: Learned) -> None:
        super().__init__()
        self.transform = partial(prior.transform, learned=learned)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noise ``[N, width]`` and labels ``[N, L]`` -> codes ``[N, width]``."""
        return self.transform(z, labels)


class NoiseToPicture(nn.Module):
    """Noise to pictures: the prior's transform, then the generator."""

    def __init__(self, prior: nn.Module, generator: nn.Module) -> None:
        super().__init__()
        self.prior, self.generator = prior, generator

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, width]`` and ``[N, L]`` -> ``[N, C, S, S]`` in [-1, 1]."""
        pictures: Tensor = self.generator(self.prior(z, labels), labels)
        return pictures


class EncoderMean(nn.Module):
    """The encoder's mean, without its variance."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, C, S, S]`` in [-1, 1] and labels ``[N, L]`` -> codes ``[N, Z]``."""
        mean: Tensor = self.encoder(pictures, labels)[0]
        return mean


def page_graphs(
    networks: Mapping[str, nn.Module], sampler: Sampler, frame: tuple[int, int], encoder: bool
) -> dict[str, Graph]:
    """The programs of a page: "generator", and "prior" and "encoder" where there are such.

    ``frame`` is (size, channels).

    Raises:
        RecipeError: a network does what a page cannot do.
    """
    size, channels = frame
    z, labels = sampler.draw(0, 0, 1)
    rest = () if labels is None else (labels.float(),)
    carried = sampler.prior.transform(z, labels, sampler.learned)
    graphs = {"generator": graph_of(networks["G"], carried, *rest, what="generator")}
    if carried is not z:
        network = PriorNetwork(sampler.prior, sampler.learned)
        graphs["prior"] = graph_of(network, z, *rest, what="prior")
    if encoder and "E" in networks:
        picture = torch.zeros(1, channels, *shape_of(size))
        graphs["encoder"] = graph_of(EncoderMean(networks["E"]), picture, *rest, what="encoder")
    return graphs


@torch.no_grad()
def draw_bank(sampler: Sampler, network: nn.Module, count: int = BANK) -> PictureBank:
    """The first ``count`` pictures of seed 0, with their places on a map."""
    z, labels = sampler.draw(0, 0, count)
    codes = sampler.prior.transform(z, labels, sampler.learned)
    drawn = []
    for first in range(0, count, sampler.block):
        rows = slice(first, first + sampler.block)
        drawn.append(
            images.to_pixels(network(codes[rows], None if labels is None else labels[rows]))
        )
    own = np.zeros((count, 0), np.float32) if labels is None else labels.float().numpy()
    pictures = np.concatenate(drawn)
    return PictureBank(codes.float().numpy(), own, places_of(pictures), pictures)


def places_of(pictures: Pixels) -> Codes:
    """Places ``[N, 2]`` in [0, 1]: rows and columns along the two main axes of the pictures.

    Sorted into rows by the second axis, and in each row by the first one, none covers another.
    """
    small = images.to_network(pictures)
    flat = torch.nn.functional.adaptive_avg_pool2d(small, 8).flatten(1)
    left, spread, _ = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)
    axes = (left * spread)[:, :2].numpy()
    rows = max(1, round(np.sqrt(len(pictures) * MAP_SIDES[1] / MAP_SIDES[0])))
    places: Codes = np.zeros((len(pictures), 2), np.float32)
    for row, members in enumerate(np.array_split(np.argsort(axes[:, -1]), rows)):
        across = members[np.argsort(axes[members, 0])]
        places[across, 0] = np.linspace(0, 1, len(across)) if len(across) > 1 else 0.5
        places[across, 1] = row / max(1, rows - 1)
    return places


def main_axes(codes: Codes, count: int = 6) -> tuple[SharedDirection, ...]:
    """The principal components of codes ``[N, Z]``, numbered from 1, the widest first."""
    centered = codes - codes.mean(0)
    _, spread, axes = np.linalg.svd(centered, full_matrices=False)
    scale = spread / np.sqrt(max(1, len(codes) - 1))
    pairs = zip(scale, axes, strict=True)
    return tuple(
        SharedDirection(f"axis {number}", (size * axis).astype(np.float32))
        for number, (size, axis) in enumerate(list(pairs)[:count], 1)
    )


@dataclass(frozen=True, kw_only=True)
class SharedModel:
    """All that a page or a folder of a run holds; ``facts`` are what is said about it."""

    name: str
    size: int
    channels: int
    labels: tuple[str, ...]
    noise: str | None
    width: int
    graphs: Mapping[str, Graph]
    bank: PictureBank
    directions: tuple[SharedDirection, ...]
    facts: Mapping[str, Any]
