"""Class-conditional GAN whose D also names the class: ask for a class and get it.

Odena, Olah & Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs" (equations
2 and 3), with 4x4 strided networks. The first ``classes`` label columns are one choice, further
columns are attributes of their own. D learns the classes from real pictures alone, unlike in
equation 2: taught by fakes as well, it read in them what an independent network could not.
"""

from __future__ import annotations

from typing import Literal

from lookalike.errors import RecipeError
from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import SMOOTHING
from lookalike.parts.losses.class_losses import AuxiliaryClassifierObjective
from lookalike.parts.networks.strided import (
    StridedDiscriminator,
    StridedGenerator,
    halving_strides,
)
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Every
from lookalike.recipe import Recipe

SIZES = (28, 32, 64, 128)
LABELS = "required"


def recipe(
    size: int = 32,
    channels: int = 3,
    labels: int = 0,
    classes: int | None = None,
    width: int = 32,
    dims: int = 100,
    rate: float = 4e-4,
    generator_rate: float = 1e-3,
    on_fakes: float = 0.0,
    smoothing: Literal["none", "one-sided", "two-sided"] = "none",
    critic_steps: int = 1,
    minibatch: int = 0,
    dropout: float = 0.3,
    noisy: float = 0.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``classes`` is how many label columns are one choice: those of the pack, else all.

    ``on_fakes`` is the weight by which D also learns the classes of fakes; 1 is the paper's game.
    """
    if labels < 1:
        raise RecipeError(
            "acgan learns to draw labels, and there are none. Train it on a pack with classes or "
            "attributes, or use a recipe without labels, such as dcgan."
        )
    strides = halving_strides(size)
    widths = tuple(min(256, width << k) for k in range(len(strides)))
    return Recipe(
        name="acgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StridedGenerator(dims=dims, widths=widths[::-1], strides=strides, kernel=4),
            "D": StridedDiscriminator(
                widths=widths,
                strides=strides,
                kernel=4,
                classify=True,
                minibatch=minibatch,
                dropout=dropout,
            ),
        },
        prior=Normal(dims),
        objective=AuxiliaryClassifierObjective(
            classes=labels if classes is None else classes,
            on_fakes=on_fakes,
            rule=SMOOTHING[smoothing],
            maker_turn=Every(critic_steps),
        ),
        optimizers={
            "G": Adam(rate=Constant(generator_rate)),
            "D": Adam(rate=Constant(rate)),
        },
        values=tricks(ema=10_000, instance_noise=instance_noise, noisy=noisy),
        batch=32,
    )
