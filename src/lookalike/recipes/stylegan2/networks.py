"""StyleGAN2's networks in plain PyTorch, exportable with any batch size.

Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN": a mapping network, a
synthesis network of modulated convolutions with skip connections to the picture, a residual
discriminator (sections 2 and 4). A modulated convolution is computed as scale, convolve, scale (the
weights are shared by the batch), which is equations 1 and 3 moved to the maps. There is no noise
per pixel (dropped by Karras et al. 2021), so z alone decides the picture. Resampling is bilinear,
which is their [1, 3, 3, 1] filter, and the last layer is linear in training and clamped to [-1, 1]
in evaluation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import MinibatchDeviation, doublings

SLOPE, GAIN = 0.2, math.sqrt(2)
SHOWN = 0.1
"""The deviation of the first weights that add to the picture (1 as published, where the first
pictures are mostly beyond black and white and short runs keep their colors)."""


def active(x: Tensor) -> Tensor:
    """Leaky ReLU with the gain that keeps the scale of its input."""
    return F.leaky_relu(x, SLOPE) * GAIN


class EqualLinear(nn.Module):
    """A linear layer whose weight is N(0, 1) and scaled when used (Karras et al. 2018, 4.1).

    ``rate`` multiplies the learning rate of weight and bias.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.gain, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs]`` -> ``[N, outputs]``."""
        return F.linear(x, self.weight * self.gain, self.bias * self.rate)


class EqualConv(nn.Module):
    """A convolution whose weight is N(0, 1) and scaled when used; the side is kept."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain = 1 / math.sqrt(inputs * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` -> ``[N, outputs, H, W]``."""
        return F.conv2d(x, self.weight * self.gain, self.bias, padding=self.weight.shape[2] // 2)


def normalized(x: Tensor) -> Tensor:
    """Every row scaled to a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Mapping(nn.Module):
    """z (and labels) -> the code w ``[N, width]``."""

    def __init__(self, dims: int, labels: int, width: int, depth: int) -> None:
        super().__init__()
        self.told = EqualLinear(labels, width) if labels else None
        first = dims + (width if labels else 0)
        sizes = [first, *[width] * depth]
        self.layers = nn.ModuleList(EqualLinear(a, b, rate=0.01) for a, b in pairwise(sizes))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, dims]``, ``[N, L]`` or None -> ``[N, width]``."""
        x = normalized(z)
        if self.told is not None and labels is not None:
            x = torch.cat([x, normalized(self.told(labels))], 1)
        for layer in self.layers:
            x = active(layer(x))
        return x


class Modulated(nn.Module):
    """A convolution whose input channels are scaled by w and whose output is scaled back.

    Equation 1: w' = s_i w; equation 3: w'' = w' / sqrt(sum over inputs and places of w'^2 + 1e-8).
    Both are linear per sample, so they are done to the maps: x s, then the shared weight, then the
    inverse square root ("demodulation"). ``larger`` doubles the side first.
    """

    def __init__(
        self, inputs: int, outputs: int, code: int, kernel: int, *, demodulate: bool, larger: bool
    ) -> None:
        super().__init__()
        self.style = EqualLinear(code, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain = 1 / math.sqrt(inputs * kernel**2)
        self.demodulate, self.larger = demodulate, larger

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` and ``[N, code]`` -> ``[N, outputs, H, W]`` or twice the side."""
        style = self.style(code)
        weight = self.weight * self.gain
        x = x * style[:, :, None, None].to(x.dtype)
        if self.larger:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        x = F.conv2d(x, weight, padding=weight.shape[2] // 2)
        if self.demodulate:
            power = style.float().square() @ weight.square().sum((2, 3)).T
            x = x * (power.float() + 1e-8).rsqrt()[:, :, None, None].to(x.dtype)
        return x + self.bias[:, None, None].to(x.dtype)


class _Side(nn.Module):
    """One side of the synthesis: one or two convolutions, and what they add to the picture."""

    def __init__(self, inputs: int, outputs: int, code: int, channels: int, *, first: bool) -> None:
        super().__init__()
        self.grow = (
            None if first else Modulated(inputs, outputs, code, 3, demodulate=True, larger=True)
        )
        self.refine = Modulated(outputs, outputs, code, 3, demodulate=True, larger=False)
        self.show = Modulated(outputs, channels, code, 1, demodulate=False, larger=False)
        nn.init.normal_(self.show.weight, std=SHOWN)

    def forward(self, x: Tensor, codes: list[Tensor]) -> tuple[Tensor, Tensor]:
        if self.grow is not None:
            x = active(self.grow(x, codes[0]))
        x = active(self.refine(x, codes[-1]))
        return x, self.show(x, codes[-1])


class StyleGenerator(nn.Module):
    """``forward(z, labels)`` -> pictures.

    ``mix`` = (other z, share): the first share of the layers follow z, the rest the other z (style
    mixing, Karras et al. 2019, section 3.1); ``share`` ``[N]`` is in [0, 1], and 1 mixes nothing.
    With ``path`` the code w is given too, for the path length.
    """

    def __init__(self, frame: Frame, plan: StyleGeneratorPlan) -> None:
        super().__init__()
        widths = plan.widths(frame.size)
        self.mapping = Mapping(plan.dims, frame.labels, plan.code, plan.depth)
        self.start = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        pairs = [(widths[0], widths[0]), *pairwise(widths)]
        self.sides = nn.ModuleList(
            _Side(a, b, plan.code, frame.channels, first=index == 0)
            for index, (a, b) in enumerate(pairs)
        )
        self.layers = 2 * len(widths) - 1

    def forward(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        mix: tuple[Tensor, Tensor] | None = None,
        path: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """``[N, dims]``, labels ``[N, L]`` or None -> ``[N, C, S, S]`` (and w ``[N, code]``)."""
        code = self.mapping(z, labels)
        codes = [code] * self.layers
        if mix is not None:
            other, share = mix
            codes = self._mixed(code, self.mapping(other, labels), share)
        picture = self.drawn(codes)
        if not self.training:
            picture = picture.clamp(-1, 1)
        return (picture, code) if path else picture

    def drawn(self, codes: list[Tensor]) -> Tensor:
        """The picture from one code ``[N, W]`` per layer, coarse to fine."""
        x = self.start.expand(codes[0].shape[0], -1, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        picture: Tensor
        x, picture = self.sides[0](x, codes[:1])
        for index, side in enumerate(list(self.sides)[1:]):
            x, more = side(x, codes[2 * index + 1 : 2 * index + 3])
            picture = F.interpolate(picture, scale_factor=2.0, mode="bilinear") + more
        return picture.float()

    def _mixed(self, code: Tensor, other: Tensor, share: Tensor) -> list[Tensor]:
        """Layer k follows ``code`` while k < 1 + share * (layers - 1), then ``other``."""
        until = 1 + (share * (self.layers - 1)).floor()
        return [torch.where((k < until)[:, None], code, other) for k in range(self.layers)]


class _Halve(nn.Module):
    """A residual block that halves the side; the sum is scaled by 1 / sqrt(2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualConv(inputs, inputs, 3)
        self.second = EqualConv(inputs, outputs, 3)
        self.across = EqualConv(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        short = self.across(F.avg_pool2d(x, 2))
        x = active(self.second(F.avg_pool2d(active(self.first(x)), 2)))
        both: Tensor = (short + x) / GAIN
        return both


class _StyleDiscriminator(nn.Module):
    def __init__(self, frame: Frame, plan: StyleDiscriminator) -> None:
        super().__init__()
        widths = plan.widths(frame.size)[::-1]
        self.first = EqualConv(frame.channels, widths[0], 1)
        self.blocks = nn.Sequential(*(_Halve(a, b) for a, b in pairwise(widths)))
        self.spread = MinibatchDeviation(plan.group) if plan.group > 1 else None
        self.gather = EqualConv(widths[-1] + (plan.group > 1), widths[-1], 3)
        self.dense = EqualLinear(widths[-1] * 16, widths[-1])
        self.last = EqualLinear(widths[-1], plan.code if frame.labels else 1)
        self.told = Mapping(0, frame.labels, plan.code, 2) if frame.labels else None

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.blocks(active(self.first(pictures)))
        if self.spread is not None:
            x = self.spread(x)
        features: Tensor = self.last(active(self.dense(active(self.gather(x)).flatten(1))))
        if self.told is None or labels is None:
            return features.squeeze(1)
        named: Tensor = normalized(self.told(labels[:, :0], labels))
        return (features * named).sum(1) / math.sqrt(features.shape[1])


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """``width`` maps at full size, twice as many at half, up to ``most``; ``code`` columns of w."""

    width: int = 32
    most: int = 256
    code: int = 128

    def widths(self, size: int) -> list[int]:
        """The widths from 4x4 to the full size."""
        return [min(self.most, self.width << k) for k in reversed(range(doublings(size) + 1))]


@dataclass(frozen=True, kw_only=True)
class StyleGeneratorPlan(_Shape, NetworkPlan):
    """Settings of :class:`StyleGenerator`; ``depth`` counts the layers of the mapping."""

    dims: int = 64
    depth: int = 4

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return StyleGenerator(frame, self)


@dataclass(frozen=True, kw_only=True)
class StyleDiscriminator(_Shape, NetworkPlan):
    """The residual discriminator, one logit; with labels a product with their embedding.

    ``group`` is that of the minibatch standard deviation (1 leaves it out).
    """

    group: int = 4

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        return _StyleDiscriminator(frame, self)
