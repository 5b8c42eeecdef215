"""Two stages in one run: small pictures first, then a second network draws them large.

Zhang et al. 2017, "StackGAN: text to photo-realistic image synthesis with stacked generative
adversarial networks" (section 3), conditioned on class or attribute labels where there are any.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.networks.dcgan import DCGANDiscriminator
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.recipes.stackgan.networks import ShrunkPictures, StackedGenerator
from lookalike.recipes.stackgan.objective import StackGANObjective

SIZES = (32, 64, 128, 256)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 16,
    first_width: int = 32,
    dims: int = 100,
    times: int = 0,
    share: float = 0.5,
    smoothing: float = 0.9,
    rate: float = 2e-4,
) -> Recipe:
    """Stage I draws ``times`` smaller (0: 2 up to 64 px, 4 above) for ``share`` of the budget.

    ``width`` counts stage II's maps at full size, ``first_width`` stage I's at half its size.
    """
    times = times or (2 if size <= 64 else 4)
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="stackgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StackedGenerator(dims=dims, width=width, first_width=first_width, times=times),
            "C": ShrunkPictures(of=DCGANDiscriminator(width=first_width), times=times),
            "D": DCGANDiscriminator(width=2 * width),
        },
        prior=Normal(dims),
        objective=StackGANObjective(
            share=share,
            times=times,
            rule=NonSaturatingLoss(real_low=smoothing, real_high=smoothing),
        ),
        optimizers={"G": player, "C": player, "D": player},
        values={"ema": Constant(10_000)},
        batch=16 if size <= 32 else 64,
    )
