"""Optimizers as frozen settings; each holds its own learning-rate schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from lookalike.parts.schedules import Value


class OptimizerPlan(ABC):
    """Settings that build a torch optimizer. Final classes are frozen dataclasses with ``rate``."""

    rate: Value

    @abstractmethod
    def build(self, weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh optimizer over these weights."""


@dataclass(frozen=True, kw_only=True)
class Adam(OptimizerPlan):
    """Adam, fused into one kernel (Kingma & Ba 2015)."""

    rate: Value
    betas: tuple[float, float] = (0.5, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def build(self, weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """AdamW where there is weight decay, plain Adam otherwise."""
        kind = torch.optim.AdamW if self.weight_decay else torch.optim.Adam
        return kind(
            list(weights),
            lr=0.0,
            betas=(self.betas[0], self.betas[1]),
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=True,
        )


@dataclass(frozen=True, kw_only=True)
class RMSprop(OptimizerPlan):
    """RMSprop, as the first Wasserstein GAN used it (Arjovsky et al. 2017)."""

    rate: Value
    alpha: float = 0.99

    def build(self, weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh RMSprop."""
        return torch.optim.RMSprop(list(weights), lr=0.0, alpha=self.alpha)


@dataclass(frozen=True, kw_only=True)
class SGD(OptimizerPlan):
    """Stochastic gradient descent with momentum."""

    rate: Value
    momentum: float = 0.0

    def build(self, weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh SGD."""
        return torch.optim.SGD(list(weights), lr=0.0, momentum=self.momentum)
