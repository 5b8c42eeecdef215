"""Optimizers as frozen settings; each holds its own learning-rate schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lookalike.parts.training.schedules import Value


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


def restore(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load a state, its moments laid out in memory as the weights are.

    A checkpoint holds plain contiguous tensors while convolutions are channels-last, and the fused
    kernels walk weight, gradient and moments by address: without this a continued Adam would give
    every weight the moments of another one.

    Raises:
        ValueError: it is the state of other weights.
    """
    optimizer.load_state_dict(dict(state))
    for weight, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                moments[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value).detach()
