"""The noise predictor: it guesses the z from which a frozen generator would draw a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lookalike.parts.networks.autoencoders import Encoder
from lookalike.parts.networks.base import Frame, NetworkPlan


class _Predictor(nn.Module):
    def __init__(self, frame: Frame, plan: NoisePredictor) -> None:
        super().__init__()
        self.encoder = Encoder(plan.embedding, frame, plan.width, plan.fold, plan.carry)
        self.noise = _head(plan.embedding, plan.noise)
        self.codes = _head(plan.embedding, plan.codes)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        embedding = self.encoder(pictures, labels)
        z = torch.cat([self.noise(embedding), self.codes(embedding)], 1)
        return z, torch.full_like(z, -12.0)


def _head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 2 * inputs),
        nn.LeakyReLU(0.1),
        nn.Linear(2 * inputs, 4 * inputs),
        nn.LeakyReLU(0.1),
        nn.Linear(4 * inputs, outputs),
        nn.Tanh(),
    )


@dataclass(frozen=True, kw_only=True)
class NoisePredictor(NetworkPlan):
    """Guesses the z in [-1, 1] from which G would draw a picture; an encoder by its convention.

    It has no idea of its own doubt: the log variance that it gives is -12 everywhere.
    """

    noise: int = 64
    codes: int = 2
    embedding: int = 64
    width: int = 64
    fold: int = 1
    carry: float = 0.0

    def build(self, frame: Frame) -> nn.Module:
        """The predictor for this frame."""
        return _Predictor(frame, self)
