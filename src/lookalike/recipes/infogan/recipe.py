"""A GAN whose codes stay readable: categories and continuous codes that change one thing each.

Chen et al. 2016, "InfoGAN: interpretable representation learning by information maximizing
generative adversarial nets" (equations 5 and 6). Convolutions after Radford et al. 2016; Gaussian
noise on what D sees (Sonderby et al. 2017, section 3) fades once G plays. With ``alike`` (the
default at 28 px) categories are kept to what real pictures show by asking for the same of two
changed copies (Ojha et al. 2020, "Elastic-InfoGAN"); D learns that alone before G begins.
"""

from __future__ import annotations

from lookalike.parts.latents.codes import Codes
from lookalike.parts.losses.consistency import Consistency
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant, Linear
from lookalike.recipe import Recipe
from lookalike.recipes.infogan.networks import GrownGenerator, TwoHeadedDiscriminator
from lookalike.recipes.infogan.objective import InfoGANObjective

SIZES = (28, 32, 64, 128)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 24,
    dims: int = 62,
    categories: tuple[int, ...] = (10,),
    continuous: int = 2,
    categorical_weight: float = 1.0,
    continuous_weight: float = 0.1,
    apart: bool = False,
    alike: bool | None = None,
    opening: float | None = None,
    instance_noise: float = 1 / 15,
    dropout: float = 0.0,
    rate: float = 5e-4,
    opening_rate: float = 2e-3,
    generator_rate: float = 1e-3,
) -> Recipe:
    """``categories`` lists the sizes of the categorical codes, ``continuous`` counts the others.

    ``apart`` gives the codes a step of their own; ``instance_noise`` is the first deviation of the
    noise. ``alike`` compares changed copies of real pictures, so that the codes come to name
    classes; D does so alone until ``opening``, a share of the budget (None is half at 28 px, and a
    quarter above). None compares at 28 px, where it was measured, and not above, where G needs the
    steps. D's ``rate`` ends as said and begins with ``opening_rate`` where it is alone; the paper's
    is 2e-4 (appendix C.1).
    """
    digits = size <= 28
    opening = (0.5 if digits else 0.25) if opening is None else opening
    alike = digits if alike is None else alike
    prior = Codes(dims=dims, categories=tuple(categories), continuous=continuous)
    copies = Consistency(opening=opening) if alike and categories else None
    wait = 0.0 if copies is None else opening
    learning = Linear(start_value=opening_rate, end_value=rate, begin=0.8 * wait, end=wait)
    return Recipe(
        name="infogan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": GrownGenerator(inputs=prior.width, width=width),
            "D": TwoHeadedDiscriminator(
                codes=prior.codes, width=width, dropout=dropout, views=0 if copies is None else 32
            ),
        },
        prior=prior,
        objective=InfoGANObjective(
            prior=prior,
            categorical=categorical_weight,
            continuous=continuous_weight,
            apart=apart,
            alike=copies,
        ),
        optimizers={
            "G": Adam(rate=Constant(generator_rate)),
            "D": Adam(rate=learning if wait else Constant(rate)),
        },
        values={
            "ema": Constant(10_000),
            "instance_noise": Linear(
                start_value=instance_noise, end_value=0.0, begin=wait, end=(1 + wait) / 2
            ),
        },
        batch=128 if digits else 64,
    )
