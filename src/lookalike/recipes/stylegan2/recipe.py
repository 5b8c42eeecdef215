"""Styles at every scale: a mapping network, modulated convolutions, augmentation that adapts.

Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" (StyleGAN2), with the
adaptive augmentation of Karras et al. 2020, "Training generative adversarial networks with limited
data" (section 3); the weight of R1 follows the latter's rule 0.0002 size^2 / batch.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Normal
from lookalike.parts.training.adaptive import SignStatistic
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe
from lookalike.recipes.stylegan2.networks import StyleDiscriminator, StyleGeneratorPlan
from lookalike.recipes.stylegan2.objective import (
    PathMean,
    StyleGAN2Objective,
    lazy_adam,
    path_weight,
)

SIZES = (32, 64, 128, 256)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    most: int = 0,
    dims: int = 64,
    code: int = 128,
    depth: int = 4,
    r1: float | None = None,
    path: float | None = None,
    mixing: float | None = None,
    target: float = 0.6,
    slopes_every: int = 16,
    lengths_every: int | None = None,
    rate: float = 0.0,
    batch: int = 0,
) -> Recipe:
    """``width`` maps at full size, at most ``most``; ``code`` columns of w, ``depth`` layers to it.
    0 is 16, at most 128, in a batch of 32, and half of each at 32 px.

    ``r1`` and ``path`` weigh the regularizers (left out: by the papers' rules for this size);
    ``target`` is the sign statistic that the adaptive augmentation holds. As published are a rate
    of 2.5e-3, path lengths every 8 steps (0: never) and 0.9 of the pictures mixed; the small
    networks at 32 px learn sooner with 1e-2, every 16 steps, 0.5 and an ``r1`` of at least 0.3.
    """
    small = size <= 32
    half = 2 if small else 1
    width, most, batch = width or 16 // half, most or 128 // half, batch or 32 // half
    rate = rate or (1e-2 if small else 2.5e-3)
    lengths_every = 8 * half if lengths_every is None else lengths_every
    mixing = (0.5 if small else 0.9) if mixing is None else mixing
    slope = max(0.0002 * size**2 / batch, 0.3 if small else 0.0) if r1 is None else r1
    length = path_weight(size) if path is None else path
    shape = {"width": width, "most": most, "code": code}
    return Recipe(
        name="stylegan2",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StyleGeneratorPlan(**shape, dims=dims, depth=depth),
            "D": StyleDiscriminator(**shape),
        },
        prior=Normal(dims),
        objective=StyleGAN2Objective(
            mixing=mixing, slopes_every=slopes_every, lengths_every=lengths_every
        ),
        optimizers={
            "G": lazy_adam(rate, (0.0, 0.99), lengths_every),
            "D": lazy_adam(rate, (0.0, 0.99), slopes_every),
        },
        values={
            "ema": Constant(10_000),
            "r1": Constant(slope),
            "path_weight": Constant(length),
            "path": PathMean(),
            "augment": SignStatistic(target=target),
        },
        augment=Augmentation(),
        batch=batch,
    )
