"""How D's logits become losses for both players: the pure half of an adversarial objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.parts.losses.base import hinge_fake, hinge_real, per_sample


class AdversarialLoss(ABC):
    """Losses per sample ``[N]`` from logits ``[N]`` or ``[N, heads]``.

    ``now`` holds the values of this moment; ``draw`` is an addressed generator for rules that
    draw. Final classes are frozen dataclasses.
    """

    @abstractmethod
    def real(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """What D loses on real pictures."""

    @abstractmethod
    def fake(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """What D loses on fakes."""

    @abstractmethod
    def maker(self, logits: Tensor) -> Tensor:
        """What G loses on its fakes."""


@dataclass(frozen=True, kw_only=True)
class LeastSquaresLoss(AdversarialLoss):
    """Half the squared distance to a target (Mao et al. 2017, equation 9 with a=0, b=c=1)."""

    real_target: float = 1.0
    fake_target: float = 0.0
    maker_target: float = 1.0

    def real(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """(l - b)^2 / 2."""
        return per_sample((logits.float() - self.real_target).square() / 2)

    def fake(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """(l - a)^2 / 2."""
        return per_sample((logits.float() - self.fake_target).square() / 2)

    def maker(self, logits: Tensor) -> Tensor:
        """(l - c)^2 / 2."""
        return per_sample((logits.float() - self.maker_target).square() / 2)


@dataclass(frozen=True, kw_only=True)
class HingeLoss(AdversarialLoss):
    """max(0, 1 -+ l) for D, -l for G (Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17)."""

    def real(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """max(0, 1 - l)."""
        return hinge_real(logits)

    def fake(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """max(0, 1 + l)."""
        return hinge_fake(logits)

    def maker(self, logits: Tensor) -> Tensor:
        """-l."""
        return per_sample(-logits.float())


@dataclass(frozen=True, kw_only=True)
class WassersteinLoss(AdversarialLoss):
    """The difference of the critic's means (Arjovsky et al. 2017, equations 2 and 3).

    Needs a critic of bounded slope: weight clipping after its steps, or a slope penalty.
    """

    def real(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """-f(x)."""
        return per_sample(-logits.float())

    def fake(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """f(G(z))."""
        return per_sample(logits.float())

    def maker(self, logits: Tensor) -> Tensor:
        """-f(G(z))."""
        return per_sample(-logits.float())
