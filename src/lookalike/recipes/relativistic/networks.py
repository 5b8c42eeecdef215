"""Residual networks without normalisation, as a modern baseline has them.

Huang et al. 2024, section 4 and figure 3 (R3GAN, "config E"): per side one transition (bilinear
resampling, 1x1 convolution where the width changes) and a few inverted bottlenecks (1x1, grouped
3x3, 1x1), leaky ReLU, and the initialisation of Zhang et al. 2019 ("fixup") that does without
normalisation: the last convolution of each block starts at zero, the others are scaled down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import doublings

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Keeps the variance through a leaky ReLU."""


def scaled(layer: nn.Conv2d | nn.Linear, gain: float) -> None:
    """Fill a layer's weight with N(0, gain^2 / inputs) and its bias with 0."""
    inputs = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class Bottleneck(nn.Module):
    """x + 1x1(grouped 3x3(1x1(x))), wide in the middle; it starts as the identity."""

    def __init__(self, width: int, *, expansion: int, group: int, scale: float) -> None:
        super().__init__()
        wide = width * expansion
        groups = max(1, wide // group)
        while wide % groups:
            groups -= 1
        self.expand = nn.Conv2d(width, wide, 1)
        self.mix = nn.Conv2d(wide, wide, 3, padding=1, groups=groups)
        self.project = nn.Conv2d(wide, width, 1, bias=False)
        scaled(self.expand, GAIN * scale)
        scaled(self.mix, GAIN * scale)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` -> the same shape."""
        y = F.leaky_relu(self.expand(x), SLOPE)
        found: Tensor = x + self.project(F.leaky_relu(self.mix(y), SLOPE))
        return found


def _across(inputs: int, outputs: int) -> nn.Module:
    if inputs == outputs:
        return nn.Identity()
    layer = nn.Conv2d(inputs, outputs, 1, bias=False)
    scaled(layer, 1.0)
    return layer


class _Generator(nn.Module):
    def __init__(self, frame: Frame, plan: R3GANGenerator) -> None:
        super().__init__()
        widths = plan.widths(frame)
        self.labels = nn.Linear(frame.labels, plan.dims, bias=False) if frame.labels else None
        code = plan.dims * (2 if frame.labels else 1)
        self.basis = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.first = nn.Linear(code, widths[0], bias=False)
        scaled(self.first, 1.0)
        self.across = nn.ModuleList(_across(a, b) for a, b in pairwise(widths))
        self.stages = plan.stages(widths)
        self.picture = nn.Conv2d(widths[-1], frame.channels, 1)
        scaled(self.picture, 1.0)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        code = z
        if self.labels is not None and labels is not None:
            code = torch.cat([z, self.labels(labels)], 1)
        x = self.first(code)[:, :, None, None] * self.basis
        x = self.stages[0](x.contiguous(memory_format=torch.channels_last))
        for across, stage in zip(self.across, list(self.stages)[1:], strict=True):
            x = F.interpolate(across(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = stage(x)
        return torch.tanh(self.picture(x).float())


class _Discriminator(nn.Module):
    def __init__(self, frame: Frame, plan: R3GANDiscriminator) -> None:
        super().__init__()
        widths = plan.widths(frame)[::-1]
        self.picture = nn.Conv2d(frame.channels, widths[0], 1)
        scaled(self.picture, 1.0)
        self.across = nn.ModuleList(_across(a, b) for a, b in pairwise(widths))
        self.stages = plan.stages(widths)
        self.gather = nn.Conv2d(widths[-1], widths[-1], 4, groups=widths[-1], bias=False)
        scaled(self.gather, 1.0)
        self.last = nn.Linear(widths[-1], plan.dims if frame.labels else 1, bias=False)
        scaled(self.last, 1.0)
        self.labels = nn.Linear(frame.labels, plan.dims, bias=False) if frame.labels else None

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.stages[0](self.picture(pictures))
        for across, stage in zip(self.across, list(self.stages)[1:], strict=True):
            x = stage(across(F.avg_pool2d(x, 2)))
        features: Tensor = self.last(self.gather(x).flatten(1))
        if self.labels is None or labels is None:
            return features.squeeze(1)
        named: Tensor = self.labels(labels)
        return (features * named).sum(1) / math.sqrt(features.shape[1])


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """``width`` maps at full size, doubled at each halving up to ``most``."""

    width: int = 32
    most: int = 256
    blocks: int = 1
    expansion: int = 2
    group: int = 16
    dims: int = 64

    def widths(self, frame: Frame) -> list[int]:
        """The widths from 4x4 to the full size."""
        count = doublings(frame.size)
        return [min(self.most, self.width << k) for k in reversed(range(count + 1))]

    def stages(self, widths: list[int]) -> nn.ModuleList:
        """The blocks of each side. Fixup's scale for m = 3 layers and L blocks is L^(-1/4)."""
        scale = (self.blocks * len(widths)) ** -0.25
        return nn.ModuleList(
            nn.Sequential(
                *(
                    Bottleneck(width, expansion=self.expansion, group=self.group, scale=scale)
                    for _ in range(self.blocks)
                )
            )
            for width in widths
        )


@dataclass(frozen=True, kw_only=True)
class R3GANGenerator(_Shape, NetworkPlan):
    """A learned 4x4 basis scaled by z, then ``blocks`` bottlenecks at every side."""

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return _Generator(frame, self)


@dataclass(frozen=True, kw_only=True)
class R3GANDiscriminator(_Shape, NetworkPlan):
    """The mirror image; with labels the logit is a product with their embedding (``dims``)."""

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        return _Discriminator(frame, self)
