"""How D's logits become losses for both players: the pure half of an adversarial objective.

What D is told about real and fake may be smoothed (Salimans et al. 2016, section 3.4), drawn from
an interval, flipped or swapped, as in the five systems that this package began with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.parts.losses.base import Terms, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.ranks import per_row


def real_or_fake(logits: Tensor, target: float | Tensor) -> Tensor:
    """Binary cross-entropy with logits against ``target`` in [0, 1], ``[N]``.

    Goodfellow et al. 2014, equation 1, written on logits: softplus(l) - target * l.
    """
    logits = logits.float()
    goal = target if isinstance(target, Tensor) else torch.full_like(logits, target)
    if goal.ndim < logits.ndim:
        goal = goal[(...,) + (None,) * (logits.ndim - goal.ndim)].expand_as(logits)
    return per_sample(functional.softplus(logits) - goal * logits)


def hinge_real(logits: Tensor) -> Tensor:
    """max(0, 1 - l) per sample (Lim & Ye 2017)."""
    return per_sample(functional.relu(1 - logits.float()))


def hinge_fake(logits: Tensor) -> Tensor:
    """max(0, 1 + l) per sample (Lim & Ye 2017)."""
    return per_sample(functional.relu(1 + logits.float()))


def settled(real: Tensor, fake: Tensor) -> float:
    """The share of real and generated pictures whose hinge loss is 0: at 1 D has won."""
    return float((torch.cat([real, fake]).detach() == 0).float().mean())


class HingeOnMaps(NamedTuple):
    """What a discriminator of maps gives: its ``score`` of fakes for those who draw them, ``[M]``,
    and its own hinge losses on ``real`` ``[N]`` and ``fake`` ``[M]``.
    """

    score: Tensor
    real: Tensor
    fake: Tensor


def hinge_on_maps(
    game: Game, player: str, makers: Sequence[str], maps: tuple[list[Tensor], list[Tensor]]
) -> HingeOnMaps:
    """The hinge game over ``maps`` of frozen features, of real pictures and of fakes.

    The player sees detached maps; the makers' score passes through a player whose weights receive
    no gradient. Its mean logits are told, and the share of pictures from which it learns nothing.
    """
    real_maps, fake_maps = maps
    with game.networks.only(*makers):
        score: Tensor = game.play(player, fake_maps).float()
    both = [
        torch.cat([real, fake.detach()]) for real, fake in zip(real_maps, fake_maps, strict=True)
    ]
    logits: Tensor = game.play(player, both).float()
    count = len(real_maps[0])
    on_real, on_fake = logits[:count], logits[count:]
    losses = HingeOnMaps(per_sample(score), hinge_real(on_real), hinge_fake(on_fake))
    game.facts[f"{player}(x)"] = float(on_real.detach().mean())
    game.facts[f"{player}(G(z))"] = float(on_fake.detach().mean())
    game.facts[f"{player}(settled)"] = settled(losses.real, losses.fake)
    return losses


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

    def d_terms(self, game: Game, batch: Batch, on_real: Tensor, on_fake: Tensor) -> Terms:
        """D's terms "real" and "fake" from its logits of both sides, which are told as well."""
        game.tell(on_real, on_fake)
        return Terms(
            real=self.real(on_real, game.now, batch.noise("targets/real")),
            fake=self.fake(on_fake, game.now, batch.noise("targets/fake")),
        )


@dataclass(frozen=True, kw_only=True)
class NonSaturatingLoss(AdversarialLoss):
    """Binary cross-entropy on logits against targets that may be smoothed, random or flipped.

    Every sample draws its target uniformly from ``[low, high]``. A target above 1 counts as 1 (and
    below 0 as 0): beyond that cross-entropy has no lower bound, so D could win by growing without
    end. ``flips`` is the share of samples whose target is drawn from the other side. Where the
    recipe has a value "swap", a step in which it is 1 swaps the two sides for D altogether.
    ``maker`` is G's target; 1 is the plain non-saturating loss.
    """

    real_low: float = 1.0
    real_high: float = 1.0
    fake_low: float = 0.0
    fake_high: float = 0.0
    maker_target: float = 1.0
    flips: float = 0.0

    def real(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """Cross-entropy against the targets of real pictures."""
        return real_or_fake(logits, self.targets(len(logits), now, draw, real=True).to(logits))

    def fake(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """Cross-entropy against the targets of fakes."""
        return real_or_fake(logits, self.targets(len(logits), now, draw, real=False).to(logits))

    def maker(self, logits: Tensor) -> Tensor:
        """Cross-entropy of fakes against what G wants them to be."""
        return real_or_fake(logits, self.maker_target)

    def targets(
        self, count: int, now: Mapping[str, float], draw: torch.Generator, *, real: bool
    ) -> Tensor:
        """D's targets for ``count`` samples, each in [0, 1]."""
        turned = per_row(lambda n: torch.rand(n, generator=draw), count) < self.flips
        is_real = turned ^ (real != (now.get("swap", 0.0) > 0))
        share = per_row(lambda n: torch.rand(n, generator=draw), count)
        reals = self.real_low + share * (self.real_high - self.real_low)
        fakes = self.fake_low + share * (self.fake_high - self.fake_low)
        return torch.where(is_real, reals, fakes).clamp(0, 1)


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

    def d_terms(self, game: Game, batch: Batch, on_real: Tensor, on_fake: Tensor) -> Terms:
        """D's terms, and the share of pictures beyond the margin, from which D learns nothing."""
        terms = AdversarialLoss.d_terms(self, game, batch, on_real, on_fake)
        game.facts["D(settled)"] = settled(terms["real"], terms["fake"])
        return terms


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


SMOOTHING = {
    "none": NonSaturatingLoss(),
    "one-sided": NonSaturatingLoss(real_low=0.9, real_high=0.9),
    "two-sided": NonSaturatingLoss(
        real_low=0.95, real_high=0.95, fake_low=0.05, fake_high=0.05, maker_target=0.95
    ),
}
"""Smoothing by its name: one-sided is 0.9 for D alone; two-sided is t * 0.9 + 0.05 for both."""
