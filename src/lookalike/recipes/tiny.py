"""A DCGAN small enough for tests and first tries: seconds, not minutes.

The networks of Radford et al. 2016 at an eighth of their width.
"""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.losses.base import Objective, Phase
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe

SIZES = (8, 16, 32, 64)
RECTANGLES = True
LABELS = "optional"


@dataclass(frozen=True, kw_only=True)
class TinyObjective(Objective):
    """Goodfellow et al. 2014: D minimizes cross-entropy, G maximizes log D(G(z)).

    ``real_target`` below 1 is one-sided label smoothing (Salimans et al. 2016, section 3.4); it
    applies to D only.
    """

    real_target: float = 1.0
    fake_target: float = 0.0

    def phases(self) -> tuple[Phase, ...]:
        """D on a real and a fake batch, then G on the very same fakes."""
        real, fake = self.real_target, self.fake_target
        rule = NonSaturatingLoss(real_low=real, real_high=real, fake_low=fake, fake_high=fake)
        return TwoPlayer(rule=rule).phases()


def recipe(size: int = 32, channels: int = 3, labels: int = 0, width: int = 8) -> Recipe:
    """A recipe for trying things out; its pictures are blobs."""
    player = Adam(rate=Constant(1e-3))
    return Recipe(
        name="tiny",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DCGANGenerator(dims=16, width=width, most=64),
            "D": DCGANDiscriminator(width=width, most=64),
        },
        prior=Normal(16),
        objective=TinyObjective(),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(1_000)},
        batch=16,
        images=3_200,
    )
