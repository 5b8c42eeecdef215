"""BEGAN with codes: D also reads them, and a noise predictor N learns afterwards.

Berthelot et al. 2017 (BEGAN) with the code terms of Chen et al. 2016 (InfoGAN, equation 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional

from lookalike.parts.latents.codes import Codes
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.began import Likeness, convergence, pulling_away
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.training.triggers import Between


@dataclass(frozen=True, kw_only=True)
class InfoBEGANObjective(Objective):
    """BEGAN whose D also reads the codes, then a predictor N of (z, codes) with G frozen.

    ``information`` weighs the smooth L1 distance of the codes in both losses; ``share`` is the
    part of the budget after which D and G rest and N learns, on real pictures alone, to find the z
    from which G draws them: 1 - MS-SSIM(x, G(N(x))). ``repel`` is BEGAN's here.
    """

    prior: Codes
    likeness: Likeness = field(default_factory=lambda: Likeness(structure=1.0))
    gamma: float = 0.5
    information: float = 0.1
    share: float = 0.75
    repel: float = 0.0

    @property
    def gives_logits(self) -> bool:
        """No: D rebuilds pictures."""
        return False

    def phases(self) -> tuple[Phase, ...]:
        """D and G until ``share``, N from there on."""
        game = Between(0.0, self.share)
        return (
            Phase(("D",), self.d_loss, game),
            Phase(("G",), self.g_loss, game),
            Phase(("N",), self.predict, Between(self.share)),
        )

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """BEGAN's loss of D, and the codes of the fakes."""
        real, fake = game.d_pictures(batch)
        on_real = self.likeness(real, game.play("D", real, batch.labels).float())
        rebuilt, seen = game.play("D", fake, batch.labels, True)
        on_fake = self.likeness(fake, rebuilt.float())
        game.facts["convergence"] = convergence(on_real, on_fake, self.gamma)
        return Terms(
            real=on_real,
            fake=-game.now["k"] * on_fake,
            codes=self.information * self.code_loss(seen, batch.z),
        )

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Fakes that D rebuilds well and whose codes it reads."""
        fake = game.g_pictures(batch)
        rebuilt, seen = game.play("D", fake, batch.labels, True)
        terms = Terms(
            rebuilt=self.likeness(fake, rebuilt.float()),
            codes=self.information * self.code_loss(seen, batch.z),
        )
        if self.repel:
            terms["repelled"] = self.repel * pulling_away(seen.float())
        return terms

    def predict(self, game: Game, batch: Batch) -> Terms:
        """Real pictures drawn again by the frozen G from what N sees in them."""
        z, _ = game.play("N", batch.images, batch.labels)
        again = game.generate(z.float(), batch.labels)
        return Terms(predicted=self.likeness(batch.images, again))

    def code_loss(self, seen: Tensor, z: Tensor) -> Tensor:
        """Smooth L1 between the codes of z and D's reading, the last columns, ``[N]``."""
        wanted = self.prior.coded(z).float()
        read = seen[:, -wanted.shape[1] :].float()
        apart = functional.smooth_l1_loss(read, wanted, reduction="none")
        return apart.mean(1)
