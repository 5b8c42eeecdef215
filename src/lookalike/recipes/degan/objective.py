"""DEGAN's objective: an autoencoder first, then a game over its codes (Zhong et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch.nn import functional as F

from lookalike.parts.losses.base import Objective, Phase, Terms, kl_to_normal, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.training.triggers import Between


@dataclass(frozen=True, kw_only=True)
class DEGANObjective(Objective):
    """First an autoencoder for ``pretrain`` of the budget, then a game over its codes.

    The first phase is a variational autoencoder (Kingma & Welling 2014, equation 10, per pixel):
    binary cross-entropy plus ``kl`` times the divergence; ``kl`` 0 is a plain autoencoder.
    Afterwards no gradient reaches it.
    """

    pretrain: float = 0.2
    kl: float = 1.0
    game: TwoPlayer = field(default_factory=TwoPlayer)

    def phases(self) -> tuple[Phase, ...]:
        """The autoencoder, then D and G."""
        later = Between(self.pretrain, 2.0)
        return (
            Phase(("G",), self.autoencode, Between(0.0, self.pretrain)),
            *(replace(phase, turn=later) for phase in self.game.phases()),
        )

    def autoencode(self, game: Game, batch: Batch) -> Terms:
        """Reconstruction and divergence, both per pixel."""
        noise = batch.z if self.kl else torch.zeros_like(batch.z)
        logits, mean, log_variance = game.play("G", noise, None, batch.images)
        goal = (batch.images + 1) / 2
        terms = Terms(reconstruction=per_sample(F.softplus(logits) - goal * logits))
        if self.kl:
            terms["kl"] = self.kl * kl_to_normal(mean, log_variance) / goal[0].numel()
        return terms
