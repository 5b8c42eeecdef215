"""The classic convolutional GAN, 32 to 256 px, 1 or 3 channels.

Radford, Metz & Chintala 2016, "Unsupervised representation learning with deep convolutional
generative adversarial networks" (architecture guidelines in section 3; Adam 2e-4, beta1 0.5).
"""

from __future__ import annotations

from lookalike.parts.adversarial import NonSaturating
from lookalike.parts.classic import ClassicDiscriminator, ClassicGenerator
from lookalike.parts.optimizers import Adam
from lookalike.parts.priors import Normal
from lookalike.parts.schedules import Constant
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 64,
    dims: int = 100,
    rate: float = 2e-4,
    smoothing: float = 1.0,
) -> Recipe:
    """``smoothing`` 0.9 makes D's target for real pictures 0.9 (one-sided)."""
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="dcgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": ClassicGenerator(dims=dims, width=width),
            "D": ClassicDiscriminator(width=width),
        },
        prior=Normal(dims),
        objective=NonSaturating(real_target=smoothing),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(10_000)},
        batch=64,
    )
