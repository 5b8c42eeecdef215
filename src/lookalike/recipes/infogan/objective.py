"""Codes that stay readable: mutual-information terms on logits, and InfoGAN's game.

Chen et al. 2016, "InfoGAN: interpretable representation learning by information maximizing
generative adversarial nets", equations 5 and 6: L_I = E[log Q(c|x)] + H(c) bounds the information
between the codes and the picture from below; Q shares all but its last layers with D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.parts.latents.codes import Codes
from lookalike.parts.losses.adversarial import AdversarialLoss, NonSaturatingLoss
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.consistency import Consistency
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.training.triggers import Always, Between


def categorical_loss(logits: Tensor, one_hot: Tensor) -> Tensor:
    """-log softmax(logits) at the class that ``one_hot`` names, in nats, ``[N]``.

    Takes logits, never probabilities: a softmax before this loss cannot fall below
    ln(e + K - 1) - 1 for K classes, and its curve looks stuck while the codes are read perfectly.
    """
    return -(functional.log_softmax(logits.float(), 1) * one_hot.float()).sum(1)


def continuous_loss(predicted: Tensor, codes: Tensor) -> Tensor:
    """The squared error of continuous codes, ``[N]``.

    Up to a factor and a constant this is -log of a Gaussian around the prediction whose variance
    is fixed, the choice of Chen et al. 2016 for Q.
    """
    if codes.shape[1] == 0:
        return torch.zeros(len(codes), device=codes.device)
    return (predicted.float() - codes.float()).square().mean(1)


def information(prior: Codes, cross_entropy: Tensor) -> Tensor:
    """The bound H(c) - CE on what pictures tell about all categories, in nats, ``[N]``.

    It is H(c) = sum of log(size) when every category is read perfectly, 0 for a blind guess.
    """
    return sum(math.log(size) for size in prior.categories) - cross_entropy


@dataclass(frozen=True, kw_only=True)
class InfoGANObjective(Objective):
    """The non-saturating game, and codes that D's second head reads from the fakes.

    ``categorical`` and ``continuous`` weigh the mutual-information terms. The terms belong to the
    phase of D (its trunk and heads) and to the phase of G, as equation 6 has it; ``apart`` instead
    gives them a step of their own for both players on fresh z. ``alike`` ties the categories to
    what real pictures show. ``rule`` says what D's logit is told of real and fake.
    """

    prior: Codes
    categorical: float = 1.0
    continuous: float = 0.1
    apart: bool = False
    alike: Consistency | None = None
    rule: AdversarialLoss = field(default_factory=NonSaturatingLoss)

    def phases(self) -> tuple[Phase, ...]:
        """D, then G; then both on the codes when ``apart``. Before them, D alone when ``alike``."""
        opening = 0.0 if self.alike is None else self.alike.opening
        turn = Between(begin=opening) if opening else Always()
        phases = [Phase(("D",), self.d_loss, turn), Phase(("G",), self.g_loss, turn)]
        if self.apart:
            phases.append(Phase(("G", "D"), self.inform, turn))
        if opening:
            phases.insert(0, Phase(("D",), self.view, Between(end=opening)))
        return tuple(phases)

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Real against fake, and the codes of the fakes."""
        on_real, *first = self._read(game, batch, batch.images, "real")
        on_fake, codes, _ = self._read(game, batch, game.fakes(batch).detach(), "fake")
        terms = self.rule.d_terms(game, batch, on_real, on_fake)
        if not self.apart:
            terms.update(self.code_terms(codes, batch.z))
        if self.alike is not None:
            again = self._read(game, batch, batch.images, "again")[1:]
            terms.update(self.alike_terms(first, again))
        return terms

    def view(self, game: Game, batch: Batch) -> Terms:
        """Two changed copies of the real pictures, to be read alike."""
        copies = [self._read(game, batch, batch.images, name)[1:] for name in ("real", "again")]
        return self.alike_terms(*copies)

    def alike_terms(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Terms:
        """What two copies cost whose code columns and features these are."""
        assert self.alike is not None
        blocks = zip(self.prior.split(first[0])[0], self.prior.split(second[0])[0], strict=True)
        return self.alike.terms(list(blocks), (first[1], second[1]))

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """The same fakes, to be taken for real, with their codes readable."""
        logits, codes, _ = self._read(game, batch, game.fakes(batch), "maker")
        terms = Terms(adversarial=self.rule.maker(logits))
        if not self.apart:
            terms.update(self.code_terms(codes, batch.z))
        return terms

    def inform(self, game: Game, batch: Batch) -> Terms:
        """The codes alone, on fresh z: G and D work together."""
        z = batch.fresh("codes")
        _, codes = game.play("D", game.generate(z, batch.labels), batch.labels, True)
        return self.code_terms(codes, z)

    def code_terms(self, predicted: Tensor, z: Tensor) -> Terms:
        """The weighted code losses of predicted columns ``[N, codes]``, and the bound in nats."""
        blocks, values = self.prior.split(predicted.float())
        wanted, true_values = self.prior.split(self.prior.coded(z))
        terms = Terms()
        entropy = torch.zeros(len(z), device=z.device)
        for logits, one_hot in zip(blocks, wanted, strict=True):
            entropy = entropy + categorical_loss(logits, one_hot)
        if blocks:
            terms["categories"] = self.categorical * entropy
            terms["~information"] = information(self.prior, entropy.detach())
        if true_values.shape[1]:
            terms["codes"] = self.continuous * continuous_loss(values, true_values)
        return terms

    def _read(self, game: Game, batch: Batch, pictures: Tensor, purpose: str) -> tuple[Tensor, ...]:
        """D's logits ``[N]``, code columns and features for pictures as D sees them."""
        if self.alike is not None:
            pictures = self.alike.warp(pictures, batch.noise(f"warp/{purpose}"))
        seen = game.augment(pictures, batch.noise(purpose))
        if self.alike is not None:
            logits, codes, features = game.play("D", seen, batch.labels, True, True)
            return logits.float(), codes.float(), features.float()
        logits, codes = game.play("D", seen, batch.labels, True)
        return logits.float(), codes.float(), codes.float()
