"""Convolutional players for generators with codes: any size with a power of two in it, 28 px too.

Radford et al. 2016's shapes, from a linear layer on (so that 28 px start at 7x7), and a
discriminator whose one trunk carries two heads: real or fake, and the codes (Chen et al. 2016,
appendix C).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.dcgan import init_normal

LARGEST_START = 7
"""A picture grows from the largest square of at most this side: 4x4 for 64 px, 7x7 for 28 px."""


def steps(size: int) -> tuple[int, int]:
    """The side of the smallest map and the number of doublings from it to ``size``.

    Raises:
        RecipeError: the size cannot be reached from a square of at most 7x7.
    """
    side, doublings = size, 0
    while side > LARGEST_START and side % 2 == 0:
        side, doublings = side // 2, doublings + 1
    if side > LARGEST_START or doublings < 1:
        raise RecipeError(
            f"This network cannot make pictures of {size} px: halving them never gives a square "
            "of at most 7 px. Prepare them at 28, 32, 64, 128 or 256 px."
        )
    return side, doublings


def with_planes(pictures: Tensor, labels: Tensor | None) -> Tensor:
    """Pictures ``[N, C, S, S]`` with one constant plane per label behind them."""
    if labels is None:
        return pictures
    planes = labels[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
    return torch.cat([pictures, planes.to(pictures.dtype)], 1)


class _Grown(nn.Module):
    def __init__(self, inputs: int, frame: Frame, width: int, most: int) -> None:
        super().__init__()
        self.side, doublings = steps(frame.size)
        widths = [min(most, width << k) for k in reversed(range(doublings))]
        self.first = nn.Linear(inputs + frame.labels, widths[0] * self.side**2, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for before, after in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        layers += [nn.ConvTranspose2d(widths[-1], frame.channels, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        told = z if labels is None else torch.cat([z, labels], 1)
        pictures: Tensor = self.layers(self.first(told).unflatten(1, (-1, self.side, self.side)))
        return pictures


class _TwoHeads(nn.Module):
    def __init__(self, plan: TwoHeadedDiscriminator, frame: Frame) -> None:
        super().__init__()
        side, halvings = steps(frame.size)
        widths = [min(plan.most, plan.width << k) for k in range(halvings)]
        layers: list[nn.Module] = []
        for before, after in zip([frame.channels + frame.labels, *widths], widths, strict=False):
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not layers))
            if len(layers) > 1:
                layers.append(nn.BatchNorm2d(after))
            layers += [nn.LeakyReLU(0.1, inplace=True), nn.Dropout2d(plan.dropout)]
        self.trunk = nn.Sequential(*layers).apply(init_normal)
        flat = widths[-1] * side**2
        self.real = nn.Linear(flat, 1).apply(init_normal)
        self.codes = _head(flat, plan.codes)
        self.views = _head(flat, plan.views) if plan.views else None

    def forward(
        self,
        pictures: Tensor,
        labels: Tensor | None = None,
        both: bool = False,
        views: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        features = self.trunk(with_planes(pictures, labels)).flatten(1)
        logits: Tensor = self.real(features).squeeze(1)
        if not both:
            return logits
        told = logits, self.codes(features)
        return (*told, self.views(features)) if views and self.views is not None else told


def _head(inputs: int, outputs: int) -> nn.Sequential:
    """As torch starts it: after N(0, 0.02) all codes read alike and leave that state slowly."""
    return nn.Sequential(nn.Linear(inputs, 128), nn.LeakyReLU(0.1), nn.Linear(128, outputs))


@dataclass(frozen=True, kw_only=True)
class GrownGenerator(NetworkPlan):
    """``inputs`` columns -> a linear map, then transposed 4x4 convolutions, batch norm, ReLU.

    ``width`` counts the maps at half the size; they double towards the start, up to ``most``.
    """

    inputs: int
    width: int = 64
    most: int = 1024

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return _Grown(self.inputs, frame, self.width, self.most).apply(init_normal)


@dataclass(frozen=True, kw_only=True)
class TwoHeadedDiscriminator(NetworkPlan):
    """``forward(x, labels)`` gives logits ``[N]``; ``forward(x, labels, True)`` also code columns.

    ``codes`` counts the columns of the second head: logits of every category, then the values of
    the continuous codes. ``dropout`` silences whole maps (2-D dropout) after every convolution.
    ``views`` features by which copies of a picture are compared come third with a further True.
    """

    codes: int
    width: int = 64
    most: int = 1024
    dropout: float = 0.25
    views: int = 0

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        return _TwoHeads(self, frame)
