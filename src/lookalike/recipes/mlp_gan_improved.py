"""The fully connected GAN with dropout in D, a leaky G and random one-sided label smoothing.

Goodfellow et al. 2014, algorithm 1, with tricks of Salimans et al. 2016, section 3.4: D's target
for each real picture is drawn from [0.7, 1.2], where a target above 1 counts as 1 (cross-entropy
against more than 1 has no lower bound); G's own target stays 1.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.mlp import MLPDiscriminator, MLPGenerator
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe

SIZES = (8, 16, 28, 32, 64, 128)
RECTANGLES = True
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 100,
    rate: float = 0.0,
    faster: float = 0.0,
    dropout: float = 0.1,
    low: float = 0.7,
    high: float = 1.2,
    flips: float = 0.0,
    noisy: float = 0.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``flips`` is the share of samples with a flipped label, ``noisy`` that of whole steps.

    ``instance_noise`` is the standard deviation of the noise on what D sees; it falls to 0.
    ``width`` is that of the first layers, 2 to 4 times as much behind them; 0 is 256, and 128 up
    to 32 px. ``rate`` is G's, and ``faster`` times that is D's: 0 is 2e-4 for both, and up to
    32 px 1e-4 with a D three times as fast, without which G draws one picture in many colors.
    """
    small = size <= 32
    width = width or (128 if small else 256)
    rate, faster = rate or (1e-4 if small else 2e-4), faster or (3.0 if small else 1.0)
    return Recipe(
        name="mlp-gan-improved",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": MLPGenerator(
                dims=dims, widths=(width, 2 * width, 4 * width, 4 * width), slope=0.01
            ),
            "D": MLPDiscriminator(widths=(width, 2 * width), dropout=dropout),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=NonSaturatingLoss(real_low=low, real_high=high, flips=flips)),
        optimizers={"G": Adam(rate=Constant(rate)), "D": Adam(rate=Constant(faster * rate))},
        values=tricks(ema=10_000, instance_noise=instance_noise, noisy=noisy),
        batch=64,
    )
