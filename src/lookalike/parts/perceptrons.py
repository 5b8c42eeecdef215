"""Fully connected networks over pictures, without any convolution (Goodfellow et al. 2014)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from lookalike.parts.networks import Frame, NetworkPlan


def _told(x: Tensor, labels: Tensor | None) -> Tensor:
    return x if labels is None else torch.cat([x, labels.to(x)], 1)


class _Generator(nn.Module):
    def __init__(self, plan: PerceptronGenerator, frame: Frame) -> None:
        super().__init__()
        self.shape = (frame.channels, frame.size, frame.size)
        layers: list[nn.Module] = []
        for before, after in pairwise([plan.dims + frame.labels, *plan.widths]):
            act = nn.LeakyReLU(plan.slope) if plan.slope else nn.ReLU()
            layers += [nn.Linear(before, after), act]
        layers += [nn.Linear(plan.widths[-1], math.prod(self.shape)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        pictures: Tensor = self.layers(_told(z, labels))
        return pictures.view(len(z), *self.shape)


class _Discriminator(nn.Module):
    def __init__(self, plan: PerceptronDiscriminator, frame: Frame) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        first = frame.channels * frame.size**2 + frame.labels
        for before, after in pairwise([first, *plan.widths]):
            layers += [nn.Linear(before, after), nn.LeakyReLU(plan.slope)]
            if plan.dropout:
                layers.append(nn.Dropout(plan.dropout))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(plan.widths[-1], 1)

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, describe: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        features = self.layers(_told(pictures.flatten(1), labels))
        logits: Tensor = self.head(features).squeeze(1)
        return (logits, features) if describe else logits


@dataclass(frozen=True, kw_only=True)
class PerceptronGenerator(NetworkPlan):
    """z -> hidden layers of ``widths`` -> all pixels, tanh. A slope of 0 is plain ReLU."""

    dims: int = 100
    widths: tuple[int, ...] = (256, 512, 1024, 1024)
    slope: float = 0.0

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame, with torch's own first weights."""
        return _Generator(self, frame)


@dataclass(frozen=True, kw_only=True)
class PerceptronDiscriminator(NetworkPlan):
    """All pixels -> hidden layers of ``widths`` with LeakyReLU and dropout -> one logit."""

    widths: tuple[int, ...] = (256, 512)
    slope: float = 0.01
    dropout: float = 0.0

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame, with torch's own first weights."""
        return _Discriminator(self, frame)
