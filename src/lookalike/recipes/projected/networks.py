"""A discriminator on frozen pretrained features: one player that takes pictures like any other.

Sauer et al. 2021, "Projected GANs converge faster", equations 3 and 4: features at four depths,
mixed at random, and a small head at each. With labels every head also gets the product of its
map's mean with an embedding of the label (Miyato & Koyama 2018, equation 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.frozen_features import Pretrained
from lookalike.parts.networks.projected import ProjectedHeads


class _OnFeatures(nn.Module):
    def __init__(self, features: nn.Module, heads: ProjectedHeads, width: int, labels: int) -> None:
        super().__init__()
        self.features, self.heads, self.width = features, heads, width
        count = len(heads.heads)
        self.labels = nn.Linear(labels, count * width, bias=False) if labels else None
        if self.labels is not None:
            nn.init.normal_(self.labels.weight, std=0.02)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        maps: list[Tensor] = self.features(pictures)
        if self.labels is None or labels is None:
            logits: Tensor = self.heads(maps)
            return logits
        mixed = self.heads.mixing(maps)
        told = self.labels(labels).unflatten(1, (-1, self.width))
        found = [
            head(x).flatten(1).mean(1) + (x.mean((2, 3)) * word).sum(1) / math.sqrt(self.width)
            for head, x, word in zip(self.heads.heads, mixed, told.unbind(1), strict=True)
        ]
        return torch.stack(found, 1)


@dataclass(frozen=True, kw_only=True)
class FeatureDiscriminator(NetworkPlan):
    """Logits ``[N, heads]``: one head for each tap of the frozen features.

    The features have no weights to train and no state; the random mixing is part of the state.
    ``width`` counts the maps of the mixing, ``head_width`` those of the heads.
    """

    features: Pretrained = field(default_factory=lambda: Pretrained(taps=(0, 2, 4, 10)))
    width: int = 64
    head_width: int = 64

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        features = self.features.build(frame)
        with torch.no_grad():
            side = frame.size
            maps = features(torch.zeros(1, frame.channels, side, side, device="cpu"))
        heads = ProjectedHeads.on(maps, width=self.width, head_width=self.head_width)
        return _OnFeatures(features, heads, self.width, frame.labels)
