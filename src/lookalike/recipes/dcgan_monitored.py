"""DCGAN with minibatch discrimination and smoothed labels; D steps only while it lags behind G.

Radford et al. 2016 (networks), Salimans et al. 2016, sections 3.2 and 3.4 (minibatch
discrimination, smoothing), and the monitored training of a Pokemon DCGAN: D computes its loss in
every step and moves only if that is above 0.8 times G's loss of the step before.
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
from lookalike.parts.training.triggers import Gate
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
    rate: float = 1.5e-4,
    threshold: float = 0.8,
    smoothing: Literal["none", "one-sided", "two-sided"] = "two-sided",
    minibatch: int | None = None,
    dropout: float = 0.0,
    noisy: float = 0.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``threshold`` is the share of G's loss above which D moves; ``minibatch`` 0 leaves it out."""
    width = width or (32 if size <= 32 else min(128, 8192 // size))
    maps = (2 if size <= 64 else 4) if minibatch is None else minibatch
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="dcgan-monitored",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DCGANGenerator(dims=dims, width=width),
            "D": DCGANDiscriminator(width=width, minibatch=maps, dropout=dropout),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=SMOOTHING[smoothing], critic_turn=Gate("G", threshold)),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise, noisy=noisy),
        batch=32,
    )
