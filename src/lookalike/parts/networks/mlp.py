"""Fully connected networks over pictures, without any convolution (Goodfellow et al. 2014)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import with_labels


def init_he(generator: _Generator, slope: float, last: float = 0.2) -> nn.Module:
    """Weights that keep the signal's scale through ReLUs (He et al. 2015), the last ones small.

    Under torch's own first weights each layer shrinks what z says to less than a half: all pictures
    begin, and for thousands of steps stay, nearly the same one.
    """
    layers = [layer for layer in generator.layers if isinstance(layer, nn.Linear)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, slope)
        nn.init.zeros_(layer.bias)
    nn.init.normal_(layers[-1].weight, std=last / math.sqrt(layers[-1].in_features))
    return generator


class _Generator(nn.Module):
    def __init__(self, plan: MLPGenerator, frame: Frame) -> None:
        super().__init__()
        self.shape = (frame.channels, *frame.shape)
        layers: list[nn.Module] = []
        for before, after in pairwise([plan.dims + frame.labels, *plan.widths]):
            act = nn.LeakyReLU(plan.slope) if plan.slope else nn.ReLU()
            layers += [nn.Linear(before, after), act]
        layers += [nn.Linear(plan.widths[-1], math.prod(self.shape)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        pictures: Tensor = self.layers(with_labels(z, labels))
        return pictures.view(-1, *self.shape)


class _Discriminator(nn.Module):
    def __init__(self, plan: MLPDiscriminator, frame: Frame) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        first = frame.channels * math.prod(frame.shape) + frame.labels
        for before, after in pairwise([first, *plan.widths]):
            layers += [nn.Linear(before, after), nn.LeakyReLU(plan.slope)]
            if plan.dropout:
                layers.append(nn.Dropout(plan.dropout))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(plan.widths[-1], 1)

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, describe: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        features = self.layers(with_labels(pictures.flatten(1), labels))
        logits: Tensor = self.head(features).squeeze(1)
        return (logits, features) if describe else logits


@dataclass(frozen=True, kw_only=True)
class MLPGenerator(NetworkPlan):
    """z -> hidden layers of ``widths`` -> all pixels, tanh. A slope of 0 is plain ReLU.

    ``he`` False begins with torch's own first weights.
    """

    dims: int = 100
    widths: tuple[int, ...] = (256, 512, 1024, 1024)
    slope: float = 0.0
    he: bool = True

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        network = _Generator(self, frame)
        return init_he(network, self.slope) if self.he else network


@dataclass(frozen=True, kw_only=True)
class MLPDiscriminator(NetworkPlan):
    """All pixels -> hidden layers of ``widths`` with LeakyReLU and dropout -> one logit."""

    widths: tuple[int, ...] = (256, 512)
    slope: float = 0.01
    dropout: float = 0.0

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame, with torch's own first weights."""
        return _Discriminator(self, frame)
