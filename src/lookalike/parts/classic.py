"""The networks of the classic DCGAN, 32 to 256 px, 1 or 3 channels (Radford et al. 2016).

Transposed 4x4 convolutions with stride 2, batch normalisation and ReLU in G; 4x4 convolutions with
stride 2, batch normalisation except at the edge, LeakyReLU 0.2 in D, which returns logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from lookalike.errors import RecipeError
from lookalike.parts.networks import Frame, NetworkPlan


def doublings(size: int, base: int = 4) -> int:
    """How often ``base`` must be doubled to give ``size``.

    Raises:
        RecipeError: it never does.
    """
    count = 0
    while base << count < size:
        count += 1
    if base << count != size:
        near = [base << k for k in range(2, 8)]
        raise RecipeError(
            f"This network makes pictures of {', '.join(map(str, near))} px, not {size}. "
            "Prepare the pictures at one of these sizes: lookalike prepare ... --size 64"
        )
    return count


def init_normal(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions and linear layers, N(1, 0.02) for batch normalisation."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class _Generator(nn.Module):
    def __init__(self, dims: int, labels: int, widths: list[int], channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(dims + labels, widths[0], 4, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        layers += [nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        told = z if labels is None else torch.cat([z, labels], 1)
        pictures: Tensor = self.layers(told[:, :, None, None])
        return pictures


class _Discriminator(nn.Module):
    def __init__(self, channels: int, labels: int, widths: list[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(channels + labels, widths[0], 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers += [nn.Conv2d(widths[-1], 1, 4)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None:
            planes = labels[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
            pictures = torch.cat([pictures, planes.to(pictures.dtype)], 1)
        logits: Tensor = self.layers(pictures)
        return logits.flatten(1).squeeze(1)


@dataclass(frozen=True, kw_only=True)
class ClassicGenerator(NetworkPlan):
    """z -> ``width * size / 8`` maps of 4x4 (at most ``most``), halved at each doubling."""

    dims: int = 100
    width: int = 64
    most: int = 1024

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        count = doublings(frame.size)
        widths = [min(self.most, self.width << k) for k in reversed(range(count))]
        return _Generator(self.dims, frame.labels, widths, frame.channels).apply(init_normal)


@dataclass(frozen=True, kw_only=True)
class ClassicDiscriminator(NetworkPlan):
    """The mirror image: ``width`` maps at half the size, doubled at each halving, one logit."""

    width: int = 64
    most: int = 1024

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        count = doublings(frame.size)
        widths = [min(self.most, self.width << k) for k in range(count)]
        return _Discriminator(frame.channels, frame.labels, widths).apply(init_normal)
