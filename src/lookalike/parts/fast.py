"""A small, quick generator of the FastGAN kind (Liu et al. 2021) and the encoder that faces it.

Every stage doubles the side: nearest upsampling, a 3x3 convolution, batch norm, a gated linear
unit. Every stage is also scaled and shifted by z itself (a short path for style, in the place of
FastGAN's skip-layer excitation), which is what lets one small network draw very different things.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.errors import RecipeError
from lookalike.parts.networks import Frame, NetworkPlan

SIDES = (32, 64, 128, 256)


def with_labels(z: Tensor, labels: Tensor | None) -> Tensor:
    """z with the label vector behind it, when there is one."""
    return z if labels is None else torch.cat([z, labels.to(z)], dim=1)


def check_frame(frame: Frame, what: str) -> None:
    """Refuse sides that the network cannot draw."""
    if frame.size not in SIDES:
        raise RecipeError(
            f"The {what} works at sides {', '.join(map(str, SIDES))}, not {frame.size}. "
            "Prepare the pack at one of these sizes."
        )


Kind = TypeVar("Kind", bound=nn.Module)


def channels_last(network: Kind) -> Kind:
    """The same network with its convolutions' weights laid out channels-last."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


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


class Stage(nn.Module):
    """Twice the side: upsample, convolve, normalise, modulate by z, gate; then once more, added."""

    def __init__(self, inputs: int, outputs: int, code: int, *, deep: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, 2 * outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(2 * outputs, affine=False)
        self.modulation = Modulation(code, 2 * outputs)
        self.second = nn.Conv2d(outputs, 2 * outputs, 3, padding=1, bias=False) if deep else None
        self.second_norm = nn.BatchNorm2d(2 * outputs) if deep else None

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` -> ``[N, outputs, 2H, 2W]``."""
        x = self.first(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        x = F.glu(self.modulation(self.norm(x), code), dim=1)
        if self.second is not None and self.second_norm is not None:
            x = x + F.glu(self.second_norm(self.second(x)), dim=1)
        return x


class FastGenerator(nn.Module):
    """z (and labels) -> pictures in [-1, 1]; the widths halve as the side doubles."""

    def __init__(self, frame: Frame, *, latent: int, width: int, widest: int, deep: bool) -> None:
        super().__init__()
        self.latent = latent
        code = latent + frame.labels
        doublings = int(math.log2(frame.size // 4))
        widths = [min(widest, width * 2 ** (doublings - i)) for i in range(doublings + 1)]
        self.start = nn.Linear(code, 2 * widths[0] * 16)
        self.start_norm = nn.BatchNorm2d(2 * widths[0])
        self.stages = nn.ModuleList(
            Stage(a, b, code, deep=deep) for a, b in pairwise(widths)
        )
        self.picture = nn.Conv2d(widths[-1], frame.channels, 3, padding=1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z ``[N, latent]``, labels ``[N, L]`` or None -> ``[N, C, S, S]``."""
        code = with_labels(z, labels)
        x = self.start(code).view(len(z), -1, 4, 4).contiguous(memory_format=torch.channels_last)
        x = F.glu(self.start_norm(x), dim=1)
        for stage in self.stages:
            x = stage(x, code)
        return torch.tanh(self.picture(x).float())


@dataclass(frozen=True, kw_only=True)
class FastGeneratorPlan(NetworkPlan):
    """Settings of :class:`FastGenerator`: channels at full size (``width``), and their limit."""

    latent: int = 64
    width: int = 16
    widest: int = 256
    deep: bool = False

    def build(self, frame: Frame) -> FastGenerator:
        """A generator for this frame."""
        check_frame(frame, "fast generator")
        network = FastGenerator(
            frame, latent=self.latent, width=self.width, widest=self.widest, deep=self.deep
        )
        return channels_last(network)


class FastEncoder(nn.Module):
    """Pictures -> the mean and the log variance of z: one strided 4x4 convolution per halving."""

    def __init__(self, frame: Frame, *, latent: int, width: int, widest: int) -> None:
        super().__init__()
        halvings = int(math.log2(frame.size // 4))
        widths = [min(widest, width * 2**i) for i in range(halvings)]
        layers: list[nn.Module] = []
        for inputs, outputs in zip([frame.channels, *widths], widths, strict=False):
            layers += [
                nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        self.body = nn.Sequential(*layers)
        self.code = nn.Linear(widths[-1] * 16 + frame.labels, 2 * latent)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``[N, C, S, S]`` in [-1, 1] -> mean and log variance, ``[N, latent]`` each, float32."""
        y = self.body(x.contiguous(memory_format=torch.channels_last)).flatten(1)
        mean, log_variance = self.code(with_labels(y, labels)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-12, 4)


@dataclass(frozen=True, kw_only=True)
class FastEncoderPlan(NetworkPlan):
    """Settings of :class:`FastEncoder`: channels after the first halving, and their limit."""

    latent: int = 64
    width: int = 32
    widest: int = 256

    def build(self, frame: Frame) -> FastEncoder:
        """An encoder for this frame."""
        check_frame(frame, "fast encoder")
        network = FastEncoder(frame, latent=self.latent, width=self.width, widest=self.widest)
        return channels_last(network)
