"""Good pictures in minutes on two cores: an autoencoder sharpened by a projected adversary.

Larsen et al. 2016 (VAE/GAN), with the features and the discriminator of Sauer et al. 2021
(Projected GANs), a generator of the FastGAN kind (Liu et al. 2021), and samples from a small flow
that has learned where encodings lie (Lipman et al. 2023).
"""

from __future__ import annotations

from lookalike.parts.latents.candidates import BestOf
from lookalike.parts.latents.crossover import LabelCrossover
from lookalike.parts.latents.flow import Flow
from lookalike.parts.networks.base import NetworkPlan
from lookalike.parts.networks.frozen_features import Pretrained
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.muon import Orthogonal
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant, Cosine, Linear
from lookalike.parts.training.warm_start import WarmStart
from lookalike.recipe import Recipe
from lookalike.recipes.swift.exchange import AttributeHeadPlan, LabelExchange
from lookalike.recipes.swift.networks import (
    ProjectedDiscriminator,
    SwiftEncoderPlan,
    SwiftGeneratorPlan,
)
from lookalike.recipes.swift.objective import SwiftObjective

SIZES = (32, 64, 128, 256)
RECTANGLES = True
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    latent: int = 64,
    width: int = 48,
    widest: int = 144,
    rate: float = 3e-3,
    adversarial: float = 0.5,
    begin: float = 0.2,
    warm: str = "auto",
    groups: tuple[int, ...] = (),
    classes: int = 0,
    exchange: float | None = None,
    crossed: int = 2,
) -> Recipe:
    """``begin`` is the share of the budget after which D joins, with the weight ``adversarial``.

    ``warm`` names weights to begin with ("drawings"); "none" are random ones. "auto" takes them
    where there are some for this side, 32 and 64 px, or for the square that doubles as often.
    ``groups`` counts the label columns of each attribute (taken from the pack); with them a head
    learns to read labels, and pictures whose labels were exchanged have to be read rightly, with
    the weight ``exchange`` (0 leaves it out). None is 0.1 where there are attributes: of classes
    alone, whose pictures have little in common, none obeyed after minutes, and pictures were half
    as near. Where the labels of a training picture stand for it
    alone, pictures are drawn with ``crossed`` attributes of another one (0: with all its own); the
    first ``classes`` columns are its class, which stays.
    """
    if warm == "auto":
        warm = "drawings" if WarmStart().complete(size) else "none"
    if exchange is None:
        exchange = 0.1 if len(groups) > int(classes > 0) else 0.0
    features = Pretrained()
    obeyed = LabelExchange(groups=tuple(groups), weight=exchange) if groups and exchange else None
    head: dict[str, NetworkPlan] = {"H": AttributeHeadPlan(features=features)} if obeyed else {}
    reading = {"H": Adam(rate=Cosine(peak=rate / 2, warmup=0.02))} if obeyed else {}
    maker = Orthogonal(rate=Cosine(peak=rate, warmup=0.02))
    return Recipe(
        name="swift",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": SwiftGeneratorPlan(latent=latent, width=width, widest=widest, limit=6.0),
            "E": SwiftEncoderPlan(latent=latent, widest=widest),
            "D": ProjectedDiscriminator(features=features),
            "F": features,
            **head,
        },
        prior=Flow(
            dims=latent,
            nearest=25,
            least=0.2,
            early=1_300,
            crossover=_crossover(tuple(groups), int(classes > 0), crossed),
        ),
        objective=SwiftObjective(begin=begin, kl=1e-4, exchange=obeyed),
        choice=BestOf(candidates=3, through=("F",)),
        warm=None if warm == "none" else WarmStart(name=warm),
        optimizers={
            "G": maker,
            "E": maker,
            "D": Adam(rate=Cosine(peak=rate / 2, warmup=0.02), betas=(0.0, 0.99)),
            **reading,
        },
        values={
            "ema": Constant(2_000),
            "adversarial": Linear(
                start_value=0.0, end_value=adversarial, begin=begin, end=begin + 0.05
            ),
        },
        average=("G", "E"),
        augment=Augmentation(brightness=0.3, saturation=0.5, contrast=0.3, shift=0.125, cut=0.0),
        fits=(0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0),
        batch=8,
        images=80_000,
    )


def _crossover(groups: tuple[int, ...], fixed: int, crossed: int) -> LabelCrossover | None:
    """How label rows are crossed, where there are attributes to take from each other."""
    if crossed < 1 or len(groups) - fixed < 2:
        return None
    return LabelCrossover(groups=groups, fixed=fixed, exchanged=crossed)
