"""The relativistic pairing loss with slope penalties on both sides.

Huang et al. 2024, "The GAN is dead; long live the GAN! A modern baseline GAN" (R3GAN), equations 2
to 4: L_D = E softplus(D(G(z)) - D(x)) + gamma/2 E|grad D(x)|^2 + gamma/2 E|grad D(G(z))|^2, and
L_G = E softplus(D(x) - D(G(z))), each fake paired with one real picture (Jolicoeur-Martineau 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from lookalike.parts.losses.base import Objective, Phase, Terms, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.penalties import squared_slope
from lookalike.parts.training.triggers import Every


def paired(ahead: Tensor, behind: Tensor) -> Tensor:
    """softplus(behind - ahead) of logits ``[N]`` or ``[N, heads]``, ``[N]``: 0 when far ahead."""
    return per_sample(functional.softplus(behind.float() - ahead.float()))


@dataclass(frozen=True, kw_only=True)
class RelativisticObjective(Objective):
    """Pairs of real and fake pictures. The value "gamma" weighs both slope penalties.

    ``every`` 1 penalizes each step in one gradient with the pairing loss, as published. A higher
    number is lazy: the penalties get a phase of their own every so many steps, weighted by as much
    (Karras et al. 2020, appendix B), and the pairing loss may then play in low precision.
    """

    every: int = 1

    def phases(self) -> tuple[Phase, ...]:
        """D (with its penalties), then G on the very same fakes."""
        maker = Phase(("G",), self.g_loss)
        if self.every <= 1:
            return Phase(("D",), self.penalized, exact=True), maker
        lazy = Phase(("D",), self.slopes, Every(self.every), exact=True)
        return Phase(("D",), self.d_loss), lazy, maker

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Every real picture should be ahead of its fake."""
        real, fake = game.d_pictures(batch)
        on_real, on_fake = (
            game.discriminate(real, batch.labels),
            game.discriminate(fake, batch.labels),
        )
        _tell(game, on_real, on_fake)
        return Terms(adversarial=paired(on_real, on_fake))

    def penalized(self, game: Game, batch: Batch) -> Terms:
        """The pairing loss and both penalties, from the same two passes of D."""
        real, fake = self._pair(game, batch)
        on_real, on_fake = (
            game.discriminate(real, batch.labels),
            game.discriminate(fake, batch.labels),
        )
        _tell(game, on_real, on_fake)
        half = game.now["gamma"] / 2
        return Terms(
            adversarial=paired(on_real, on_fake),
            r1=half * squared_slope(on_real, real),
            r2=half * squared_slope(on_fake, fake),
        )

    def slopes(self, game: Game, batch: Batch) -> Terms:
        """Both penalties alone, weighted for the steps in which they do not play."""
        real, fake = self._pair(game, batch)
        half = game.now["gamma"] / 2 * self.every
        return Terms(
            r1=half * squared_slope(game.discriminate(real, batch.labels), real),
            r2=half * squared_slope(game.discriminate(fake, batch.labels), fake),
        )

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Every fake should be ahead of its real picture."""
        real = game.augment(batch.images, batch.noise("maker/real"))
        fake = game.g_pictures(batch)
        on_real, on_fake = (
            game.discriminate(real, batch.labels),
            game.discriminate(fake, batch.labels),
        )
        return Terms(adversarial=paired(on_fake, on_real))

    def _pair(self, game: Game, batch: Batch) -> tuple[Tensor, Tensor]:
        """Real and fake pictures as D sees them, as leaves whose gradient can be asked for."""
        real, fake = game.d_pictures(batch)
        return real.detach().requires_grad_(), fake.detach().requires_grad_()


def _tell(game: Game, on_real: Tensor, on_fake: Tensor) -> None:
    """The share of pairs in which D is right, and how far apart its logits are."""
    apart = (on_real - on_fake).detach()
    game.facts["D(right)"] = float((apart > 0).float().mean())
    game.facts["D(apart)"] = float(apart.mean())
