"""Wasserstein GAN with clipped weights: three critic steps for each of G, RMSprop.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN" (algorithm 1: weights clipped to 0.01, RMSprop
5e-5), with three critic steps and the classic networks, minibatch discrimination included.
"""

from __future__ import annotations

from lookalike.parts.classic import ClassicDiscriminator, ClassicGenerator
from lookalike.parts.feedback import tricks
from lookalike.parts.objectives import Clip
from lookalike.parts.optimizers import RMSprop
from lookalike.parts.priors import Normal
from lookalike.parts.rules import Wasserstein
from lookalike.parts.schedules import Constant
from lookalike.parts.turns import Every
from lookalike.parts.twoplayer import TwoPlayer

from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
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
            "G": ClassicGenerator(dims=dims, width=width),
            "D": ClassicDiscriminator(width=width, minibatch=maps),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=Wasserstein(), maker_turn=Every(critic_steps), after=Clip(clip)),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(10_000), **tricks(instance_noise=instance_noise)},
        batch=32,
    )
