"""Exchange: labels that the generator obeys, so that a picture can be edited by them.

Blends of two encodings under the labels of one picture have to become that picture, so that what
labels say wins over what a code says. Some encodings are decoded with attributes of another picture
in place of their own, and a head on the frozen features' maps, which learns from real pictures
alone, has to read these off them: the attribute classification constraint of He et al. 2019,
"AttGAN: facial attribute editing by only changing what you want".
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
    """Which label columns belong together, and how a generator comes to obey them.

    ``groups`` counts the columns of each attribute, in order: several are a choice of one, a single
    one is a value. Encodings say nearly everything, so that a generator would never look at labels.
    Therefore some of its codes contradict them: blends of two encodings under the labels of the
    first, which have to become the first picture. Before D joins they are the share ``early`` of
    the batch; then all further pictures but the ``share`` of exchanged ones, and ``blended``
    weighs their pixels beside those of rebuilt pictures. An exchanged picture has one attribute of
    another and each further one by ``chance``; what H reads off drawn pictures weighs ``weight``,
    and ``gain`` times that where labels were exchanged.
    """

    groups: tuple[int, ...]
    weight: float = 0.1
    share: float = 0.5
    chance: float = 0.5
    gain: float = 3.0
    early: float = 0.75
    blended: float = 1.0

    def rows(self, extra: int) -> int:
        """How many of so many further pictures are exchanged ones, the last of them."""
        return int(extra * self.share)

    def codes(
        self, z: Tensor, labels: Tensor, extra: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Codes ``[N + extra, W]`` and label rows ``[N + extra, L]``: rebuilt ones, then further.

        Further ones are blended, then exchanged. Without any, some of the N are blended.
        """
        other = torch.randperm(len(z), generator=generator).to(z.device)
        share = torch.rand(len(z), 1, generator=generator).to(z)
        if not extra:
            share[int(len(z) * self.early) :] = 1
            return share * z + (1 - share) * z[other], labels
        exchanged = self.rows(extra)
        mixed = (share * z + (1 - share) * z[other])[: extra - exchanged]
        changed = self.exchanged(labels, generator)[:exchanged]
        rows = torch.cat([labels, labels[: len(mixed)], changed])
        return torch.cat([z, mixed, z[:exchanged]]), rows

    def exchanged(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Label rows ``[N, L]``, each with one attribute of another row, or with more."""
        other = labels[torch.randperm(len(labels), generator=generator).to(labels.device)]
        count = len(self.groups)
        chosen = torch.randint(count, (len(labels),), generator=generator)
        moving = torch.rand(len(labels), count, generator=generator) < self.chance
        moving |= F.one_hot(chosen, count).bool()
        owner = torch.repeat_interleave(torch.arange(count), torch.tensor(self.groups))
        return torch.where(moving[:, owner].to(labels.device), other, labels)

    def gains(self, count: int, extra: int) -> Tensor:
        """How much each of ``count`` rebuilt and ``extra`` further pictures weighs in H's terms."""
        exchanged = self.rows(extra)
        plain = torch.ones(count + extra - exchanged)
        return torch.cat([plain, torch.full((exchanged,), self.gain)])

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
