"""The first GAN: fully connected networks, no convolution at all.

Goodfellow et al. 2014, "Generative adversarial nets" (algorithm 1; the non-saturating loss of
section 3), with the widths of a plain face GAN at 64 px: G 100-256-512-1024-1024-pixels, D
pixels-256-512-1, no normalization, Adam 2e-4 with beta1 0.5. G's first weights are those of He et
al. 2015, without which it draws one mean picture for long.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.mlp import MLPDiscriminator, MLPGenerator
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
) -> Recipe:
    """Grainy pictures, quickly: the yardstick for everything that came later.

    ``width`` is that of the first layers, 2 to 4 times as much behind them; 0 is 256, and 128 up
    to 32 px. ``rate`` is G's, and ``faster`` times that is D's: 0 is 2e-4 for both, and up to
    32 px 1e-4 with a D three times as fast, without which G draws one picture in many colors.
    """
    small = size <= 32
    width = width or (128 if small else 256)
    rate, faster = rate or (1e-4 if small else 2e-4), faster or (3.0 if small else 1.0)
    return Recipe(
        name="mlp-gan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": MLPGenerator(dims=dims, widths=(width, 2 * width, 4 * width, 4 * width)),
            "D": MLPDiscriminator(widths=(width, 2 * width)),
        },
        prior=Normal(dims),
        objective=TwoPlayer(),
        optimizers={"G": Adam(rate=Constant(rate)), "D": Adam(rate=Constant(faster * rate))},
        values={"ema": Constant(10_000)},
        batch=64,
    )
