"""Exchange: labels that the generator obeys, so that a picture can be edited by them.

Some encodings are decoded with one attribute of another picture in place of their own. A head on
the frozen features' maps, which learns from real pictures alone, has to read the exchanged labels
off them: the attribute classification constraint of He et al. 2019, "AttGAN: facial attribute
editing by only changing what you want", on features that are computed already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.frozen_features import Pretrained

GRID = 8
"""Maps are averaged down to at most this side: where something is counts."""


class AttributeHead(nn.Module):
    """Maps of the frozen features -> a guess of the label row ``[N, L]``.

    Each map is narrowed by a 1x1 convolution and brought to 8x8 places; their sum passes a 3x3
    convolution, so that a part which is shifted a little is still itself.
    """

    def __init__(self, channels: tuple[int, ...], labels: int, width: int) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.norm = nn.GroupNorm(8, width)
        self.wide = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.last = nn.Linear(2 * width * (GRID // 2) ** 2, labels)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """One map per tap, finest first -> ``[N, L]``: logits of choices, values of the others."""
        total: Tensor | None = None
        for narrow, x in zip(self.narrow, maps, strict=True):
            small = F.adaptive_avg_pool2d(narrow(x.float()), min(GRID, x.shape[-1]))
            if small.shape[-1] < GRID:
                small = F.interpolate(small, size=(GRID, GRID), mode="nearest")
            total = small if total is None else total + small
        assert total is not None
        y = F.leaky_relu(self.wide(F.leaky_relu(self.norm(total), 0.2)), 0.2)
        guess: Tensor = self.last(y.flatten(1))
        return guess


@dataclass(frozen=True, kw_only=True)
class AttributeHeadPlan(NetworkPlan):
    """Settings of :class:`AttributeHead` over the maps of these ``features``."""

    features: Pretrained = field(default_factory=Pretrained)
    width: int = 48

    def build(self, frame: Frame) -> AttributeHead:
        """A head for the maps that the features give for this frame."""
        network = self.features.build(frame)
        channels = cast("tuple[int, ...]", network.channels)
        return AttributeHead(channels, frame.labels, self.width)


@dataclass(frozen=True, kw_only=True)
class LabelExchange:
    """Which label columns belong together, and how much the exchanged labels weigh.

    ``groups`` counts the columns of each attribute, in order: several are a choice of one, a single
    one is a value. ``share`` of the further pictures of a batch are exchanged ones.
    """

    groups: tuple[int, ...]
    weight: float = 0.1
    share: float = 0.5

    def exchanged(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Label rows ``[N, L]``, each with one attribute of another row."""
        other = labels[torch.randperm(len(labels), generator=generator).to(labels.device)]
        chosen = torch.randint(len(self.groups), (len(labels),), generator=generator)
        owner = torch.repeat_interleave(torch.arange(len(self.groups)), torch.tensor(self.groups))
        mine = (owner[None] == chosen[:, None]).to(labels.device)
        return torch.where(mine, other, labels)

    def loss(self, guess: Tensor, labels: Tensor) -> Tensor:
        """How far guesses ``[N, L]`` are from label rows, a mean over the attributes: ``[N]``.

        Cross-entropy where an attribute is a choice (nothing where none is chosen), and half the
        squared error where it is a value.
        """
        sizes = list(self.groups)
        blocks = [torch.split(rows, sizes, 1) for rows in (guess.float(), labels)]
        each = [
            -(told.log_softmax(1) * known).sum(1)
            if told.shape[1] > 1
            else (told - known).square().sum(1) / 2
            for told, known in zip(*blocks, strict=True)
        ]
        return torch.stack(each).mean(0)
