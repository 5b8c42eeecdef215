"""A DCGAN small enough for tests and first tries: seconds, not minutes.

The networks of Radford et al. 2016 at an eighth of their width.
"""

from __future__ import annotations

from lookalike.parts.adversarial import NonSaturating
from lookalike.parts.classic import ClassicDiscriminator, ClassicGenerator
from lookalike.parts.optimizers import Adam
from lookalike.parts.priors import Normal
from lookalike.parts.schedules import Constant

from lookalike.recipe import Recipe

SIZES = (8, 16, 32, 64)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(size: int = 32, channels: int = 3, labels: int = 0, width: int = 8) -> Recipe:
    """A recipe for trying things out; its pictures are blobs."""
    player = Adam(rate=Constant(1e-3))
    return Recipe(
        name="tiny",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": ClassicGenerator(dims=16, width=width, most=64),
            "D": ClassicDiscriminator(width=width, most=64),
        },
        prior=Normal(16),
        objective=NonSaturating(),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(1_000)},
        batch=16,
        images=3_200,
    )
