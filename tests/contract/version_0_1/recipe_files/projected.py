"""D judges frozen pretrained features, mixed at random, at four depths: few pictures go far.

Sauer et al. 2021, "Projected GANs converge faster" (equations 3 and 4, section 3.2; hinge loss,
Adam 2e-4 with beta1 0), with the generator of Liu et al. 2021 (FastGAN) and the augmentation of
Zhao et al. 2020. The features are EfficientNet-Lite0's; without them a Laplacian pyramid is used.
"""

from __future__ import annotations

from lookalike.parts.augmentation import Augmentation
from lookalike.parts.excitation import ExcitedGenerator
from lookalike.parts.features import Pretrained
from lookalike.parts.frozenjudge import FrozenJudge
from lookalike.parts.optimizers import Adam
from lookalike.parts.priors import Normal
from lookalike.parts.rules import Hinge
from lookalike.parts.schedules import Constant
from lookalike.parts.twoplayer import TwoPlayer

from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    head_width: int = 0,
    dims: int = 128,
    look: int = 0,
    augment: float = 1.0,
    rate: float = 0.0,
) -> Recipe:
    """The features see pictures at ``look`` px or their own size, whichever is larger.

    A ``look`` of 256 is the paper's, and costs 16 times as much as 64. ``width`` counts G's maps at
    full size, ``head_width`` those of D's mixing and heads. 0 is a look of 64, a width of 16 and
    64, in a batch of 32; half of each at 32 px. ``rate`` 0 is 2e-4, and 1e-3 at 32 px.
    """
    rate = rate or (1e-3 if size <= 32 else 2e-4)
    half = 2 if size <= 32 else 1
    width, head_width, look = width or 16 // half, head_width or 64 // half, look or 64 // half
    player = Adam(rate=Constant(rate), betas=(0.0, 0.99))
    return Recipe(
        name="projected",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": ExcitedGenerator(dims=dims, width=width),
            "D": FrozenJudge(
                features=Pretrained(taps=(0, 2, 4, 10), size=max(look, size)),
                width=head_width,
                head_width=head_width,
            ),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=Hinge()),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(5_000)},
        augment=Augmentation(chance=augment),
        batch=32 // half,
    )
