"""Swift's players: a small, quick generator, the encoder facing it, and heads on frozen features.

The generator is in the spirit of FastGAN (Liu et al. 2021), D is that of Sauer et al. 2021.

What was measured on two cores decides the shape. Gated linear units cost five times a leaky ReLU
(their way back loses the channels-last layout), and a 3x3 convolution after upsampling four times
one before it; so a stage narrows by a 1x1 convolution, upsamples, and adds one residual block, and
the last doubling is a sub-pixel convolution. Every block is scaled and shifted by z itself (a short
path for style, in the place of FastGAN's skip-layer excitation), which is what lets one small
network draw very different things.

Normalized maps are cut at a limit. Without it one place of the map grows to a thousand times the
others and sets the statistics of all of them, StyleGAN's droplet (Karras et al. 2020, section 2),
which photographs showed as colored dots in a corner. Measured: docs/log.md, "A place that outshines
the others".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, Invertible, NetworkPlan
from lookalike.parts.networks.blocks import (
    channels_last,
    doublings,
    shuffled,
    start_of,
    with_labels,
)
from lookalike.parts.networks.frozen_features import LaplacianFeatures, Pretrained
from lookalike.parts.networks.projected import ProjectedHeads, head
from lookalike.sizes import square_of

SIDES = (32, 64, 128, 256)


def check_frame(frame: Frame, what: str) -> None:
    """Refuse sides that the network cannot draw."""
    if square_of(frame.size) not in SIDES:
        raise RecipeError(
            f"The {what} works at sides {', '.join(map(str, SIDES))}, not {frame.size}. "
            "Prepare the pack at one of these sizes."
        )


def laid_out(places: Tensor, shape: tuple[int, int]) -> Tensor:
    """Weights of the 4x4 places of a square, ``[4, 4, K]``, at the places of a rectangle."""
    return F.interpolate(places.permute(2, 0, 1)[None], shape, mode="bilinear")[0].permute(1, 2, 0)


class Modulation(nn.Module):
    """Scale and shift every channel by a linear function of z; it starts as the identity."""

    def __init__(self, code: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(code, 2 * channels)
        nn.init.zeros_(self.linear.bias)
        nn.init.normal_(self.linear.weight, std=0.2 / code**0.5)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``[N, C, H, W]`` and ``[N, code]`` -> ``[N, C, H, W]``."""
        scale, shift = self.linear(code)[:, :, None, None].to(x.dtype).chunk(2, dim=1)
        return torch.addcmul(shift, x, scale + 1)


def limited(x: Tensor, limit: float) -> Tensor:
    """``x`` of any shape, cut to ``-limit .. limit``; a limit of 0 is none."""
    return x.clamp(-limit, limit) if limit else x


class ResidualBlock(nn.Module):
    """Normalize, cut, modulate by z, activate, convolve, and add to what came in."""

    def __init__(self, channels: int, code: int, *, limit: float) -> None:
        super().__init__()
        self.limit = limit
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.modulation = Modulation(code, channels)
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``[N, C, H, W]`` and ``[N, code]`` -> ``[N, C, H, W]``."""
        y = F.leaky_relu(self.modulation(limited(self.norm(x), self.limit), code), 0.2)
        found: Tensor = x + self.convolution(y)
        return found


class Stage(nn.Module):
    """Twice the side: narrow by a 1x1 convolution, upsample, then blocks."""

    def __init__(self, inputs: int, outputs: int, code: int, *, blocks: int, limit: float) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.blocks = nn.ModuleList(
            ResidualBlock(outputs, code, limit=limit) for _ in range(blocks)
        )

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` -> ``[N, outputs, 2H, 2W]``."""
        x = F.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        for block in self.blocks:
            x = block(x, code)
        return x


