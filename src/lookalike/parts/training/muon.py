"""Muon: momentum whose matrices are made orthogonal before the step (Jordan et al. 2024).

Every convolution is a matrix ``[out, in * k * k]``. Its momentum U S V' is replaced by about U V',
so that all directions learn at one speed; a few hundred steps are all that minutes on two cores
allow. Steps are scaled like Adam's (0.2 sqrt(max(rows, columns)), Liu et al. 2025, equation 4), so
one rate serves both. What is no matrix (biases, thin layers) is trained by Adam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lookalike.parts.training.optimizers import OptimizerPlan
from lookalike.parts.training.schedules import Value

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of Jordan's iteration: they push singular values into about [0.7, 1.2] fast."""


def orthogonalized(matrix: Tensor, rounds: int = 5) -> Tensor:
    """About U V' for ``matrix`` = U S V' ``[rows, columns]``, by Newton-Schulz steps.

    Each step is a polynomial of X X' times X. The polynomials are multiplied up on the small side
    (rows x rows) and meet X once, which makes float32 here as quick as bfloat16 on the whole.
    """
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    gram = x @ x.T
    whole: Tensor | None = None
    for left in reversed(range(rounds)):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        whole = factor if whole is None else factor @ whole
        if left:
            gram = factor @ gram @ factor
    orthogonal: Tensor = x if whole is None else whole @ x
    return orthogonal.T if tall else orthogonal


def is_matrix(weight: Tensor, least: int) -> bool:
    """Whether both sides of the weight, seen as a matrix, have at least ``least`` entries."""
    return weight.ndim >= 2 and min(weight.shape[0], weight[0].numel()) >= least


class Muon(torch.optim.Optimizer):
    """Orthogonal momentum for matrices, Adam for the rest, at one rate."""

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.9,
        betas: tuple[float, float] = (0.5, 0.99),
        least: int = 16,
        rounds: int = 5,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "betas": betas, "least": least}
        super().__init__(list(weights), {**settings, "rounds": rounds, "eps": 1e-8})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step from the gradients that are there; weights without one stay."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                if is_matrix(weight, group["least"]):
                    self._matrix(weight, group)
                else:
                    self._adam(weight, group)

    def _matrix(self, weight: Tensor, group: dict[str, Any]) -> None:
        state, gradient = self.state[weight], weight.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].mul_(group["momentum"]).add_(gradient)
        ahead = gradient.add(state["momentum"], alpha=group["momentum"])
        if ahead.ndim == 4:  # the order of columns means nothing: take that of the memory
            ahead = ahead.permute(0, 2, 3, 1)
        flat = ahead.reshape(len(ahead), -1)
        change = orthogonalized(flat, group["rounds"]) * (0.2 * max(flat.shape) ** 0.5)
        change = change.view(ahead.shape)
        if change.ndim == 4:
            change = change.permute(0, 3, 1, 2)
        weight.add_(change, alpha=-group["lr"])

    def _adam(self, weight: Tensor, group: dict[str, Any]) -> None:
        state, gradient = self.state[weight], weight.grad
        assert gradient is not None
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
        first, second = group["betas"]
        state["step"] += 1
        state["mean"].lerp_(gradient, 1 - first)
        state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        count = float(state["step"])
        rate = group["lr"] / (1 - first**count)
        spread = (state["square"] / (1 - second**count)).sqrt_().add_(group["eps"])
        weight.addcdiv_(state["mean"], spread, value=-rate)


@dataclass(frozen=True, kw_only=True)
class Orthogonal(OptimizerPlan):
    """Settings of :class:`Muon`; ``betas`` are those of Adam for what is no matrix."""

    rate: Value
    momentum: float = 0.9
    betas: tuple[float, float] = (0.5, 0.99)
    least: int = 16
    rounds: int = 5

    def build(self, weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh optimizer over these weights."""
        return Muon(
            weights,
            lr=0.0,
            momentum=self.momentum,
            betas=(self.betas[0], self.betas[1]),
            least=self.least,
            rounds=self.rounds,
        )
