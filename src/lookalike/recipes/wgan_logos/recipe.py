"""Wasserstein GAN of the logo makers: 5x5 kernels, uniform z, five critic steps on one z.

Arjovsky et al. 2017, algorithm 1 (clipping to 0.01), as a public logo GAN used it: RMSprop 2e-4
and the same z for five critic steps and the one of G. A step takes five batches of pictures.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Uniform
from lookalike.parts.losses.base import Clip
from lookalike.parts.networks.blocks import doublings
from lookalike.parts.networks.strided import StridedDiscriminator, StridedGenerator
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import RMSprop
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.recipes.wgan_logos.objective import SharedNoiseObjective

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 128,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 100,
    rate: float = 0.0,
    critic_steps: int = 5,
    clip: float = 0.01,
    per_step: int = 0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``width`` maps at the smallest; ``per_step`` pictures in each of the ``critic_steps``.

    0 is 512 maps and 64 pictures from 128 px on, half of each at 64 px, and a quarter at 32 px.
    A ``rate`` of 0 is 2e-4, and 5e-4 at 32 px.
    """
    width, per_step = width or min(512, 4 * size), per_step or min(64, size // 2)
    count = doublings(size)
    widths = tuple(max(width >> k, 8) for k in range(max(count, 4)))
    player = RMSprop(rate=Constant(rate or (5e-4 if size <= 32 else 2e-4)))
    return Recipe(
        name="wgan-logos",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StridedGenerator(dims=dims, widths=widths[:count], strides=(2,) * count),
            "D": StridedDiscriminator(widths=widths[3::-1]),
        },
        prior=Uniform(dims),
        objective=SharedNoiseObjective(steps=critic_steps, after=Clip(clip)),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(10_000), **tricks(instance_noise=instance_noise)},
        batch=per_step * critic_steps,
    )
