"""The projected discriminator (Sauer et al. 2021): random mixing of frozen features, small heads.

Frozen feature maps are mixed across channels (fixed random 1x1 convolutions) and across scales
(a top-down path, upsampled and added), and a small spectral-norm network judges each scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class FrozenMixing(nn.Module):
    """Cross-channel and cross-scale mixing with fixed random weights (section 3.2 of the paper).

    The weights are drawn once (Kaiming normal) and stay; they are buffers of the state, because
    the heads learn on top of exactly these.
    """

    def __init__(self, channels: Sequence[int], *, width: int) -> None:
        super().__init__()
        self.count = len(channels)
        for index, inputs in enumerate(channels):
            self.register_buffer(f"across{index}", torch.randn(width, inputs, 1, 1) / inputs**0.5)
            if index + 1 < self.count:
                weight = torch.randn(width, width, 3, 3) / (9 * width) ** 0.5
                self.register_buffer(
                    f"smooth{index}", weight.contiguous(memory_format=torch.channels_last)
                )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """One map ``[N, C_i, H_i, W_i]`` per scale, finest first -> ``[N, width, H_i, W_i]``."""
        mixed: list[Tensor] = []
        deeper: Tensor | None = None
        for index in reversed(range(self.count)):
            scale = maps[index].square().mean((1, 2, 3), keepdim=True).add(1e-4).rsqrt()
            x = F.conv2d(maps[index] * scale, self.get_buffer(f"across{index}"))
            if deeper is not None:
                up = F.interpolate(deeper, size=x.shape[2:], mode="nearest")
                x = F.conv2d((x + up) * 0.5**0.5, self.get_buffer(f"smooth{index}"), padding=1)
            deeper = x
            mixed.append(x)
        return mixed[::-1]


def head(inputs: int, width: int) -> nn.Sequential:
    """Three spectral-norm convolutions that give one logit per place of the map."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inputs, width, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, 1, 1)),
    )


class ProjectedHeads(nn.Module):
    """Mixing and one head per scale; a logit is the mean over the places of its map."""

    def __init__(self, channels: Sequence[int], *, width: int, head_width: int) -> None:
        super().__init__()
        self.mixing = FrozenMixing(channels, width=width)
        self.heads = nn.ModuleList(head(width, head_width) for _ in channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Feature maps, finest first -> logits ``[N, heads]``."""
        mixed = self.mixing(maps)
        logits = [judge(x).mean((1, 2, 3)) for judge, x in zip(self.heads, mixed, strict=True)]
        return torch.stack(logits, dim=1)


@dataclass(frozen=True, kw_only=True)
class HeadsPlan:
    """Settings of :class:`ProjectedHeads` over feature maps with these channels."""

    width: int = 64
    head_width: int = 64

    def build_on(self, channels: Sequence[int]) -> ProjectedHeads:
        """Heads for maps with ``channels`` channels each, finest first."""
        return ProjectedHeads(channels, width=self.width, head_width=self.head_width)
