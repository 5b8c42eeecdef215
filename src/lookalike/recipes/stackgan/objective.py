"""The two games of StackGAN, one after the other (Zhang et al. 2017, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from lookalike.parts.losses.adversarial import AdversarialLoss, NonSaturatingLoss, real_or_fake
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.training.triggers import Between


@dataclass(frozen=True, kw_only=True)
class StackGANObjective(Objective):
    """Stage I (G's first half against C) until ``share`` of the budget, then stage II (against D).

    With labels both discriminators are matching-aware (Reed et al. 2016): a real picture with the
    label of another one counts as a fake, at half the weight. ``rule`` is what both lose.
    """

    share: float = 0.5
    times: int = 2
    rule: AdversarialLoss = field(
        default_factory=lambda: NonSaturatingLoss(real_low=0.9, real_high=0.9)
    )

    def phases(self) -> tuple[Phase, ...]:
        """C and G until ``share``, D and G from there on."""
        first, second = Between(0.0, self.share), Between(self.share)
        return (
            Phase(("C",), self.small_d_loss, first),
            Phase(("G",), self.small_g_loss, first),
            Phase(("D",), self.d_loss, second),
            Phase(("G",), self.g_loss, second),
        )

    def small_d_loss(self, game: Game, batch: Batch) -> Terms:
        """C on pictures shrunk by area, and on stage I's."""
        real = F.avg_pool2d(batch.images, self.times)
        with torch.no_grad():
            fake = game.play("G", batch.z, batch.labels, 1).float()
        return self._critic_loss(game, "C", batch, real, fake)

    def small_g_loss(self, game: Game, batch: Batch) -> Terms:
        """Stage I's pictures, to be taken for real."""
        fake = game.augment(
            game.play("G", batch.z, batch.labels, 1).float(), batch.noise("small maker")
        )
        return Terms(small=self.rule.maker(game.play("C", fake, batch.labels)))

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """D on whole pictures, and on stage II's."""
        return self._critic_loss(game, "D", batch, batch.images, game.fakes(batch).detach())

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Stage II's pictures, to be taken for real; stage I rests."""
        logits = game.discriminate(game.g_pictures(batch), batch.labels)
        return Terms(adversarial=self.rule.maker(logits))

    def _critic_loss(
        self, game: Game, player: str, batch: Batch, real: Tensor, fake: Tensor
    ) -> Terms:
        real = game.augment(real, batch.noise("real"))
        fake = game.augment(fake, batch.noise("fake"))
        on_real = game.play(player, real, batch.labels).float()
        on_fake = game.play(player, fake, batch.labels).float()
        game.tell(on_real, on_fake)
        terms = Terms(
            real=self.rule.real(on_real, game.now, batch.noise(f"targets/{player}/real")),
            fake=self.rule.fake(on_fake, game.now, batch.noise(f"targets/{player}/fake")),
        )
        if batch.labels is not None:
            other = batch.labels.roll(1, 0)
            wrong = (other != batch.labels).any(1).float()
            logits = game.play(player, real, other)
            terms["mismatched"] = 0.5 * wrong * real_or_fake(logits, 0.0)
        return terms
