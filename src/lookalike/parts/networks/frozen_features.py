"""Frozen networks that describe pictures for the losses: pretrained, or a fixed Laplacian pyramid.

EfficientNet-Lite0 (Tan and Le 2019, the "Lite" variant without squeeze and swish) is rebuilt here
with its batch norms folded into the convolutions (three to five times faster on a CPU than the
packaged module) and with every weight in a buffer: nothing to train, nothing to save.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike import efficientnet
from lookalike.errors import MissingExtraError, RecipeError
from lookalike.images import on_ground
from lookalike.parts.networks.base import Frame, NetworkPlan

log = logging.getLogger(__name__)

STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
"""Of the sixteen blocks of EfficientNet-Lite0; what else shapes a block is read off its weights."""
BATCH_NORM_EPSILON = 1e-3


def folded(weights: Mapping[str, Tensor], convolution: str, norm: str) -> tuple[Tensor, Tensor]:
    """The weight and bias of one convolution that does what convolution and batch norm did.

    ``norm`` runs with its stored statistics: y = (Wx - mean) * gain / sqrt(var + eps) + shift.
    """
    gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + BATCH_NORM_EPSILON).sqrt()
    weight = weights[f"{convolution}.weight"] * gain[:, None, None, None]
    return weight, weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain


def centered(weight: Tensor, shape: tuple[int, int], stride: int) -> tuple[Tensor, tuple[int, int]]:
    """A kernel with zeros around it and the even padding that together do TensorFlow's "same" rule.

    For an even side and stride 2 that rule pads one more pixel at the end than at the start. Zeros
    in the kernel do it without a padded copy of the input. ``shape`` is its height and width.
    """
    kernel = weight.shape[-1]
    down, across = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in shape)
    return F.pad(weight, (across % 2, 0, down % 2, 0)), ((down + 1) // 2, (across + 1) // 2)


class DepthwiseStride(torch.autograd.Function):
    """A strided depthwise convolution by a frozen weight whose way back is always float32.

    oneDNN has no fast bfloat16 kernel for this gradient: 42 ms instead of 2 ms for 64 pictures at
    96 channels and side 32, which made up nine tenths of the whole way back.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, pad: tuple[int, int]
    ) -> Tensor:
        """The plain convolution, in the precision of x."""
        ctx.save_for_backward(weight)
        ctx.shape, ctx.stride, ctx.pad, ctx.dtype = x.shape, stride, pad, x.dtype
        return F.conv2d(x, weight, bias, stride, pad, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        """The gradient of x alone; the weight is frozen."""
        (weight,) = ctx.saved_tensors
        gradient = gradients[0].float()
        moved: Tensor = torch.ops.aten.convolution_backward(
            gradient,
            gradient.new_empty(1).expand(ctx.shape),
            weight.float(),
            None,
            [ctx.stride] * 2,
            list(ctx.pad),
            [1, 1],
            False,
            [0, 0],
            len(weight),
            [True, False, False],
        )[0]
        return moved.to(ctx.dtype), None, None, None, None


class FrozenConvolution(nn.Module):
    """A convolution whose weights are buffers that no state dict holds.

    Copies in the layout and precision that a call needs are kept: autocast would cast weights
    without gradients anew in every call.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().float(), persistent=False)
        self.register_buffer("bias", bias.detach().float().clone(), persistent=False)
        self.stride, self.groups = stride, groups
        self._ready: dict[tuple[Any, ...], tuple[Tensor, Tensor, tuple[int, int]]] = {}

    def ready(
        self, shape: tuple[int, int], dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """The weight, bias and padding for inputs of this height and width, and precision."""
        key = (shape if self.stride > 1 else 0, dtype, self.weight.device)
        if key not in self._ready:
            weight, padding = centered(self.weight, shape, self.stride)
            weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
            self._ready[key] = weight, self.bias.to(dtype), padding
        return self._ready[key]

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` -> ``[N, K, ceil(H / stride), ceil(W / stride)]``."""
        weight, bias, padding = self.ready((x.shape[2], x.shape[3]), x.dtype)
        if self.stride > 1 and self.groups > 1 and x.dtype == torch.bfloat16:
            maps: Tensor = DepthwiseStride.apply(x, weight, bias, self.stride, padding)  # type: ignore[no-untyped-call]
            return maps
        return F.conv2d(x, weight, bias, self.stride, padding, groups=self.groups)


class FrozenBlock(nn.Module):
    """An inverted bottleneck (expand, depthwise, project, add) with folded batch norms."""

    def __init__(self, weights: Mapping[str, Tensor], name: str, stride: int) -> None:
        super().__init__()

        def parts(convolution: str, norm: str) -> tuple[Tensor, Tensor]:
            return folded(weights, f"{name}.{convolution}", f"{name}.{norm}")

        self.expand: FrozenConvolution | None = None
        if f"{name}._expand_conv.weight" in weights:  # the first block alone has none
            self.expand = FrozenConvolution(*parts("_expand_conv", "_bn0"))
        weight, bias = parts("_depthwise_conv", "_bn1")
        self.depthwise = FrozenConvolution(weight, bias, stride=stride, groups=len(weight))
        self.project = FrozenConvolution(*parts("_project_conv", "_bn2"))
        first = self.depthwise if self.expand is None else self.expand
        inputs = first.weight.shape[1] * first.groups
        self.outputs = len(self.project.weight)
        self.adds = stride == 1 and inputs == self.outputs

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` -> ``[N, outputs, H / stride, W / stride]``."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        total: Tensor = x + y if self.adds else y
        return total


class EfficientFeatures(nn.Module):
    """Maps of EfficientNet-Lite0 after the stem (-1) and after the named blocks.

    ``forward(x)`` takes ``[N, C, H, W]`` in [-1, 1] with any C (1 is repeated to grey RGB, 4 are
    put on ``images.GROUND``) and any sides, and gives one float map for every name in ``taps``,
    channels-last. Gradients reach x; nothing here has weights to train.
    """

    colors_only = True

    def __init__(
        self, weights: Mapping[str, Tensor], *, taps: tuple[int, ...], size: int | None = None
    ) -> None:
        super().__init__()
        if not taps or min(taps) < -1 or max(taps) >= len(STRIDES) or list(taps) != sorted(taps):
            raise RecipeError(
                f"feature taps are rising block numbers from -1 (the stem) to {len(STRIDES) - 1}, "
                f"not {taps}."
            )
        self.taps, self.size = taps, size
        self.stem = FrozenConvolution(*folded(weights, "_conv_stem", "_bn0"), stride=2)
        blocks = [
            FrozenBlock(weights, f"_blocks.{index}", stride)
            for index, stride in enumerate(STRIDES[: max(taps) + 1])
        ]
        self.blocks = nn.ModuleList(blocks)
        every = (len(self.stem.weight), *(block.outputs for block in blocks))
        self.channels = tuple(every[tap + 1] for tap in taps)

    def forward(self, x: Tensor) -> list[Tensor]:
        """``[N, C, S, S]`` in [-1, 1] -> one map per tap, finest first."""
        x = as_rgb(x)
        if self.size is not None and x.shape[-1] != self.size:
            x = resized(x, self.size)
        # (value - 127) / 128 in the 0..255 range that the network was trained with.
        x = (x * (127.5 / 128) + 0.5 / 128).contiguous(memory_format=torch.channels_last)
        kind = x.device.type
        if torch.is_autocast_enabled(kind):
            x = x.to(torch.get_autocast_dtype(kind))
        x = F.relu6(self.stem(x))
        maps = [x] if self.taps[0] == -1 else []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                maps.append(x)
        return maps


class LaplacianFeatures(nn.Module):
    """A fixed Laplacian pyramid (Burt and Adelson 1983): what is used without pretrained weights.

    ``forward(x)`` gives ``levels`` maps: the band-pass differences, finest first, and the rest.
    """

    def __init__(self, channels: int, *, levels: int = 4) -> None:
        super().__init__()
        self.channels = (channels,) * levels
        self.levels = levels

    def forward(self, x: Tensor) -> list[Tensor]:
        """``[N, C, S, S]`` -> maps of side S, S/2, S/4 ..., as many as there are levels."""
        maps = []
        for _ in range(self.levels - 1):
            small = F.avg_pool2d(x, 2)
            maps.append(x - F.interpolate(small, scale_factor=2.0, mode="bilinear"))
            x = small
        return [*maps, x]


def as_rgb(x: Tensor) -> Tensor:
    """Any number of channels -> three: grey is repeated, alpha applied, two averaged, more cut."""
    x = on_ground(x)
    if x.shape[1] == 3:
        return x
    if x.shape[1] > 3:
        return x[:, :3]
    return x.mean(1, keepdim=True).expand(-1, 3, -1, -1)


def resized(x: Tensor, size: int) -> Tensor:
    """Bilinear to ``size``; by area when shrinking by a whole number (no aliasing)."""
    if x.shape[-1] > size and x.shape[-1] % size == 0:
        return F.avg_pool2d(x, x.shape[-1] // size)
    return F.interpolate(x, size=(size, size), mode="bilinear", antialias=x.shape[-1] > size)


@cache
def _say_once(words: str) -> None:
    """Networks are built several times before a training; one warning is enough."""
    log.warning("%s", words)


@dataclass(frozen=True, kw_only=True)
class Pretrained(NetworkPlan):
    """Features of EfficientNet-Lite0; without its package a Laplacian pyramid, and a warning.

    ``taps`` name blocks (-1 is the stem). ``size`` is the side fed to the network (None: as is).
    """

    taps: tuple[int, ...] = (-1, 0, 2, 4, 10)
    size: int | None = None

    def build(self, frame: Frame) -> nn.Module:
        """The frozen network for pictures of this frame."""
        try:
            weights = efficientnet.weights()
        except MissingExtraError as problem:
            _say_once(f"{problem} Until then a Laplacian pyramid is used: pictures are softer.")
            return LaplacianFeatures(frame.channels)
        return EfficientFeatures(weights, taps=self.taps, size=self.size)
