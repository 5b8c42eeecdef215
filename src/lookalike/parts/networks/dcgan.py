"""The networks of the classic DCGAN, 32 to 256 px, 1 or 3 channels (Radford et al. 2016).

Transposed 4x4 convolutions with stride 2, batch normalization and ReLU in G; 4x4 convolutions with
stride 2, batch normalization except at the edge, LeakyReLU 0.2 in D, which returns logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import (
    LABEL_PLANES,
    MinibatchDeviation,
    MinibatchDiscrimination,
    bounded,
    doublings,
    init_normal,
    start_of,
    with_labels,
    with_planes,
)
from lookalike.sizes import size_of


def upward(widths: Sequence[int], channels: int) -> list[nn.Module]:
    """Layers that double the side of ``widths[0]`` maps once per width, to pictures in [-1, 1]."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [
            nn.BatchNorm2d(before),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
        ]
    layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True)]
    return [*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh()]


class _Generator(nn.Module):
    def __init__(self, dims: int, frame: Frame, widths: list[int]) -> None:
        super().__init__()
        start = start_of(frame.size)
        first = nn.ConvTranspose2d(dims + frame.labels, widths[0], start, bias=False)
        self.layers = nn.Sequential(first, *upward(widths, frame.channels))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        pictures: Tensor = self.layers(with_labels(z, labels)[:, :, None, None])
        return pictures


class _Discriminator(nn.Module):
    def __init__(self, frame: Frame, plan: DCGANDiscriminator, widths: list[int]) -> None:
        super().__init__()
        self.blind = plan.heads > 1
        planes = 0 if self.blind else min(frame.labels, LABEL_PLANES)
        self.told = nn.Linear(frame.labels, planes) if planes else None
        entry = frame.channels + planes
        layers: list[nn.Module] = [
            bounded(nn.Conv2d(entry, widths[0], 4, 2, 1), plan.spectral),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        if plan.minibatch:
            half = size_of(*(side // 2 for side in frame.shape))
            layers.append(MinibatchDiscrimination(widths[0], half, maps=plan.minibatch))
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
        self.head = bounded(nn.Conv2d(last, plan.heads, start_of(frame.size)), plan.spectral)

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, describe: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        if labels is not None and self.told is not None:
            pictures = with_planes(pictures, self.told(labels))
        features = self.layers(pictures)
        last = features if self.deviation is None else self.deviation(features)
        logits: Tensor = self.head(last).flatten(1).squeeze(1)
        return (logits, features.mean((2, 3))) if describe else logits


@dataclass(frozen=True, kw_only=True)
class DCGANGenerator(NetworkPlan):
    """z -> ``width * size / 8`` maps of 4x4 (at most ``most``), halved at each doubling.

    Those of rectangles begin with their shape, 3 to 7 pixels on the shorter side.
    """

    dims: int = 100
    width: int = 64
    most: int = 1024

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        count = doublings(frame.size)
        widths = [min(self.most, self.width << k) for k in reversed(range(count))]
        return _Generator(self.dims, frame, widths).apply(init_normal)


@dataclass(frozen=True, kw_only=True)
class DCGANDiscriminator(NetworkPlan):
    """The mirror image: ``width`` maps at half the size, doubled at each halving, one logit.

    ``minibatch`` is the number of maps of minibatch discrimination behind the first layer and
    ``deviation`` adds the minibatch deviation before the last; ``dropout`` drops whole maps.
    ``normed=False`` leaves batch normalization out (needed beside slope penalties), ``spectral``
    puts spectral normalization in its place. With ``heads`` above 1 the labels are not shown to
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
