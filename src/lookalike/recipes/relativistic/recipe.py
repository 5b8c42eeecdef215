"""Each fake is paired with a real picture; slope penalties on both sides do without tricks.

Huang et al. 2024, "The GAN is dead; long live the GAN! A modern baseline GAN" (R3GAN; equations 2
to 4, section 4 for the networks, table 8 for the numbers: gamma falls, the rate falls).
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant, Cosine
from lookalike.recipe import Recipe
from lookalike.recipes.relativistic.networks import R3GANDiscriminator, R3GANGenerator
from lookalike.recipes.relativistic.objective import RelativisticObjective

SIZES = (32, 64, 128, 256)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    most: int = 256,
    blocks: int = 1,
    dims: int = 64,
    gamma: float | None = None,
    every: int = 4,
    rate: float = 0.0,
    augment: float | None = None,
) -> Recipe:
    """``gamma`` weighs the slope penalties and falls to a tenth; they play ``every`` so
    many steps with so many times the weight (1 as published: twice as slow a step).

    ``augment`` is the share of pictures that D sees changed. ``width`` 0 is 16 maps at full size,
    in a batch of 32, and half of each at 32 px. The published networks have two ``blocks`` a side,
    768 maps and a rate of 2e-4 at batch 256. Left out are a ``gamma`` of 2, a ``rate`` of 5e-4 and
    an ``augment`` of 0.5; the small networks at 32 px learn sooner with 0.5, 5e-3 and 0.
    """
    small = size <= 32
    width, rate = width or (8 if small else 16), rate or (5e-3 if small else 5e-4)
    gamma = (0.5 if small else 2.0) if gamma is None else gamma
    augment = (0.0 if small else 0.5) if augment is None else augment
    player = Adam(rate=Cosine(peak=rate, end_value=rate / 4), betas=(0.0, 0.99))
    shape = {"width": width, "most": most, "blocks": blocks, "dims": dims}
    return Recipe(
        name="relativistic",
        size=size,
        channels=channels,
        labels=labels,
        networks={"G": R3GANGenerator(**shape), "D": R3GANDiscriminator(**shape)},
        prior=Normal(dims),
        objective=RelativisticObjective(every=every),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(10_000), "gamma": Cosine(peak=gamma, end_value=gamma / 10)},
        augment=Augmentation(chance=augment),
        batch=min(32, size // 2),
    )
