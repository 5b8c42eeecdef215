"""Wasserstein GAN with a penalty on the critic's slope, two-sided or one-sided.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs" (equation 3, weight 10; algorithm 1:
Adam with betas 0 and 0.9; no batch normalization in the critic). One-sided: Petzka, Fischer &
Lukovnikov 2018, equation 8. The paper's pace is ``critic_steps=5 rate=1e-4``; here two critic steps
at a higher rate: on a processor it gave pictures where the paper's still gave noise.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import WassersteinLoss
from lookalike.parts.losses.penalties import BetweenSlope
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Every
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
RECTANGLES = True
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 128,
    rate: float = 0.0,
    critic_steps: int = 2,
    penalty: float = 10.0,
    one_sided: bool = False,
    instance_noise: float = 0.0,
) -> Recipe:
    """``one_sided`` punishes only slopes above 1. ``rate`` 0 is 3e-4, and 1e-3 up to 32 px."""
    width = width or min(64, int(size), 4096 // size)
    rate = rate or (1e-3 if size <= 32 else 3e-4)
    player = Adam(rate=Constant(rate), betas=(0.0, 0.9))
    return Recipe(
        name="wgan-gp",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DCGANGenerator(dims=dims, width=width),
            "D": DCGANDiscriminator(width=width, normed=False),
        },
        prior=Normal(dims),
        objective=TwoPlayer(
            rule=WassersteinLoss(),
            penalty=BetweenSlope(weight=penalty, one_sided=one_sided),
            maker_turn=Every(critic_steps),
        ),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise),
        batch=min(64, int(size)),
    )
