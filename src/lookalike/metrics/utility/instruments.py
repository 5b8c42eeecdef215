"""Classifiers that the utility protocol measures with: what is trained, not how.

A small convolutional network and a ResNet-18, both from scratch, and a linear layer on frozen
pretrained features. The protocol asks an instrument for a network and for how it looks at pictures;
the training loop in ``metrics.classifier`` is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from lookalike.errors import LookalikeError
from lookalike.metrics.features.features import Features, Lite, RandomConv

SIDE = 40
"""Pictures with a longer side are averaged down by two before the first layer of a network."""


@dataclass(frozen=True, kw_only=True)
class Small:
    """Six 3x3 convolutions in three stages, after folding 2x2 pixels into channels.

    The fold (space to depth, Shi et al. 2016 backwards) halves the sides before the first layer:
    a step takes a quarter of the time that it takes at full side.
    """

    width: int = 24
    name: ClassVar[str] = "small"
    eye: ClassVar[Features | None] = None

    def build(self, channels: int, size: int, classes: int) -> nn.Module:
        """About 0.12 million weights at width 24."""
        layers: list[nn.Module] = [*_smaller(size), nn.PixelUnshuffle(2)]
        before = 4 * channels
        for stage in range(3):
            after = self.width * 2**stage
            for _ in range(2):
                layers += _convolution(before, after, 1)
                before = after
            layers += [nn.MaxPool2d(2)] if stage < 2 else _pooled()
        return nn.Sequential(*layers, nn.Linear(before, classes))


@dataclass(frozen=True, kw_only=True)
class ResNet18:
    """ResNet-18 with the stem for small pictures (He et al. 2016, table 1 and section 4.2).

    The first layer is 3x3 with stride 1 and there is no max-pooling; shortcuts that change the
    shape are 1x1 projections (option B).
    """

    width: int = 64
    name: ClassVar[str] = "resnet18"
    eye: ClassVar[Features | None] = None

    def build(self, channels: int, size: int, classes: int) -> nn.Module:
        """11.2 million weights at width 64."""
        layers: list[nn.Module] = [*_smaller(size), *_convolution(channels, self.width, 1)]
        before = self.width
        for stage in range(4):
            for block in range(2):
                after = self.width * 2**stage
                stride = 2 if stage and not block else 1
                layers.append(Residual(before, after, stride))
                before = after
        return nn.Sequential(*layers, *_pooled(), nn.Linear(before, classes))


@dataclass(frozen=True, kw_only=True)
class OnFeatures:
    """A linear layer on frozen features, each dimension brought to zero mean and unit deviation."""

    features: Features

    @property
    def name(self) -> str:
        """The features' name behind "features"."""
        return f"features ({self.features.name})"

    @property
    def eye(self) -> Features | None:
        """The frozen features."""
        return self.features

    def build(self, channels: int, size: int, classes: int) -> nn.Module:
        """One batch normalization without weights, one linear layer."""
        dim = self.features.dim
        return nn.Sequential(nn.BatchNorm1d(dim, affine=False), nn.Linear(dim, classes))


Instrument = Small | ResNet18 | OnFeatures
"""A classifier to be. ``name`` is what tables call it, ``eye`` are frozen features that stand in
front of its network (None where it sees pictures), and ``build`` gives the untrained network:
pictures ``[N, C, S, S]`` or vectors -> logits ``[N, classes]``. Its weights come from torch's own
generator."""


def instrument(name: str, size: int = 64, trained: Iterable[str] = ()) -> Instrument:
    """The instrument that a person names: small, resnet18 or features.

    ``trained`` are the families of pretrained networks that the generator was trained with: frozen
    features are taken from another variant where there is one.

    Raises:
        LookalikeError: there is no such classifier.
    """
    makers: dict[str, type[Small | ResNet18]] = {"small": Small, "resnet18": ResNet18}
    if name in makers:
        return makers[name]()
    if name == "features":
        return OnFeatures(features=_unlike(size, set(trained)))
    raise LookalikeError(
        f"there is no classifier {name!r}; choose one of small, resnet18, features."
    )


def _unlike(size: int, trained: set[str]) -> Features:
    """Frozen features of the narrowest family that the generator was not trained with."""
    able = [Lite.fitting(n, size) for n in (1, 2, 0) if Lite.installed(n)]
    able.sort(key=lambda features: features.families[-1] in trained)
    return able[0] if able else RandomConv.fitting(size)


def _smaller(size: int) -> list[nn.Module]:
    """Halvings until the side is at most :data:`SIDE`."""
    layers: list[nn.Module] = []
    while size > SIDE:
        layers.append(nn.AvgPool2d(2))
        size //= 2
    return layers


def _convolution(before: int, after: int, stride: int, side: int = 3) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    ]


def _pooled() -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016, figure 2), then ReLU."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(before, after, stride), *_convolution(after, after, 1)[:2]
        )
        same = stride == 1 and before == after
        projection = _convolution(before, after, stride, side=1)[:2]
        self.shortcut: nn.Module = nn.Identity() if same else nn.Sequential(*projection)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, before, H, W]`` -> ``[N, after, H / stride, W / stride]``."""
        y: Tensor = (self.body(x) + self.shortcut(x)).relu()
        return y
