"""Codes that stay readable: mutual-information terms on logits, and InfoGAN's game.

Chen et al. 2016, "InfoGAN: interpretable representation learning by information maximizing
generative adversarial nets", equations 5 and 6: L_I = E[log Q(c|x)] + H(c) bounds the information
between the codes and the picture from below; Q shares all but its last layers with D.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.parts.codes import Codes
from lookalike.parts.game import Game
from lookalike.parts.objectives import Batch, Objective, Phase, Terms, real_or_fake


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
class InfoGAN(Objective):
    """The non-saturating game, and codes that D's second head reads from the fakes.

    ``categorical`` and ``continuous`` weigh the mutual-information terms. The terms belong to the
    phase of D (its trunk and heads) and to the phase of G, as equation 6 has it; ``apart`` instead
    gives them a step of their own for both players on fresh z.
    """

    prior: Codes
    categorical: float = 1.0
    continuous: float = 0.1
    apart: bool = False

    def phases(self) -> tuple[Phase, ...]:
        """D, then G; then both on the codes when ``apart``."""
        both = (Phase(("D",), self.critic), Phase(("G",), self.maker))
        return (*both, Phase(("G", "D"), self.inform)) if self.apart else both

    def critic(self, game: Game, batch: Batch) -> Terms:
        """Real against fake by cross-entropy, and the codes of the fakes."""
        on_real, _ = self._told(game, batch, batch.images, "real")
        on_fake, codes = self._told(game, batch, game.fakes(batch).detach(), "fake")
        game.facts["D(real)"] = float(on_real.detach().sigmoid().mean())
        game.facts["D(fake)"] = float(on_fake.detach().sigmoid().mean())
        terms = Terms(real=real_or_fake(on_real, 1.0), fake=real_or_fake(on_fake, 0.0))
        if not self.apart:
            terms.update(self.code_terms(codes, batch.z))
        return terms

    def maker(self, game: Game, batch: Batch) -> Terms:
        """The same fakes, to be taken for real, with their codes readable."""
        logits, codes = self._told(game, batch, game.fakes(batch), "maker")
        terms = Terms(adversarial=real_or_fake(logits, 1.0))
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

    def _told(self, game: Game, batch: Batch, pictures: Tensor, purpose: str) -> tuple[Tensor, ...]:
        """D's logits ``[N]`` and code columns for pictures as D sees them."""
        seen = game.augment(pictures, batch.noise(purpose))
        logits, codes = game.play("D", seen, batch.labels, True)
        return logits.float(), codes.float()
