"""What a judge looks at: pictures -> vectors, with the preprocessing pinned by a hash.

Every class here is final and frozen: two objects with equal ``hash`` give equal vectors, so vectors
may be cached under it. Nothing here is called FID or "Inception": numbers of different features are
different scales.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from lookalike import efficientnet, seeds
from lookalike.errors import DataError
from lookalike.images import MODES, measurable
from lookalike.images import Pixels as Pictures
from lookalike.progress import Tell, silent

if TYPE_CHECKING:
    import torch

Vectors = NDArray[np.float32]
Forward = Callable[["torch.Tensor"], "torch.Tensor"]


class Features(ABC):
    """The interface of a judge's eye: pictures in, one vector a picture out.

    ``version`` moves when the same settings begin to give other vectors.
    """

    version: ClassVar[str] = "1"

    @property
    @abstractmethod
    def name(self) -> str:
        """What reports call it, with the input size: numbers of different names do not compare."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The length of one vector."""

    @property
    @abstractmethod
    def families(self) -> tuple[str, ...]:
        """Kinds of networks that this one belongs to, from wide to narrow; empty for none."""

    @property
    @abstractmethod
    def hash(self) -> str:
        """16 hex digits that pin the weights and every step of the preprocessing."""

    @abstractmethod
    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """uint8 ``[N, H, W, C]`` (C is 1, 3 or 4) -> float32 ``[N, dim]``; memory flat in N."""


@dataclass(frozen=True)
class Lite(Features):
    """EfficientNet-Lite 0, 1 or 2 trained on ImageNet, pooled before the classifier (1280 numbers).

    Pictures of any size are resized to ``side`` with an antialiased bicubic filter, grey ones are
    repeated to three channels, values are (x - 127) / 128. Weights come from the installed
    packages, offline. (Tan and Le 2019; the Lite variants of Google's TPU repository.)

    Raises:
        MissingExtraError: when called without the extra ``features``.
    """

    number: int = 0
    side: int = 96
    batch: int = 64
    dim: ClassVar[int] = 1280

    def __post_init__(self) -> None:
        if self.number not in (0, 1, 2):
            raise ValueError(f"EfficientNet-Lite{self.number} has no package; choose 0, 1 or 2")
        if self.side < 32 or self.side % 32:
            raise ValueError(f"the input side is {self.side}; it has to be a multiple of 32")

    @property
    def name(self) -> str:
        """For example ``efficientnet-lite0@96``."""
        return f"efficientnet-lite{self.number}@{self.side}"

    @property
    def families(self) -> tuple[str, ...]:
        """ImageNet classifiers, and among them the EfficientNets."""
        return "imagenet", "efficientnet", f"efficientnet-lite{self.number}"

    @property
    def hash(self) -> str:
        """Covers name, version, filter, scaling and the bytes of the weight file."""
        weights = digest(efficientnet.weights_file(self.number, JUDGING))
        return pinned(self, "bicubic antialias, clip, (x-127)/128", weights)

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """1280 numbers a picture."""
        network = _lite_network(self.number, self.side)

        def look(x: torch.Tensor) -> torch.Tensor:
            return network(resize(color(x), self.side).sub(127).div(128))

        return batched(self, pictures, look, self.batch, tell)

    @staticmethod
    def fitting(number: int, size: int) -> Lite:
        """The variant at the input side that suits pictures of this size."""
        return Lite(number, 96 if size <= 64 else 128 if size <= 128 else 224)

    @staticmethod
    def installed(number: int = 0) -> bool:
        """Whether the packages of this variant are there."""
        return efficientnet.network_installed(number)


@dataclass(frozen=True)
class Pixels(Features):
    """The pictures themselves: averaged down to ``side``, in [-1, 1], one long row."""

    side: int = 16
    channels: int = 3
    batch: int = 512
    families: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """For example ``pixels@16``."""
        return f"pixels@{self.side}" + ("-grey" if self.channels == 1 else "")

    @property
    def dim(self) -> int:
        """side x side x channels, of which alpha is none."""
        return self.side * self.side * min(self.channels, 3)

    @property
    def hash(self) -> str:
        """Covers name and version."""
        return pinned(self, "area, x/127.5-1, channels first", "")

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """Rows in channel, row, column order."""
        from torch.nn.functional import adaptive_avg_pool2d

        def shrink(x: torch.Tensor) -> torch.Tensor:
            x = x.mean(1, keepdim=True) if self.channels == 1 else color(x)
            return adaptive_avg_pool2d(x, self.side).div(127.5).sub(1).flatten(1)

        return batched(self, pictures, shrink, self.batch, tell)


