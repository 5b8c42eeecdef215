"""Wasserstein GAN with clipped weights: three critic steps for each of G, RMSprop.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN" (algorithm 1: weights clipped to 0.01, RMSprop
5e-5), with three critic steps and the classic networks, minibatch discrimination included.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import WassersteinLoss
from lookalike.parts.losses.base import Clip
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import RMSprop
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
    dims: int = 16,
    rate: float = 0.0,
    critic_steps: int = 3,
    clip: float = 0.01,
    minibatch: int | None = None,
    instance_noise: float = 0.0,
) -> Recipe:
    """``critic_steps`` steps of D for each of G; D's weights stay within ``clip``.

    ``rate`` 0 is 5e-5, and 2e-4 for the narrow networks of 32 px.
    """
    rate = rate or (2e-4 if size <= 32 else 5e-5)
    width = width or (32 if size <= 32 else min(128, 8192 // size))
    maps = (2 if size <= 64 else 4) if minibatch is None else minibatch
    player = RMSprop(rate=Constant(rate))
    return Recipe(
        name="wgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DCGANGenerator(dims=dims, width=width),
            "D": DCGANDiscriminator(width=width, minibatch=maps),
        },
        prior=Normal(dims),
        objective=TwoPlayer(
            rule=WassersteinLoss(), maker_turn=Every(critic_steps), after=Clip(clip)
        ),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise),
        batch=32,
    )