class SwiftGenerator(nn.Module):
    """z (and labels) -> pictures in [-1, 1].

    The widths halve as the side doubles; the last doubling is a sub-pixel convolution, since at
    full size every layer costs four times what it costs at half size.
    """

    def __init__(self, frame: Frame, plan: SwiftGeneratorPlan) -> None:
        super().__init__()
        self.latent, self.limit = plan.latent, plan.limit
        code = plan.latent + frame.labels
        sides = [4 << k for k in range(doublings(frame.size))]
        widths = [max(24, min(plan.widest, plan.width * 32 // side)) for side in sides]
        self.begin = (*start_of(frame.size), widths[0])
        self.start = nn.Linear(code, math.prod(self.begin))
        self.stages = nn.ModuleList(
            Stage(a, b, code, blocks=plan.blocks, limit=plan.limit) for a, b in pairwise(widths)
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.finish = nn.Conv2d(widths[-1], 4 * plan.fine, 3, padding=1)
        self.picture = nn.Conv2d(plan.fine, frame.channels, 3, padding=1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z ``[N, latent]``, labels ``[N, L]`` or None -> ``[N, C, H, W]``."""
        code = with_labels(z, labels)
        x = self.start(code).view(-1, *self.begin).permute(0, 3, 1, 2)
        for stage in self.stages:
            x = stage(x, code)
        x = shuffled(self.finish(F.leaky_relu(limited(self.norm(x), self.limit), 0.2)))
        return torch.tanh(self.picture(F.leaky_relu(x, 0.2)).float())

    def of_square(self, name: str, saved: Tensor) -> Tensor:
        """The saved start of a generator of squares, so that the first maps are theirs, resized."""
        *shape, first = self.begin
        if not name.startswith("start.") or len(saved) != 16 * first:
            return saved
        laid = laid_out(saved.reshape(4, 4, -1), (shape[0], shape[1]))
        return laid.reshape(-1, *saved.shape[1:])


@dataclass(frozen=True, kw_only=True)
class SwiftGeneratorPlan(NetworkPlan):
    """Settings of :class:`SwiftGenerator`.

    ``width`` is the number of channels at side 32, ``widest`` the limit below it, ``fine`` the
    number at full size, ``blocks`` how many convolutions each side has, ``limit`` where normalized
    maps are cut (0: nowhere).
    """

    latent: int = 64
    width: int = 64
    widest: int = 256
    fine: int = 16
    blocks: int = 1
    limit: float = 0.0

    def build(self, frame: Frame) -> SwiftGenerator:
        """A generator for this frame."""
        check_frame(frame, "fast generator")
        return channels_last(SwiftGenerator(frame, self))


class SwiftEncoder(nn.Module):
    """Pictures -> the mean and the log variance of z: one strided 4x4 convolution per halving."""

    def __init__(self, frame: Frame, *, latent: int, width: int, widest: int) -> None:
        super().__init__()
        widths = [min(widest, width << k) for k in range(doublings(frame.size))]
        layers: list[nn.Module] = []
        for inputs, outputs in zip([frame.channels, *widths], widths, strict=False):
            layers += [
                nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        self.body = nn.Sequential(*layers)
        self.end = (widths[-1], *start_of(frame.size))
        self.code = nn.Linear(math.prod(self.end) + frame.labels, 2 * latent)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``[N, C, H, W]`` in [-1, 1] -> mean and log variance, ``[N, latent]`` each, float32."""
        y = self.body(x.contiguous(memory_format=torch.channels_last)).flatten(1)
        mean, log_variance = self.code(with_labels(y, labels)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-12, 4)

    def of_square(self, name: str, saved: Tensor) -> Tensor:
        """The saved end of an encoder of squares, its sums over places as large as there."""
        last, *shape = self.end
        if name != "code.weight" or saved.shape[1] != 16 * last:
            return saved
        places = saved.reshape(-1, 4, 4).permute(1, 2, 0)
        laid = laid_out(places, (shape[0], shape[1])) * (16 / math.prod(shape))
        return laid.permute(2, 0, 1).reshape(len(saved), -1)


@dataclass(frozen=True, kw_only=True)
class SwiftEncoderPlan(NetworkPlan, Invertible):
    """Settings of :class:`SwiftEncoder`: channels after the first halving, and their limit."""

    latent: int = 64
    width: int = 32
    widest: int = 256

    def build(self, frame: Frame) -> SwiftEncoder:
        """An encoder for this frame."""
        check_frame(frame, "fast encoder")
        network = SwiftEncoder(frame, latent=self.latent, width=self.width, widest=self.widest)
        return channels_last(network)

    def read(self, network: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """The mean of z, ``[N, latent]``."""
        mean: Tensor = network(pictures, labels)[0]
        return mean


class PyramidDiscriminator(nn.Module):
    """A plain small convolutional discriminator over a Laplacian pyramid, put together again."""

    def __init__(self, channels: int, size: int, *, width: int) -> None:
        super().__init__()
        self.head = head(channels, width, doublings(size))

    def forward(self, maps: Sequence[Tensor], labels: Tensor | None = None) -> Tensor:
        """The maps of :class:`LaplacianFeatures` -> logits ``[N, 1]``."""
        x = maps[-1]
        for band in reversed(maps[:-1]):
            x = band + F.interpolate(x, scale_factor=2.0, mode="bilinear")
        logits: Tensor = self.head(x)
        return logits


class FeatureChoice(nn.Module):
    """Heads that look at some of the maps only."""

    def __init__(self, heads: ProjectedHeads, judged: tuple[int, ...]) -> None:
        super().__init__()
        self.heads, self.judged = heads, judged

    def forward(self, maps: Sequence[Tensor], labels: Tensor | None = None) -> Tensor:
        """All maps of the feature network -> logits ``[N, heads]``."""
        logits: Tensor = self.heads([maps[index] for index in self.judged])
        return logits


@dataclass(frozen=True, kw_only=True)
class ProjectedDiscriminator(NetworkPlan):
    """D over the maps of a feature network: the ones numbered ``judged`` (0 is the finest).

    Without pretrained weights the maps are a Laplacian pyramid, and D is a plain network on it.
    """

    features: Pretrained = field(default_factory=Pretrained)
    judged: tuple[int, ...] = (1, 2, 3, 4)
    width: int = 48
    head_width: int = 48

    def build(self, frame: Frame) -> nn.Module:
        """A discriminator for the maps that ``features`` gives for this frame."""
        network = self.features.build(frame)
        if isinstance(network, LaplacianFeatures):
            return channels_last(PyramidDiscriminator(frame.channels, frame.size, width=self.width))
        with torch.no_grad():
            maps = network(torch.zeros(1, frame.channels, *frame.shape))
        seen = [maps[index] for index in self.judged]
        heads = ProjectedHeads.on(seen, width=self.width, head_width=self.head_width)
        return channels_last(FeatureChoice(heads, self.judged))
