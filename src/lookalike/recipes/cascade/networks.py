"""The players of ``cascade``: those of a small base, and an upsampler behind its generator.

The base is built for a small frame, whatever the size of the pictures: what it reads is shrunk
first, by area. The upsampler adds what is missing to the enlarged small picture. It works at the
small side (where a layer costs a sixteenth of one at four times the side) and grows by sub-pixel
convolutions (Shi et al. 2016). It has no norms: what it learns on patches holds for a whole
picture. The latent scales and shifts its channels, since a patch alone does not say what it is of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, Invertible, NetworkPlan
from lookalike.parts.networks.blocks import channels_last, shuffled, with_labels

TIMES = (2, 4)


def times_of(size: int, base: int) -> int:
    """How many times larger than the base's pictures those of the upsampler are.

    Raises:
        RecipeError: it is not two or four times.
    """
    if size % base or size // base not in TIMES:
        able = " or ".join(f"{times * base}" for times in TIMES)
        raise RecipeError(
            f"The upsampler draws two or four times larger than its base of {base} px, so {able} "
            f"px and not {size}. Prepare the pictures at one of these sizes."
        )
    return size // base


def shrunk(pictures: Tensor, side: int) -> Tensor:
    """``[N, C, S, S]`` at this side, by area; what is as small already stays as it is."""
    return pictures if pictures.shape[-1] <= side else F.adaptive_avg_pool2d(pictures, side)


@contextmanager
def resting(*networks: nn.Module) -> Iterator[None]:
    """Inside, these networks draw as they do after the training, and learn nothing."""
    before = [network.training for network in networks]
    for network in networks:
        network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for network, training in zip(networks, before, strict=True):
            network.train(training)


class ModulatedBlock(nn.Module):
    """Two convolutions added to what came in, with scales and shifts by z between them."""

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(code, 2 * width)
        nn.init.normal_(self.modulation.weight, std=0.2 / code**0.5)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``[N, width, H, W]`` and ``[N, code]`` -> ``[N, width, H, W]``."""
        scale, shift = self.modulation(code)[:, :, None, None].to(x.dtype).chunk(2, dim=1)
        y = torch.addcmul(shift, self.first(F.leaky_relu(x, 0.2)), scale + 1)
        total: Tensor = x + self.second(F.leaky_relu(y, 0.2))
        return total


class Upsampler(nn.Module):
    """Small pictures -> large ones, the enlarged small picture plus what the network adds.

    It adds nothing before it has learned. Its pictures may leave [-1, 1]; see
    :class:`CascadeGenerator`.
    """

    def __init__(self, frame: Frame, code: int, plan: CascadeGeneratorPlan, times: int) -> None:
        super().__init__()
        self.times = times
        self.first = nn.Conv2d(frame.channels, plan.sharp_width, 3, padding=1)
        self.blocks = nn.ModuleList(
            ModulatedBlock(plan.sharp_width, code) for _ in range(plan.sharp_blocks)
        )
        widths = [plan.sharp_width, *(plan.fine << k for k in reversed(range(times // 2)))]
        self.grow = nn.ModuleList(
            nn.Conv2d(inputs, 4 * outputs, 3, padding=1) for inputs, outputs in pairwise(widths)
        )
        self.picture = nn.Conv2d(widths[-1], frame.channels, 3, padding=1)
        nn.init.zeros_(self.picture.weight)
        assert self.picture.bias is not None
        nn.init.zeros_(self.picture.bias)

    def forward(self, small: Tensor, code: Tensor) -> Tensor:
        """``[N, C, H, W]`` and ``[N, code]`` -> ``[N, C, times H, times W]``."""
        x = self.first(small.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x, code)
        for grow in self.grow:
            x = shuffled(grow(F.leaky_relu(x, 0.2)))
        large = F.interpolate(small.float(), scale_factor=float(self.times), mode="bilinear")
        detail: Tensor = self.picture(F.leaky_relu(x, 0.2))
        return large + detail.float()


class CascadeGenerator(nn.Module):
    """z -> the base's small picture -> the large one, cut to [-1, 1]."""

    def __init__(self, base: nn.Module, upsampler: Upsampler) -> None:
        super().__init__()
        self.base, self.upsampler = base, upsampler

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z ``[N, Z]``, labels ``[N, L]`` or None -> ``[N, C, S, S]``."""
        large: Tensor = self.upsampler(self.base(z, labels), with_labels(z, labels))
        return large.clamp(-1, 1)


@dataclass(frozen=True, kw_only=True)
class CascadeGeneratorPlan(NetworkPlan):
    """A base generator for pictures of ``side`` px, and the upsampler behind it.

    ``latent`` is the width of z; ``sharp_width`` counts the upsampler's channels at the small side,
    ``fine`` those at full size, ``sharp_blocks`` its residual blocks.
    """

    base: NetworkPlan
    side: int = 64
    latent: int = 64
    sharp_width: int = 32
    sharp_blocks: int = 4
    fine: int = 12

    def build(self, frame: Frame) -> CascadeGenerator:
        """Both, for this frame."""
        times = times_of(frame.size, self.side)
        base = self.base.build(replace(frame, size=self.side))
        upsampler = Upsampler(frame, self.latent + frame.labels, self, times)
        return CascadeGenerator(base, channels_last(upsampler))


@dataclass(frozen=True, kw_only=True)
class SmallFrame(NetworkPlan):
    """A player that knows pictures of ``side`` px alone, or their features."""

    base: NetworkPlan
    side: int = 64

    def build(self, frame: Frame) -> nn.Module:
        """The player for the small frame."""
        return self.base.build(replace(frame, size=self.side))


class ShrinkFirst(nn.Module):
    """A player that sees pictures shrunk to its side where they are larger."""

    def __init__(self, base: nn.Module, side: int) -> None:
        super().__init__()
        self.base, self.side = base, side

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Any:
        """``[N, C, S, S]``, and labels where the player takes them -> what the player gives."""
        small = shrunk(pictures, self.side)
        return self.base(small) if labels is None else self.base(small, labels)


@dataclass(frozen=True, kw_only=True)
class ShrunkView(NetworkPlan):
    """A player that reads pictures of any size as pictures of ``side`` px."""

    base: NetworkPlan
    side: int = 64

    def build(self, frame: Frame) -> ShrinkFirst:
        """The player for the small frame, which shrinks what it is given."""
        return ShrinkFirst(self.base.build(replace(frame, size=self.side)), self.side)


@dataclass(frozen=True, kw_only=True)
class ShrunkEncoderPlan(NetworkPlan, Invertible):
    """An encoder that reads pictures of any size as pictures of ``side`` px."""

    base: NetworkPlan
    side: int = 64

    def build(self, frame: Frame) -> ShrinkFirst:
        """The encoder for the small frame, which shrinks what it is given."""
        return ShrunkView(base=self.base, side=self.side).build(frame)

    def read(self, network: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """z as the base's encoder reads it, ``[N, Z]``."""
        assert isinstance(self.base, Invertible)
        assert isinstance(network, ShrinkFirst)
        return self.base.read(network.base, shrunk(pictures, self.side), labels)
