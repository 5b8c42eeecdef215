"""BEGAN with codes that steer the picture, and a predictor that finds the z of a real photo.

Berthelot, Schumm & Metz 2017, "BEGAN" (sections 3.3 and 3.4), with the code terms of Chen et al.
2016, "InfoGAN" (equation 6). In the last part of the budget D and G rest and the noise predictor
N learns on real pictures, with G frozen.
"""

from __future__ import annotations

from lookalike.parts.latents.codes import Codes
from lookalike.parts.losses.began import Balance, BoundaryRate, Likeness
from lookalike.parts.networks.autoencoders import Autoencoder, DecoderGenerator
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant, Decay
from lookalike.recipe import Recipe
from lookalike.recipes.info_began.networks import NoisePredictor
from lookalike.recipes.info_began.objective import InfoBEGANObjective

SIZES = (28, 32, 64, 128)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 64,
    codes: int = 2,
    quick: bool | None = None,
    gamma: float = 0.0,
    balance: float = 0.0,
    structure: float | None = None,
    repel: float | None = None,
    information: float = 0.1,
    share: float = 0.75,
    rate: float = 0.0,
    predictor_rate: float = 2e-3,
) -> Recipe:
    """``codes`` counts the codes in [-1, 1]; N learns after ``share`` of the budget.

    ``structure`` 1 rebuilds by MS-SSIM, 0 by absolute error. ``quick`` (left out: up to 32 px) is
    the game for minutes, as in ``began``: absolute error, a ``repel`` of 0.1, and 0 is a ``gamma``
    of 0.9, a ``balance`` of 0.1, a ``rate`` of 3e-3 and a ``width`` of 16. Without it they are
    MS-SSIM, 0, 0.5, 0.001, 2e-4 and 32 (published: 1e-4 at 128).
    """
    game = BoundaryRate.of(
        size, quick, width=width, gamma=gamma, balance=balance, rate=rate, repel=repel
    )
    structure = (0.0 if game.quick else 1.0) if structure is None else structure
    prior = Codes(dims=dims, continuous=codes, uniform=True)
    player = Adam(rate=Decay(value=game.rate, end_value=game.rate / 10, begin=share / 2))
    return Recipe(
        name="info-began",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DecoderGenerator(inputs=prior.width, he=game.quick, **game.shape),
            "D": Autoencoder(embedding=dims, codes=codes, **game.shape),
            "N": NoisePredictor(noise=dims, codes=codes, embedding=dims, **game.shape),
        },
        prior=prior,
        objective=InfoBEGANObjective(
            prior=prior,
            likeness=Likeness(structure=structure),
            gamma=game.gamma,
            information=information,
            share=share,
            repel=game.repel,
        ),
        optimizers={
            "G": player,
            "D": player,
            "N": Adam(rate=Decay(value=predictor_rate, end_value=predictor_rate / 10, begin=share)),
        },
        values={"ema": Constant(5_000), "k": Balance(gamma=game.gamma, rate=game.balance)},
        batch=16,
    )
