"""D rebuilds pictures instead of judging them, and a feedback number keeps the two in balance.

Berthelot, Schumm & Metz 2017, "BEGAN: boundary equilibrium generative adversarial networks"
(sections 3.3 and 3.4; gamma 0.5, lambda 0.001, Adam 1e-4, batch 16).
"""

from __future__ import annotations

from lookalike.parts.autoencoders import Autoencoder, DecoderGenerator
from lookalike.parts.began import BEGAN, Balance, Likeness
from lookalike.parts.optimizers import Adam
from lookalike.parts.priors import Uniform
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
    gamma: float = 0.5,
    balance: float = 0.001,
    structure: float = 0.0,
    rate: float = 2e-4,
) -> Recipe:
    """``gamma`` trades variety (high) for quality (low); ``structure`` 1 rebuilds by MS-SSIM.

    The paper's networks have ``width`` 128 and a rate of 1e-4; narrow ones bear 2e-4. 0 is 32,
    and 16 up to 32 px.
    """
    width = width or (16 if size <= 32 else 32)
    player = Adam(rate=Decay(value=rate, end_value=rate / 10))
    return Recipe(
        name="began",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DecoderGenerator(inputs=dims, width=width),
            "D": Autoencoder(embedding=dims, width=width),
        },
        prior=Uniform(dims),
        objective=BEGAN(likeness=Likeness(structure=structure), gamma=gamma),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(5_000), "k": Balance(gamma=gamma, rate=balance)},
        batch=16,
    )
