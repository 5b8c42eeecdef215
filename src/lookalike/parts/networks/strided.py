"""Convolutional networks by their list of strides: any kernel, any first side, "same" borders.

Kernels of 5 and first sides of 7 or 8 are what the networks of 2017 and before used beside the
classic ones; a stride of 4 saves layers (Radford et al. 2016; the face networks of "HR-DCGAN").
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from torch import Tensor, nn

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import (
    LABEL_PLANES,
    MinibatchDiscrimination,
    halved,
    init_normal,
    with_labels,
    with_planes,
)
from lookalike.sizes import shape_of, size_of


class Widen(nn.Module):
    """A transposed convolution whose side is exactly ``stride`` times that of its input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, bias: bool) -> None:
        super().__init__()
        self.stride = stride
        crop = (kernel - stride) // 2
        self.convolution = nn.ConvTranspose2d(inputs, outputs, kernel, stride, crop, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` -> ``[N, outputs, stride H, stride W]``."""
        height, width = x.shape[2] * self.stride, x.shape[3] * self.stride
        wide: Tensor = self.convolution(x)
        return wide[:, :, :height, :width]


def narrow(inputs: int, outputs: int, kernel: int, stride: int, bias: bool) -> nn.Module:
    """A convolution whose side is exactly 1 / ``stride`` of its input's."""
    if stride > 1:
        edge = math.ceil((kernel - stride) / 2)
        return nn.Conv2d(inputs, outputs, kernel, stride, edge, bias=bias)
    before, after = (kernel - 1) // 2, kernel // 2
    convolution = nn.Conv2d(inputs, outputs, kernel, bias=bias)
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), convolution)


def activation(elu: bool, slope: float) -> nn.Module:
    """ELU, or ReLU with this slope below 0."""
    if elu:
        return nn.ELU(inplace=True)
    return nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)


class _Generator(nn.Module):
    def __init__(self, plan: StridedGenerator, frame: Frame) -> None:
        super().__init__()
        self.start = plan.widths[0], *first_shape(frame.size, plan.strides)
        self.begin = nn.Linear(plan.dims + frame.labels, math.prod(self.start), bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(plan.widths[0]), activation(plan.elu, 0.0)]
        steps = list(zip(pairwise([*plan.widths, frame.channels]), plan.strides, strict=True))
        for (before, after), stride in steps[:-1]:
            layers += [
                Widen(before, after, plan.kernel, stride, bias=False),
                nn.BatchNorm2d(after),
                activation(plan.elu, 0.0),
            ]
        (before, after), stride = steps[-1]
        layers += [Widen(before, after, plan.kernel, stride, bias=True), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.begin(with_labels(z, labels)).view(-1, *self.start)
        pictures: Tensor = self.layers(x)
        return pictures


class _Discriminator(nn.Module):
    def __init__(self, plan: StridedDiscriminator, frame: Frame) -> None:
        super().__init__()
        self.blind = plan.classify or plan.heads > 1
        heads = 1 + frame.labels if plan.classify else plan.heads
        planes = 0 if self.blind else min(frame.labels, LABEL_PLANES)
        self.told = nn.Linear(frame.labels, planes, bias=False) if planes else None
        entry = frame.channels + planes
        layers: list[nn.Module] = []
        steps = list(zip(pairwise([entry, *plan.widths]), plan.strides, strict=True))
        for index, ((before, after), stride) in enumerate(steps):
            normed = plan.normed and index > 0
            extra = plan.minibatch if index == 1 else 0
            layers.append(narrow(before + extra, after, plan.kernel, stride, bias=not normed))
            if normed and not (plan.bare_last and index == len(steps) - 1):
                layers.append(nn.BatchNorm2d(after))
            if not (plan.bare_last and index == len(steps) - 1):
                layers.append(activation(plan.elu, plan.slope))
            if plan.minibatch and index == 0:
                place = size_of(*(side // stride for side in frame.shape))
                layers.append(MinibatchDiscrimination(after, place, maps=plan.minibatch))
            if plan.dropout:
                layers.append(nn.Dropout(plan.dropout))
        self.layers = nn.Sequential(*layers)
        flat = plan.widths[-1] * math.prod(first_shape(frame.size, plan.strides))
        self.head = nn.Linear(flat, heads)
        self.views = None
        if plan.views:
            body = nn.Linear(flat, 128), nn.LeakyReLU(0.1), nn.Linear(128, plan.views)
            self.views = nn.Sequential(*body)

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, describe: bool = False
    ) -> Tensor | tuple[Tensor, ...]:
        if labels is not None and self.told is not None:
            pictures = with_planes(pictures, self.told(labels))
        maps = self.layers(pictures)
        flat = maps.flatten(1)
        logits: Tensor = self.head(flat).squeeze(1)
        if not describe:
            return logits
        return (logits, flat) if self.views is None else (logits, flat, self.views(flat))


def first_side(size: int, strides: tuple[int, ...]) -> int:
    """The side of the smallest maps.

    Raises:
        RecipeError: the strides do not divide the size.
    """
    whole = math.prod(strides)
    if size % whole:
        raise RecipeError(
            f"Strides {strides} make pictures whose side is a multiple of {whole}, not {size}. "
            "Prepare the pictures at such a size, or choose other strides."
        )
    return size // whole


def first_shape(size: int, strides: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of the smallest maps.

    Raises:
        RecipeError: as of :func:`first_side`.
    """
    height, width = shape_of(size)
    return first_side(height, strides), first_side(width, strides)


def _check(widths: tuple[int, ...], strides: tuple[int, ...]) -> None:
    if len(widths) != len(strides) or not widths:
        raise RecipeError(
            f"There are {len(widths)} widths and {len(strides)} strides; give one of each a layer."
        )


@dataclass(frozen=True, kw_only=True)
class StridedGenerator(NetworkPlan):
    """z -> a linear layer to ``widths[0]`` maps -> one transposed convolution per stride -> tanh.

    The label vector is put beside z. ``widths[i]`` is what the i-th convolution is given.
    """

    dims: int = 100
    widths: tuple[int, ...] = (512, 256, 128, 64)
    strides: tuple[int, ...] = (2, 2, 2, 2)
    kernel: int = 5
    elu: bool = False

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        _check(self.widths, self.strides)
        return _Generator(self, frame).apply(init_normal)


@dataclass(frozen=True, kw_only=True)
class StridedDiscriminator(NetworkPlan):
    """One convolution per stride to ``widths[i]`` maps, then a linear layer to the logits.

    ``classify`` gives one column more for each label column, and ``heads`` a fixed number of
    columns; in both cases the labels are not shown. ``bare_last`` leaves norm and activation out
    of the last convolution; batch normalization is never in the first. ``views`` features by which
    copies of a picture are compared come third where D is to describe.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    strides: tuple[int, ...] = (2, 2, 2, 2)
    kernel: int = 5
    slope: float = 0.2
    elu: bool = False
    normed: bool = True
    dropout: float = 0.0
    minibatch: int = 0
    heads: int = 1
    classify: bool = False
    bare_last: bool = False
    views: int = 0

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        _check(self.widths, self.strides)
        return _Discriminator(self, frame).apply(init_normal)


class _Blind(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        pictures: Tensor = self.network(z)
        return pictures


@dataclass(frozen=True, kw_only=True)
class Blind(NetworkPlan):
    """A network that is not told the labels, in a game that has some."""

    network: NetworkPlan

    def build(self, frame: Frame) -> nn.Module:
        """The network for this frame without labels."""
        return _Blind(self.network.build(replace(frame, labels=0)))


def halving_strides(size: int, least: int = 8) -> tuple[int, ...]:
    """A stride of 2 for each time that the side is halved, while it is even and above ``least``."""
    return (2,) * halved(size, least)[1]
