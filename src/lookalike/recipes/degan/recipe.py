"""DEGAN: an autoencoder learns first; then G draws from codes of decoded noise, Enc(Dec(z)).

Zhong et al. 2020, "Generative adversarial networks with decoder-encoder output noise" (the noise
of section 3); the autoencoder is variational (Kingma & Welling 2014) and frozen after ``pretrain``
of the budget. The game is Goodfellow et al. 2014, equation 1, with 5x5 strided networks.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.strided import (
    StridedDiscriminator,
    StridedGenerator,
    halving_strides,
)
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.recipes.degan.networks import DecodedGenerator
from lookalike.recipes.degan.objective import DEGANObjective

SIZES = (28, 32, 64, 128)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 32,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 100,
    rate: float = 2e-4,
    pretrain: float = 0.2,
    kl: float = 1.0,
    smoothing: float = 1.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``kl`` 0 makes it a plain autoencoder; ``pretrain`` is the share of the budget it takes.

    ``width`` 0 is 64, and 32 at 32 px.
    """
    width = width or (32 if size == 32 else 64)
    strides = halving_strides(size)
    widths = tuple(min(256, width << k) for k in range(len(strides)))
    player = Adam(rate=Constant(rate))
    body = StridedGenerator(dims=dims, widths=widths[::-1], strides=strides)
    return Recipe(
        name="degan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DecodedGenerator(body=body),
            "D": StridedDiscriminator(widths=widths, strides=strides),
        },
        prior=Normal(dims),
        objective=DEGANObjective(
            pretrain=pretrain,
            kl=kl,
            game=TwoPlayer(rule=NonSaturatingLoss(real_low=smoothing, real_high=smoothing)),
        ),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(10_000), **tricks(instance_noise=instance_noise)},
        batch=32 if size == 32 else 64,
    )
