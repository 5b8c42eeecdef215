"""The projected discriminator (Sauer et al. 2021): random mixing of frozen features, small heads.

Frozen feature maps are mixed across channels and across scales (fixed random 1x1 convolutions and
a top-down path, upsampled and added), and a small spectral-norm network judges each scale. Fine
maps are halved by strided convolutions first, so that all heads together cost less than the
feature network does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.frozen_features import LaplacianFeatures, Pretrained
from lookalike.parts.networks.swift import channels_last


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

    ``sides`` are those of the maps: every map is halved until it is ``rest`` wide.
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

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Feature maps, finest first -> logits ``[N, heads]``."""
        mixed = self.mixing(maps)
        logits = [judge(x) for judge, x in zip(self.heads, mixed, strict=True)]
        return torch.cat(logits, dim=1)


class PyramidDiscriminator(nn.Module):
    """A plain small convolutional discriminator over a Laplacian pyramid, put together again."""

    def __init__(self, channels: int, side: int, *, width: int) -> None:
        super().__init__()
        self.head = head(channels, width, max(0, round(math.log2(side / 4))))

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
            maps = network(torch.zeros(1, frame.channels, frame.size, frame.size))
        shapes = [maps[index].shape for index in self.judged]
        heads = ProjectedHeads(
            [shape[1] for shape in shapes],
            [shape[2] for shape in shapes],
            width=self.width,
            head_width=self.head_width,
        )
        return channels_last(FeatureChoice(heads, self.judged))
