"""The classic convolutional GAN, 32 to 256 px, 1 or 3 channels.

Radford, Metz & Chintala 2016, "Unsupervised representation learning with deep convolutional
generative adversarial networks" (architecture guidelines in section 3; Adam 2e-4, beta1 0.5).
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Every
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
RECTANGLES = True
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 100,
    rate: float = 2e-4,
    smoothing: float = 1.0,
    flips: float = 0.0,
    noisy: float = 0.0,
    instance_noise: float = 0.0,
    minibatch: int = 0,
    deviation: bool = False,
    dropout: float = 0.0,
    matching: float = 0.0,
    lecam: float = 0.0,
    critic_steps: int = 1,
) -> Recipe:
    """``smoothing`` 0.9 makes D's target for real pictures 0.9 (one-sided).

    ``flips`` and ``noisy`` are the shares of samples and of steps with swapped labels;
    ``instance_noise`` is the first deviation of noise on what D sees; ``minibatch`` counts maps of
    minibatch discrimination, ``deviation`` adds the minibatch deviation; ``matching`` and ``lecam``
    weigh feature matching and LeCam's penalty; ``critic_steps`` is how often D plays for each of G.
    ``width`` 0 is 64, and 32 at 32 px.
    """
    width = width or min(64, int(size))
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="dcgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DCGANGenerator(dims=dims, width=width),
            "D": DCGANDiscriminator(
                width=width, minibatch=minibatch, deviation=deviation, dropout=dropout
            ),
        },
        prior=Normal(dims),
        objective=TwoPlayer(
            rule=NonSaturatingLoss(real_low=smoothing, real_high=smoothing, flips=flips),
            maker_turn=Every(critic_steps),
            matching=matching,
            lecam=lecam,
        ),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise, noisy=noisy, lecam=lecam > 0),
        batch=min(64, int(size)),
    )
