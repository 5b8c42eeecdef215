"""DCGAN with minibatch discrimination, rare boosts of one player alone, and noisy labels.

Radford et al. 2016 (networks), Salimans et al. 2016, sections 3.2 and 3.4, and the boosted
training of a Pokemon DCGAN: with probability 0.0009 a step begins 100 updates of D alone, with
0.0001 of G alone, and with 0.07 D sees swapped labels. The exact rule is in
objective.py.
"""

from __future__ import annotations

from typing import Literal

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import SMOOTHING
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.recipes.dcgan_boosted.objective import Boost, BoostedObjective

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 16,
    rate: float = 1.5e-4,
    smoothing: Literal["none", "one-sided", "two-sided"] = "two-sided",
    minibatch: int | None = None,
    dropout: float = 0.0,
    noisy: float = 0.07,
    boost_length: int = 100,
    instance_noise: float = 0.0,
) -> Recipe:
    """``noisy`` is the chance of swapped labels, ``boost_length`` the updates in a boost."""
    width = width or (32 if size <= 32 else min(128, 8192 // size))
    maps = (2 if size <= 64 else 4) if minibatch is None else minibatch
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="dcgan-boosted",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DCGANGenerator(dims=dims, width=width),
            "D": DCGANDiscriminator(width=width, minibatch=maps, dropout=dropout),
        },
        prior=Normal(dims),
        objective=BoostedObjective(game=TwoPlayer(rule=SMOOTHING[smoothing])),
        optimizers={"G": player, "D": player},
        values={
            "ema": Constant(10_000),
            "play": Boost(noisy=noisy, length=boost_length),
            **tricks(instance_noise=instance_noise),
        },
        batch=32,
    )
