"""Penalties on D: slopes at real, fake and in-between pictures, and LeCam's pull to the averages.

A gradient penalty goes backward through a gradient, so its phase plays in float32.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lookalike.parts.losses.base import Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.ranks import per_row


def slope(logits: Tensor, pictures: Tensor) -> Tensor:
    """The gradient of each logit with respect to its picture, of the picture's shape.

    Further heads are summed. The graph is kept: the result can be differentiated again.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient


def squared_slope(logits: Tensor, pictures: Tensor) -> Tensor:
    """The squared length of the gradient, ``[N]``."""
    return slope(logits, pictures).flatten(1).square().sum(1)


def lecam(on_real: Tensor, on_fake: Tensor, real_average: float, fake_average: float) -> Tensor:
    """Keeps D's logits from running away from the average on the other side, ``[N]``.

    Tseng et al. 2021, equation 3: |D(x) - a_F|^2 + |D(G(z)) - a_R|^2, where only what lies beyond
    the average counts (their published form).
    """
    high = F.relu(on_real.float() - fake_average).square()
    low = F.relu(real_average - on_fake.float()).square()
    return (high + low).flatten(1).mean(1) if high.ndim > 1 else high + low


class Penalty(ABC):
    """Something that D pays beside its loss. Final classes are frozen dataclasses."""

    @abstractmethod
    def terms(self, game: Game, batch: Batch, real: Tensor, fake: Tensor) -> Terms:
        """Named terms ``[N]``; ``real`` and ``fake`` are pictures as D sees them."""


@dataclass(frozen=True, kw_only=True)
class BetweenSlope(Penalty):
    """(|slope| - target)^2 at random points between real and fake pictures.

    Gulrajani et al. 2017, equation 3 (weight 10, target 1). ``one_sided`` punishes only slopes
    above the target (Petzka et al. 2018, equation 8).
    """

    weight: float = 10.0
    target: float = 1.0
    one_sided: bool = False

    def terms(self, game: Game, batch: Batch, real: Tensor, fake: Tensor) -> Terms:
        """The penalty under the name "slope"."""
        draw = batch.noise("between")
        share = per_row(lambda n: torch.rand(n, generator=draw), len(real)).to(real)
        share = share.view(-1, *[1] * (real.ndim - 1))
        between = (share * real + (1 - share) * fake).detach().requires_grad_()
        squares = squared_slope(game.discriminate(between, batch.labels), between)
        off = (squares + 1e-12).sqrt() - self.target
        off = F.relu(off) if self.one_sided else off
        return Terms(slope=self.weight * off.square())


@dataclass(frozen=True, kw_only=True)
class ZeroSlope(Penalty):
    """gamma / 2 |slope|^2 at real pictures (R1), at fake ones (R2), or at both.

    Mescheder et al. 2018, equations 9 and 10. A weight of 0 leaves that side out.
    """

    real: float = 1.0
    fake: float = 0.0

    def terms(self, game: Game, batch: Batch, real: Tensor, fake: Tensor) -> Terms:
        """The penalties under the names "r1" and "r2"."""
        sides = {"r1": (self.real, real), "r2": (self.fake, fake)}
        terms = Terms()
        for name, (gamma, pictures) in sides.items():
            if gamma:
                leaf = pictures.detach().requires_grad_()
                terms[name] = gamma / 2 * squared_slope(game.discriminate(leaf, batch.labels), leaf)
        return terms
