"""Styles at every scale: a mapping network, modulated convolutions, augmentation that adapts.

Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" (StyleGAN2), with the
adaptive augmentation of Karras et al. 2020, "Training generative adversarial networks with limited
data" (section 3); the weight of R1 follows the latter's rule 0.0002 size^2 / batch.
"""

from __future__ import annotations

from lookalike.parts.augmentation import Augmentation
from lookalike.parts.priors import Normal
from lookalike.parts.regularizers import PathMean, SignStatistic, lazy_adam, path_weight
from lookalike.parts.schedules import Constant
from lookalike.parts.style import StyleDiscriminator, StylePlan
from lookalike.parts.styled import Styled
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
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
    mixing: float = 0.9,
    target: float = 0.6,
    slopes_every: int = 16,
    lengths_every: int = 8,
    rate: float = 2.5e-3,
    batch: int = 0,
) -> Recipe:
    """``width`` maps at full size, at most ``most``; ``code`` columns of w, ``depth`` layers to it.
    0 is 16, at most 128, in a batch of 32, and half of each at 32 px.

    ``r1`` and ``path`` weigh the regularisers (left out: by the papers' rules for this size);
    ``target`` is the sign statistic that the adaptive augmentation holds.
    """
    half = 2 if size <= 32 else 1
    width, most, batch = width or 16 // half, most or 128 // half, batch or 32 // half
    slope = 0.0002 * size**2 / batch if r1 is None else r1
    length = path_weight(size) if path is None else path
    shape = {"width": width, "most": most, "code": code}
    return Recipe(
        name="stylegan2",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StylePlan(**shape, dims=dims, depth=depth),
            "D": StyleDiscriminator(**shape),
        },
        prior=Normal(dims),
        objective=Styled(mixing=mixing, slopes_every=slopes_every, lengths_every=lengths_every),
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
