"""D judges frozen pretrained features, mixed at random, at four depths: few pictures go far.

Sauer et al. 2021, "Projected GANs converge faster" (equations 3 and 4, section 3.2; hinge loss,
Adam 2e-4 with beta1 0), with the generator of Liu et al. 2021 (FastGAN) and the augmentation of
Zhao et al. 2020. The features are EfficientNet-Lite0's; without them a Laplacian pyramid is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import HingeLoss
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.fastgan import FastGANGenerator
from lookalike.parts.networks.frozen_features import Pretrained
from lookalike.parts.networks.projected import ProjectedHeads
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
LABELS = "optional"


class _OnFeatures(nn.Module):
    def __init__(self, features: nn.Module, heads: ProjectedHeads, width: int, labels: int) -> None:
        super().__init__()
        self.features, self.heads, self.width = features, heads, width
        count = len(heads.heads)
        self.labels = nn.Linear(labels, count * width, bias=False) if labels else None
        if self.labels is not None:
            nn.init.normal_(self.labels.weight, std=0.02)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        maps: list[Tensor] = self.features(pictures)
        if self.labels is None or labels is None:
            logits: Tensor = self.heads(maps)
            return logits
        mixed = self.heads.mixing(maps)
        words = self.labels(labels).unflatten(1, (-1, self.width))
        by_head = [
            head(x).flatten(1).mean(1) + (x.mean((2, 3)) * word).sum(1) / math.sqrt(self.width)
            for head, x, word in zip(self.heads.heads, mixed, words.unbind(1), strict=True)
        ]
        return torch.stack(by_head, 1)


@dataclass(frozen=True, kw_only=True)
class FeatureDiscriminator(NetworkPlan):
    """Logits ``[N, heads]``: one head for each tap of the frozen features.

    The features have no weights to train and no state; the random mixing is part of the state.
    ``width`` counts the maps of the mixing, ``head_width`` those of the heads. With labels every
    head also gets the product of its map's mean with an embedding of the label (Miyato & Koyama
    2018, equation 4).
    """

    features: Pretrained = field(default_factory=lambda: Pretrained(taps=(0, 2, 4, 10)))
    width: int = 64
    head_width: int = 64

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        features = self.features.build(frame)
        with torch.no_grad():
            side = frame.size
            maps = features(torch.zeros(1, frame.channels, side, side, device="cpu"))
        heads = ProjectedHeads.on(maps, width=self.width, head_width=self.head_width)
        return _OnFeatures(features, heads, self.width, frame.labels)


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
            "G": FastGANGenerator(dims=dims, width=width),
            "D": FeatureDiscriminator(
                features=Pretrained(taps=(0, 2, 4, 10), size=max(look, size)),
                width=head_width,
                head_width=head_width,
            ),
        },
        prior=Normal(dims),
        objective=TwoPlayer(rule=HingeLoss()),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(5_000)},
        augment=Augmentation(chance=augment),
        batch=32 // half,
    )
