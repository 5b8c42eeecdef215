"""A GAN whose codes stay readable: categories and continuous codes that change one thing each.

Chen et al. 2016, "InfoGAN: interpretable representation learning by information maximizing
generative adversarial nets" (equations 5 and 6). Convolutions after Radford et al. 2016; Gaussian
noise on what D sees (Sonderby et al. 2017, section 3) fades until half of the budget.
"""

from __future__ import annotations

from lookalike.parts.codes import Codes
from lookalike.parts.information import InfoGAN
from lookalike.parts.optimizers import Adam
from lookalike.parts.schedules import Constant, Linear
from lookalike.parts.trunks import GrownGenerator, TwoHeadedDiscriminator
from lookalike.recipe import Recipe

SIZES = (28, 32, 64, 128)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 32,
    dims: int = 62,
    categories: tuple[int, ...] = (10,),
    continuous: int = 2,
    categorical_weight: float = 1.0,
    continuous_weight: float = 0.1,
    apart: bool = False,
    instance_noise: float = 1 / 15,
    dropout: float = 0.25,
    rate: float = 2e-4,
    generator_rate: float = 1e-3,
) -> Recipe:
    """``categories`` lists the sizes of the categorical codes, ``continuous`` counts the others.

    ``apart`` gives the codes a step of their own; ``instance_noise`` is the first
    deviation of the noise. The two rates are the paper's (appendix C.1).
    """
    prior = Codes(dims=dims, categories=tuple(categories), continuous=continuous)
    return Recipe(
        name="infogan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": GrownGenerator(inputs=prior.width, width=width),
            "D": TwoHeadedDiscriminator(codes=prior.codes, width=width, dropout=dropout),
        },
        prior=prior,
        objective=InfoGAN(
            prior=prior,
            categorical=categorical_weight,
            continuous=continuous_weight,
            apart=apart,
        ),
        optimizers={
            "G": Adam(rate=Constant(generator_rate)),
            "D": Adam(rate=Constant(rate)),
        },
        values={
            "ema": Constant(10_000),
            "instance_noise": Linear(start_value=instance_noise, end_value=0.0, end=0.5),
        },
        batch=64,
    )
