"""Residual networks, spectral normalisation in D, hinge loss; labels by projection.

Miyato et al. 2018, "Spectral normalization for generative adversarial networks" (equations 16 and
17; figure 8; betas 0 and 0.9, rate 2e-4), Miyato & Koyama 2018 (section 3) for labels. One critic
step, with D's rate four times G's in the place of five steps (Heusel et al. 2017).
"""

from __future__ import annotations

from lookalike.parts.feedback import tricks
from lookalike.parts.optimizers import Adam
from lookalike.parts.priors import Normal
from lookalike.parts.resnets import ResidualDiscriminator, ResidualGenerator
from lookalike.parts.rules import Hinge
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
    dims: int = 128,
    rate: float = 0.0,
    faster: float = 4.0,
    critic_steps: int = 1,
    lecam: float = 0.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``faster`` times G's rate is D's; ``critic_steps=5 faster=1 rate=2e-4`` is the paper's.

    A ``rate`` of 0 is 1e-4, and 2.5e-4 for the narrow networks at 32 px.
    """
    small = size <= 32
    width = width or (16 if small else max(16, min(32, 2048 // size)))
    rate = rate or (2.5e-4 if small else 1e-4)
    return Recipe(
        name="sngan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": ResidualGenerator(dims=dims, width=width),
            "D": ResidualDiscriminator(width=width),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=Hinge(), maker_turn=Every(critic_steps), lecam=lecam),
        optimizers={
            "G": Adam(rate=Constant(rate), betas=(0.0, 0.9)),
            "D": Adam(rate=Constant(faster * rate), betas=(0.0, 0.9)),
        },
        values={
            "ema": Constant(10_000),
            **tricks(instance_noise=instance_noise, lecam=lecam > 0),
        },
        batch=16 if small else 64,
    )
