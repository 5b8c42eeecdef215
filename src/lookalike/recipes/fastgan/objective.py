"""FastGAN's game: a hinge loss, and real pictures that D draws again (Liu et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from lookalike.parts.losses.adversarial import hinge_fake, hinge_real
from lookalike.parts.losses.base import Objective, Phase, Terms, absolute, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.recipes.fastgan.networks import quarter


@dataclass(frozen=True, kw_only=True)
class FastGANObjective(Objective):
    """Hinge loss, and D's reconstructions of real pictures (equations 2 to 4).

    ``rebuilt`` weighs the absolute error of both reconstructions, the paper's distance in features
    being left out: it needs pretrained weights.
    """

    rebuilt: float = 1.0

    def phases(self) -> tuple[Phase, ...]:
        """D, then G on the very same fakes."""
        return Phase(("D",), self.d_loss), Phase(("G",), self.g_loss)

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Hinge on both sides, and the real pictures rebuilt as D saw them."""
        real, fake = game.d_pictures(batch)
        corner = int(torch.randint(4, (1,), generator=batch.noise("corner")))
        on_real, whole, part = game.play("D", real, batch.labels, corner)
        on_fake = game.discriminate(fake, batch.labels)
        game.tell(on_real.float(), on_fake)
        small, piece = F.avg_pool2d(real, 2), quarter(real, corner)
        return Terms(
            real=hinge_real(on_real.float()),
            fake=hinge_fake(on_fake),
            whole=self.rebuilt * absolute(whole, small),
            part=self.rebuilt * absolute(part, piece),
        )

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """-D(G(z)) (equation 5)."""
        return Terms(
            adversarial=per_sample(-game.discriminate(game.g_pictures(batch), batch.labels))
        )
