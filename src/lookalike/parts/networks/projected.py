"""Projected GANs (Sauer et al. 2021): frozen features mixed at random, and a small head on each.

Frozen feature maps are mixed across channels and across scales (fixed random 1x1 convolutions and
a top-down path, upsampled and added), and a small spectral-norm network scores each scale. Fine
maps are halved by strided convolutions first, so that all heads together cost less than the
feature network does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class FrozenMixing(nn.Module):
    """Cross-channel and cross-scale mixing with fixed random weights (section 3.2 of the paper).

    The weights are drawn once and stay; they are buffers of the state, because the heads learn on
    top of exactly these.
    """

    def __init__(self, channels: Sequence[int], *, width: int) -> None:
        super().__init__()
        self.count = len(channels)
        for index, inputs in enumerate(channels):
            self.register_buffer(f"across{index}", torch.randn(width, inputs, 1, 1) / inputs**0.5)
            if index + 1 < self.count:
                self.register_buffer(f"down{index}", torch.randn(width, width, 1, 1) / width**0.5)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """One map ``[N, C_i, H_i, W_i]`` per scale, finest first -> ``[N, width, H_i, W_i]``."""
        mixed: list[Tensor] = []
        deeper: Tensor | None = None
        for index in reversed(range(self.count)):
            x = maps[index]
            if not torch.is_autocast_enabled(x.device.type):
                x = x.float()  # the frozen network may run in another precision than its judge
            scale = x.float().square().mean((1, 2, 3), keepdim=True).add(1e-4).rsqrt()
            x = F.conv2d(x * scale.to(x.dtype), self.get_buffer(f"across{index}"))
            if deeper is not None:
                down = F.conv2d(deeper, self.get_buffer(f"down{index}"))
                if down.shape[2:] != x.shape[2:]:
                    down = F.interpolate(down, size=x.shape[2:], mode="bilinear")
                x = (x + down) * 0.5**0.5
            deeper = x
            mixed.append(x)
        return mixed[::-1]


class PlaceMean(nn.Module):
    """The mean over the places of a map: ``[N, C, H, W]`` -> ``[N, C]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Average height and width away."""
        return x.mean((2, 3))


def head(inputs: int, width: int, halvings: int) -> nn.Sequential:
    """Strided spectral-norm convolutions, two 1x1 layers, then one logit: ``[N, 1]``.

    The logit is linear in the mean over places, which is the mean of one logit per place. Wider
    kernels on maps of a few pixels took most of D's time and judged no better: what such a map
    holds at a place has seen most of the picture.
    """
    layers: list[nn.Module] = []
    for _ in range(halvings):
        layers += [spectral_norm(nn.Conv2d(inputs, width, 4, 2, 1)), nn.LeakyReLU(0.2)]
        inputs = width
    for _ in range(2):
        layers += [spectral_norm(nn.Conv2d(inputs, width, 1)), nn.LeakyReLU(0.2)]
        inputs = width
    return nn.Sequential(*layers, PlaceMean(), spectral_norm(nn.Linear(width, 1)))


class ProjectedHeads(nn.Module):
    """Mixing and one head per scale.

    ``sides`` are the shorter ones of the maps: every map is halved until it is ``rest`` wide.
    """

    def __init__(
        self,
        channels: Sequence[int],
        sides: Sequence[int],
        *,
        width: int,
        head_width: int,
        rest: int = 8,
    ) -> None:
        super().__init__()
        self.mixing = FrozenMixing(channels, width=width)
        halvings = [max(0, round(math.log2(side / rest))) for side in sides]
        self.heads = nn.ModuleList(head(width, head_width, times) for times in halvings)

    @classmethod
    def on(cls, maps: Sequence[Tensor], *, width: int, head_width: int) -> ProjectedHeads:
        """Mixing and heads that fit these maps ``[N, C_i, H_i, W_i]``, finest first."""
        channels, sides = [x.shape[1] for x in maps], [min(x.shape[2:]) for x in maps]
        return cls(channels, sides, width=width, head_width=head_width)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Feature maps, finest first -> logits ``[N, heads]``."""
        mixed = self.mixing(maps)
        logits = [head(x) for head, x in zip(self.heads, mixed, strict=True)]
        return torch.cat(logits, dim=1)
