"""Residual networks, spectral normalization in D, hinge loss; labels by projection.

Miyato et al. 2018, "Spectral normalization for generative adversarial networks" (equations 16 and
17; figure 8; betas 0 and 0.9, rate 2e-4), Miyato & Koyama 2018 (section 3) for labels. One critic
step, with D's rate four times G's in the place of five steps (Heusel et al. 2017). The logit is
that of a sum over places, plus the product of the features with a linear embedding of the label
vector, so attributes work like classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import HingeLoss
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import bounded, doublings, start_of
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Every
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
RECTANGLES = True
LABELS = "optional"


def init_balanced(module: nn.Module) -> None:
    """Uniform weights of the variance that keeps a signal level (Glorot & Bengio 2010)."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class LabelNorm(nn.Module):
    """Batch normalization whose gain and shift are linear in the label vector.

    Dumoulin et al. 2017; with one-hot labels each class has its own pair. Without labels this is
    plain batch normalization.
    """

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not labels)
        self.told = nn.Linear(labels, 2 * channels) if labels else None
        if self.told is not None:
            nn.init.zeros_(self.told.weight)
            nn.init.zeros_(self.told.bias)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """``[N, C, H, W]`` -> the same shape."""
        x = self.norm(x)
        if self.told is None or labels is None:
            return x
        gain, shift = self.told(labels)[:, :, None, None].to(x.dtype).chunk(2, 1)
        return torch.addcmul(shift, x, gain + 1)


class Spread(nn.Module):
    """A residual block that doubles the side (Miyato et al. 2018, figure 8, generator)."""

    def __init__(self, inputs: int, outputs: int, labels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([LabelNorm(inputs, labels), LabelNorm(outputs, labels)])
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.across = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """``[N, inputs, S, S]`` -> ``[N, outputs, 2S, 2S]``."""
        short = F.interpolate(self.across(x), scale_factor=2.0, mode="nearest")
        x = F.interpolate(F.relu(self.norms[0](x, labels)), scale_factor=2.0, mode="nearest")
        x = F.relu(self.norms[1](self.first(x), labels))
        wide: Tensor = self.second(x)
        return short + wide


class Shrink(nn.Module):
    """A residual block that may halve the side (Miyato et al. 2018, figure 8, discriminator).

    ``first`` marks the block that meets the picture: it does not begin with an activation.
    """

    def __init__(
        self, inputs: int, outputs: int, *, halve: bool, first: bool = False, spectral: bool = True
    ) -> None:
        super().__init__()
        self.halve, self.first = halve, first
        self.one = bounded(nn.Conv2d(inputs, outputs, 3, padding=1), spectral)
        self.two = bounded(nn.Conv2d(outputs, outputs, 3, padding=1), spectral)
        plain = inputs == outputs and not halve
        self.across = None if plain else bounded(nn.Conv2d(inputs, outputs, 1), spectral)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, S, S]`` -> ``[N, outputs, S, S]`` or half the side."""
        short = F.avg_pool2d(x, 2) if self.halve else x
        if self.across is not None:
            short = self.across(short)
        y = self.one(x if self.first else F.relu(x))
        y = self.two(F.relu(y))
        return short + (F.avg_pool2d(y, 2) if self.halve else y)


class _Generator(nn.Module):
    def __init__(self, dims: int, widths: list[int], frame: Frame) -> None:
        super().__init__()
        self.start = (widths[0], *start_of(frame.size))
        self.begin = nn.Linear(dims, math.prod(self.start))
        self.blocks = nn.ModuleList(
            Spread(before, after, frame.labels) for before, after in pairwise(widths)
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.picture = nn.Conv2d(widths[-1], frame.channels, 3, padding=1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.begin(z).view(-1, *self.start)
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x, labels)
        return torch.tanh(self.picture(F.relu(self.norm(x))))


class _Discriminator(nn.Module):
    def __init__(self, widths: list[int], frame: Frame, spectral: bool) -> None:
        super().__init__()
        first = Shrink(frame.channels, widths[0], halve=True, first=True, spectral=spectral)
        halving = [
            Shrink(before, after, halve=True, spectral=spectral)
            for before, after in pairwise(widths)
        ]
        last = Shrink(widths[-1], widths[-1], halve=False, spectral=spectral)
        self.blocks = nn.Sequential(first, *halving, last)
        self.head = bounded(nn.Linear(widths[-1], 1), spectral)
        self.told = (
            bounded(nn.Linear(frame.labels, widths[-1], bias=False), spectral)
            if frame.labels
            else None
        )

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, describe: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        features = F.relu(self.blocks(pictures)).sum((2, 3))
        logits: Tensor = self.head(features).squeeze(1)
        if self.told is not None and labels is not None:
            logits = logits + (self.told(labels) * features).sum(1)
        return (logits, features) if describe else logits


@dataclass(frozen=True, kw_only=True)
class ResidualGenerator(NetworkPlan):
    """``width`` maps at full size, doubled with each step down to 4x4, at most ``most``."""

    dims: int = 128
    width: int = 32
    most: int = 256

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        count = doublings(frame.size)
        widths = [min(self.most, self.width << k) for k in reversed(range(count + 1))]
        return _Generator(self.dims, widths, frame).apply(init_balanced)


@dataclass(frozen=True, kw_only=True)
class ResidualDiscriminator(NetworkPlan):
    """``width`` maps at half the size, doubled with each step down to 4x4, at most ``most``."""

    width: int = 32
    most: int = 256
    spectral: bool = True

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        count = doublings(frame.size)
        widths = [min(self.most, self.width << k) for k in range(count)]
        return _Discriminator(widths, frame, self.spectral)


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 128,
    rate: float = 0.0,
    faster: float = 4.0,
    critic_steps: int = 1,
    lecam: float = 0.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``faster`` times G's rate is D's; ``critic_steps=5 faster=1 rate=2e-4`` is the paper's.

    A ``rate`` of 0 is 1e-4, and 2.5e-4 for the narrow networks at 32 px.
    """
    small = size <= 32
    width = width or (16 if small else max(16, min(32, 2048 // size)))
    rate = rate or (2.5e-4 if small else 1e-4)
    return Recipe(
        name="sngan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": ResidualGenerator(dims=dims, width=width),
            "D": ResidualDiscriminator(width=width),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=HingeLoss(), maker_turn=Every(critic_steps), lecam=lecam),
        optimizers={
            "G": Adam(rate=Constant(rate), betas=(0.0, 0.9)),
            "D": Adam(rate=Constant(faster * rate), betas=(0.0, 0.9)),
        },
        values=tricks(ema=10_000, instance_noise=instance_noise, lecam=lecam > 0),
        batch=16 if small else 64,
    )
