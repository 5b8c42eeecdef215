"""DCGAN for larger pictures: ELU, kernels of 4, a first layer without stride, both updated at once.

"HR-DCGAN" for faces, after Curto et al. 2017, "High-resolution deep convolutional generative
adversarial networks" (which uses SELU); the losses are those of Goodfellow et al. 2014, equation 1,
and both players step from one state. At 256 px the narrow networks with strides of 4.
"""

from __future__ import annotations

from lookalike.errors import RecipeError
from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.strided import StridedDiscriminator, StridedGenerator
from lookalike.parts.training.adaptive import BOTH, D_ALONE, G_ALONE, Explicit, tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Always, When
from lookalike.recipe import Recipe

SIZES = (28, 32, 64, 128, 256, 512)
LABELS = "optional"

STRIDES = {
    28: (1, 2, 2),
    32: (1, 2, 2),
    64: (1, 2, 2, 2),
    128: (1, 2, 2, 2, 2),
    256: (1, 4, 4, 2),
    512: (1, 2, 2, 2, 2, 2, 2),
}
"""Of G; D has them the other way round."""

WIDTHS = {
    28: ((256, 128, 64), (64, 128, 256)),
    32: ((128, 64, 32), (32, 64, 128)),
    64: ((256, 128, 64, 32), (32, 64, 128, 256)),
    128: ((256, 128, 64, 32, 16), (16, 32, 64, 128, 256)),
    256: ((256, 128, 32, 8), (8, 32, 128, 256)),
    512: ((512, 256, 128, 64, 32, 16, 8), (16, 32, 64, 128, 256, 512, 1024)),
}
"""Of G, from its first layer on, and of D."""


def recipe(
    size: int = 256,
    channels: int = 1,
    labels: int = 0,
    dims: int = 100,
    rate: float = 2e-4,
    together: bool = True,
    explicit: bool = False,
    smoothing: float = 1.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``together`` updates both from one state; ``explicit`` lets the one that lags play alone.

    ``smoothing`` 0.9 makes D's target for real pictures 0.9 (one-sided).
    """
    if size not in STRIDES:
        raise RecipeError(
            f"hr-dcgan makes pictures of {', '.join(map(str, STRIDES))} px, not {size}. "
            "Prepare the pictures at one of these sizes: lookalike prepare ... --size 64"
        )
    wide, narrow = WIDTHS[size]
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="hr-dcgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StridedGenerator(
                dims=dims, widths=wide, strides=STRIDES[size], kernel=4, elu=True
            ),
            "D": StridedDiscriminator(
                widths=narrow, strides=STRIDES[size][::-1], kernel=4, elu=True, bare_last=True
            ),
        },
        prior=Normal(dims),
        objective=TwoPlayer(
            rule=NonSaturatingLoss(real_low=smoothing, real_high=smoothing),
            together=together,
            critic_turn=When("side", (BOTH, D_ALONE)) if explicit else Always(),
            maker_turn=When("side", (BOTH, G_ALONE)) if explicit else Always(),
        ),
        optimizers={"G": player, "D": player},
        values={
            "ema": Constant(10_000),
            **({"side": Explicit()} if explicit else {}),
            **tricks(instance_noise=instance_noise),
        },
        batch={28: 128, 32: 16, 512: 32}.get(size, 64),
    )
