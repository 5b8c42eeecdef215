"""Semi-supervised GAN: few labels, many pictures; D learns to name classes while it plays.

Salimans et al. 2016, "Improved techniques for training GANs" (section 5: K + 1 outputs; section
3.1: feature matching for G). ``labelled`` pictures of each class show their label; the rest of
the pack is used without. ``alike`` also compares pictures with changed copies of themselves, by
class (Xie et al. 2020, "UDA") and by features (Chen et al. 2020, "SimCLR").
"""

from __future__ import annotations

from lookalike.errors import RecipeError
from lookalike.parts.latents.priors import Uniform
from lookalike.parts.losses.class_losses import SemiSupervisedObjective
from lookalike.parts.losses.consistency import ClassConsistency
from lookalike.parts.networks.strided import (
    Blind,
    StridedDiscriminator,
    StridedGenerator,
    halving_strides,
)
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.warp import Warp
from lookalike.recipe import Recipe, names

SIZES = (28, 32, 64, 128)
LABELS = "required"
CAREFUL = Warp(turn=15.0, zoom=0.15, stretch=0.15, shear=0.15, shift=0.1, stroke=0.5)


def recipe(
    size: int = 32,
    channels: int = 3,
    labels: int = 0,
    classes: int | None = None,
    labelled: int = 20,
    width: int = 32,
    dims: int = 100,
    rate: float = 3e-4,
    adversarial: float = 0.0,
    alike: bool = False,
    opening: float = 0.5,
    minibatch: int = 0,
    dropout: float = 0.3,
    instance_noise: float = 0.0,
) -> Recipe:
    """``labelled`` is how many pictures of each class keep their label; 0 keeps all.

    ``classes`` is how many label columns are one choice, and all must be: None takes them so.
    ``adversarial`` is the weight of the usual loss of G beside feature matching. ``alike`` compares
    pictures with changed copies, D alone until ``opening``, a share of the budget.
    """
    if labels < 2:
        raise RecipeError(
            f"ssgan learns to name classes: it found {labels} label columns and needs at least 2. "
            "Put the pictures into one sub-folder per class and prepare them again."
        )
    if classes is not None and classes < labels:
        able = [file.name for file in names() if file.labels != "none" and file.name != "ssgan"]
        raise RecipeError(
            f"ssgan learns one choice among classes, but of the {labels} label columns "
            f"{labels - classes} are attributes, of which a picture may have any number. Prepare "
            "the pictures again in one sub-folder per class and without attributes, or use a "
            f"recipe that takes attributes: {', '.join(able)}."
        )
    strides = halving_strides(size)
    widths = tuple(min(256, width << k) for k in range(len(strides)))
    copies = ClassConsistency(warp=CAREFUL, opening=opening) if alike else None
    body = StridedGenerator(dims=dims, widths=widths[::-1], strides=strides)
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="ssgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": Blind(network=body),
            "D": StridedDiscriminator(
                widths=widths,
                strides=strides,
                classify=True,
                normed=False,
                minibatch=minibatch,
                dropout=dropout,
                views=32 if alike else 0,
            ),
        },
        prior=Uniform(dims),
        objective=SemiSupervisedObjective(labelled=labelled, adversarial=adversarial, alike=copies),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise),
        batch=64,
    )
