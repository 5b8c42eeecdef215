"""Least squares GAN: D and G pull the logits to 0 and 1 instead of past a threshold.

Mao et al. 2017, "Least squares generative adversarial networks" (equation 9: targets 0, 1 and 1),
with 5x5 strided networks as in its figure 1.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import LeastSquaresLoss
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.blocks import doublings
from lookalike.parts.networks.strided import StridedDiscriminator, StridedGenerator
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
    rate: float = 2e-4,
    critic_steps: int = 1,
    minibatch: int = 0,
    dropout: float = 0.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``width`` maps at 4x4 (0: 256, and 128 at 32 px), halved at each doubling."""
    count = doublings(size)
    width = width or min(256, 4 * size)
    widths = tuple(max(width >> k, 16) for k in range(count))
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="lsgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StridedGenerator(dims=dims, widths=widths, strides=(2,) * count),
            "D": StridedDiscriminator(
                widths=widths[::-1], strides=(2,) * count, minibatch=minibatch, dropout=dropout
            ),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=LeastSquaresLoss(), maker_turn=Every(critic_steps)),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise),
        batch=16 if size <= 32 else 64,
    )
