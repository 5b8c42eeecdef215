"""A DCGAN small enough for tests and first tries: seconds, not minutes.

The networks of Radford et al. 2016 at an eighth of their width.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.recipes.tiny.objective import TinyObjective

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
            "G": DCGANGenerator(dims=16, width=width, most=64),
            "D": DCGANDiscriminator(width=width, most=64),
        },
        prior=Normal(16),
        objective=TinyObjective(),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(1_000)},
        batch=16,
        images=3_200,
    )
