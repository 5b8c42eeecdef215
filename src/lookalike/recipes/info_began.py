"""BEGAN with codes that steer the picture, and a predictor that finds the z of a real photo.

Berthelot, Schumm & Metz 2017, "BEGAN" (sections 3.3 and 3.4), with the code terms of Chen et al.
2016, "InfoGAN" (equation 6). In the last part of the budget D and G rest and the noise predictor
N learns on real pictures, with G frozen.
"""

from __future__ import annotations

from lookalike.parts.autoencoders import Autoencoder, DecoderGenerator, NoisePredictor
from lookalike.parts.began import Balance, InfoBEGAN, Likeness
from lookalike.parts.codes import Codes
from lookalike.parts.optimizers import Adam
from lookalike.parts.schedules import Constant, Decay
from lookalike.recipe import Recipe

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
    gamma: float = 0.5,
    balance: float = 0.001,
    structure: float = 1.0,
    information: float = 0.1,
    share: float = 0.75,
    rate: float = 2e-4,
    predictor_rate: float = 2e-3,
) -> Recipe:
    """``codes`` counts the codes in [-1, 1]; N learns after ``share`` of the budget.

    ``structure`` 1 rebuilds by MS-SSIM, 0 by absolute error. The widest published networks have
    ``width`` 128 and a rate of 1e-4; 0 is 32, and 16 up to 32 px.
    """
    width = width or (16 if size <= 32 else 32)
    prior = Codes(dims=dims, continuous=codes, uniform=True)
    player = Adam(rate=Decay(value=rate, end_value=rate / 10, begin=share / 2))
    return Recipe(
        name="info-began",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DecoderGenerator(inputs=prior.width, width=width),
            "D": Autoencoder(embedding=dims, width=width, codes=codes),
            "N": NoisePredictor(noise=dims, codes=codes, embedding=dims, width=width),
        },
        prior=prior,
        objective=InfoBEGAN(
            prior=prior,
            likeness=Likeness(structure=structure),
            gamma=gamma,
            information=information,
            share=share,
        ),
        optimizers={
            "G": player,
            "D": player,
            "N": Adam(rate=Decay(value=predictor_rate, end_value=predictor_rate / 10, begin=share)),
        },
        values={"ema": Constant(5_000), "k": Balance(gamma=gamma, rate=balance)},
        batch=16,
    )
