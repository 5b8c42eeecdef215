"""For a few hundred pictures: early maps gate late ones in G, and D learns to rebuild what it sees.

Liu et al. 2021, "Towards faster and stabilized GAN training for high-fidelity few-shot image
synthesis" (FastGAN, equations 1 to 5), with the augmentation of Zhao et al. 2020.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.networks.fastgan import FastGANGenerator
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.recipes.fastgan.networks import FastGANDiscriminator
from lookalike.recipes.fastgan.objective import FastGANObjective

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    most: int = 256,
    dims: int = 64,
    rebuilt: float = 1.0,
    augment: float = 0.5,
    rate: float = 0.0,
) -> Recipe:
    """``width`` counts the maps at full size; ``augment`` is the share of changed pictures.

    ``width`` 0 is 16, and 8 at 32 px; ``rate`` 0 is 2e-4, and 1e-3 for those narrow networks.
    The published networks have a ``width`` of 128 at 256 px, 256 columns of z, and batch 8, and all
    pictures are changed (``augment=1``).
    """
    width = width or (8 if size <= 32 else 16)
    player = Adam(rate=Constant(rate or (1e-3 if size <= 32 else 2e-4)))
    return Recipe(
        name="fastgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": FastGANGenerator(dims=dims, width=width, most=most),
            "D": FastGANDiscriminator(width=width, most=most),
        },
        prior=Normal(dims),
        objective=FastGANObjective(rebuilt=rebuilt),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(5_000)},
        augment=Augmentation(chance=augment),
        batch=16,
    )
