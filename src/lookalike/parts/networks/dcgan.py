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
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import MinibatchDeviation, MinibatchDiscrimination, bounded

LABEL_PLANES = 16
"""D reads labels as this many constant planes: fifty planes at full size would cost more than D."""


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
    def __init__(self, frame: Frame, plan: DCGANDiscriminator, widths: list[int]) -> None:
        super().__init__()
        self.blind = plan.heads > 1
        told = 0 if self.blind else min(frame.labels, LABEL_PLANES)
        self.told = nn.Linear(frame.labels, told) if told else None
        entry = frame.channels + told
        layers: list[nn.Module] = [
            bounded(nn.Conv2d(entry, widths[0], 4, 2, 1), plan.spectral),
            nn.LeakyReLU(0.2, inplace=True),
            *self._alike(frame, plan, widths[0]),
        ]
        extra = plan.minibatch
        for before, after in pairwise(widths):
            normed = plan.normed and not plan.spectral
            layers += [
                bounded(nn.Conv2d(before + extra, after, 4, 2, 1, bias=not normed), plan.spectral),
                *([nn.BatchNorm2d(after)] if normed else []),
                nn.LeakyReLU(0.2, inplace=True),
                *([nn.Dropout2d(plan.dropout)] if plan.dropout else []),
            ]
            extra = 0
        self.layers = nn.Sequential(*layers)
        self.deviation = MinibatchDeviation() if plan.deviation else None
        last = widths[-1] + extra + (1 if plan.deviation else 0)
        self.head = bounded(nn.Conv2d(last, plan.heads, 4), plan.spectral)

    @staticmethod
    def _alike(frame: Frame, plan: DCGANDiscriminator, width: int) -> list[nn.Module]:
        if not plan.minibatch:
            return []
        return [MinibatchDiscrimination(width, frame.size // 2, maps=plan.minibatch)]

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, describe: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        if labels is not None and self.told is not None:
            planes = self.told(labels)[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
            pictures = torch.cat([pictures, planes.to(pictures.dtype)], 1)
        features = self.layers(pictures)
        last = features if self.deviation is None else self.deviation(features)
        logits: Tensor = self.head(last).flatten(1).squeeze(1)
        return (logits, features.mean((2, 3))) if describe else logits


@dataclass(frozen=True, kw_only=True)
class DCGANGenerator(NetworkPlan):
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
class DCGANDiscriminator(NetworkPlan):
    """The mirror image: ``width`` maps at half the size, doubled at each halving, one logit.

    ``minibatch`` is the number of maps of minibatch discrimination behind the first layer and
    ``deviation`` adds the minibatch deviation before the last; ``dropout`` drops whole maps.
    ``normed=False`` leaves batch normalisation out (needed beside slope penalties), ``spectral``
    puts spectral normalisation in its place. With ``heads`` above 1 the labels are not shown to
    the network: it is to find them.
    """

    width: int = 64
    most: int = 1024
    heads: int = 1
    minibatch: int = 0
    deviation: bool = False
    dropout: float = 0.0
    normed: bool = True
    spectral: bool = False

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        count = doublings(frame.size)
        widths = [min(self.most, self.width << k) for k in range(count)]
        network = _Discriminator(frame, self, widths)
        return network if self.spectral else network.apply(init_normal)