@dataclass(frozen=True)
class RandomConv(Features):
    """A convolution network with fixed random weights: no download, no training, any pictures.

    Four 3x3 layers (stride 1, 2, 2, 2) with ReLU on ``side`` pixels; the mean of each layer's
    channels, and the last layer on a 2x2 grid so that place counts. Random networks order blur,
    noise and lost classes well, but know nothing of objects (Naeem et al. 2020, section 4.1).
    """

    side: int = 32
    width: int = 32
    seed: int = 0
    batch: int = 256
    families: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """For example ``random-conv32@32``."""
        return f"random-conv{self.width}@{self.side}" + (f"-s{self.seed}" if self.seed else "")

    @property
    def dim(self) -> int:
        """Means of three layers, and four means of the last."""
        return self.width * (1 + 2 + 4 + 4 * 8)

    @property
    def hash(self) -> str:
        """Covers name, version and the drawn weights."""
        drawn = b"".join(layer.tobytes() for layer in _random_layers(self.width, self.seed))
        return pinned(self, "bicubic antialias, x/127.5-1", hashlib.sha256(drawn).hexdigest())

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """width x 39 numbers a picture."""
        import torch
        from torch.nn.functional import adaptive_avg_pool2d, conv2d

        layers = [torch.from_numpy(layer) for layer in _random_layers(self.width, self.seed)]

        def look(x: torch.Tensor) -> torch.Tensor:
            x = resize(color(x), self.side).div(127.5).sub(1)
            means = []
            for depth, layer in enumerate(layers):
                x = conv2d(x, layer, stride=1 if depth == 0 else 2, padding=1).relu()
                means.append(adaptive_avg_pool2d(x, 2 if depth == 3 else 1).flatten(1))
            return torch.cat(means, 1)

        return batched(self, pictures, look, self.batch, tell)

    @staticmethod
    def fitting(size: int) -> RandomConv:
        """The network for pictures of this size: 32 to 64 pixels a side."""
        return RandomConv(side=min(64, max(32, int(size))))


def choose(channels: int = 3, size: int = 64) -> Features:
    """The default judge for pictures of this shape, out of what is installed.

    Lite1 first: the stock recipes train with Lite0, and a judge should be another network. Grey
    pictures of 32 pixels or less, and machines without the extra ``features``, get ``RandomConv``.
    """
    if channels == 1 and size <= 32:
        return RandomConv()
    for number in (1, 0, 2):
        if Lite.installed(number):
            return Lite.fitting(number, size)
    return RandomConv.fitting(size)


def conflict(features: Features, trained_with: Iterable[str]) -> str | None:
    """A warning when the judge and a network that trained the generator are of one family.

    Such a score flatters: the generator was shown how to please it (Kynkäänniemi et al. 2023).
    ``trained_with`` holds family names as in ``Features.families``.
    """
    shared = [family for family in features.families if family in set(trained_with)]
    if not shared:
        return None
    return (
        f"the judge {features.name} and a network that trained this generator are both "
        f"{shared[-1]}: these scores flatter; judge with another family as well"
    )


def pinned(features: Features, steps: str, weights: str) -> str:
    """The hash of a judge: its facts, the steps in front of it and its weights."""
    facts = [features.name, features.version, features.dim, steps, weights]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def batched(
    features: Features, pictures: Pictures, forward: Forward, batch: int, tell: Tell
) -> Vectors:
    """Run ``forward`` on float batches ``[n, 1 or 3, H, W]`` of 0 .. 255 and collect its rows."""
    import torch

    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[-1] not in MODES:
        raise DataError(
            f"{features.name} was given {pictures.dtype} {pictures.shape}; it wants uint8 pictures "
            "[N, H, W, C] with 1 or 3 channels, or 4 with alpha. Floats in [-1, 1] go through "
            "images.to_pixels."
        )
    count = len(pictures)
    vectors = np.empty((count, features.dim), np.float32)
    with torch.inference_mode():
        for first in range(0, count, batch):
            rows = np.array(measurable(pictures[first : first + batch]))
            answer = forward(torch.from_numpy(rows).permute(0, 3, 1, 2).float())
            vectors[first : first + batch] = answer.numpy()
            tell("looking at pictures", min(first + batch, count), count)
    if not np.isfinite(vectors).all():
        raise DataError(
            f"{features.name} answered with infinite or missing numbers; check its weights"
        )
    return vectors


def color(x: torch.Tensor) -> torch.Tensor:
    """Grey repeated to three channels."""
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x


def resize(x: torch.Tensor, side: int) -> torch.Tensor:
    """One filter for every size on both sides of a comparison; bicubic overshoot is clipped."""
    import torch
    from torch.nn.functional import interpolate

    if x.shape[-2:] != (side, side):
        x = interpolate(x, (side, side), mode="bicubic", antialias=True).clamp(0, 255)
    return x.contiguous(memory_format=torch.channels_last)


@cache
def digest(path: Path) -> str:
    """SHA-256 of a file, once a process."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


JUDGING = "Judging with EfficientNet"
"""How the error about a missing package begins."""


@cache
def _lite_network(number: int, side: int) -> Forward:
    """Pictures to the features before the classifier, averaged over places."""
    network = efficientnet.network(number, side, JUDGING)
    return lambda x: cast("torch.Tensor", network.extract_features(x).mean((2, 3)))


@cache
def _random_layers(width: int, seed: int) -> tuple[NDArray[np.float32], ...]:
    """Weights ``[out, in, 3, 3]`` with He's variance, so that every layer speaks equally loud."""
    layers, before = [], 3
    for depth in range(4):
        after = width * 2**depth
        random = seeds.array_generator(seed, "random-conv", depth)
        draw = random.standard_normal((after, before, 3, 3))
        layers.append((draw * np.sqrt(2 / (before * 9))).astype(np.float32))
        before = after
    return tuple(layers)
