"""What a pretrained network sees on its way, not only at its end: for labels of small pictures.

The last layer of an ImageNet network knows objects at 224 px and says little of a 28 px shirt;
layers before it see edges, textures and parts, coarse places kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import adaptive_avg_pool2d

from lookalike import efficientnet
from lookalike.images import Pixels as Pictures
from lookalike.metrics.features.features import (
    JUDGING,
    Features,
    Forward,
    Vectors,
    batched,
    color,
    digest,
    pinned,
    resize,
)
from lookalike.progress import Tell, silent

BLOCKS = (4, 7, 10, 13, 15)
CHANNELS = {0: (40, 80, 112, 192, 320), 1: (40, 80, 80, 112, 192)}
PLACES = 2


@dataclass(frozen=True)
class LiteBlocks(Features):
    """Five layers of EfficientNet-Lite 0 or 1, each averaged over four quarters of the picture."""

    number: int = 1
    side: int = 64
    batch: int = 64

    def __post_init__(self) -> None:
        if self.number not in (0, 1):
            raise ValueError(f"the layers of EfficientNet-Lite{self.number} are not listed here")

    @property
    def name(self) -> str:
        """For example ``efficientnet-lite1-blocks@64``."""
        return f"efficientnet-lite{self.number}-blocks@{self.side}"

    @property
    def dim(self) -> int:
        """Four times the channels of the five layers."""
        return PLACES**2 * sum(CHANNELS[self.number])

    @property
    def families(self) -> tuple[str, ...]:
        """Those of the network's."""
        return "imagenet", "efficientnet", f"efficientnet-lite{self.number}"

    @property
    def hash(self) -> str:
        """Covers name, version, layers, filter, scaling and the bytes of the weight file."""
        steps = f"bicubic antialias, clip, (x-127)/128, blocks {BLOCKS}, places {PLACES}"
        return pinned(self, steps, digest(efficientnet.weights_file(self.number, JUDGING)))

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """The layers one behind the other."""
        layers = _layers(self.number, self.side)

        def look(x: torch.Tensor) -> torch.Tensor:
            return layers(resize(color(x), self.side).sub(127).div(128))

        return batched(self, pictures, look, self.batch, tell)


@cache
def _layers(number: int, side: int) -> Forward:
    network = efficientnet.network(number, side, JUDGING)

    def look(x: torch.Tensor) -> torch.Tensor:
        x = network._swish(network._conv_stem(x.contiguous(memory_format=torch.channels_last)))
        layers = []
        for place, block in enumerate(network._blocks[: BLOCKS[-1] + 1]):
            x = block(x)
            if place in BLOCKS:
                layers.append(adaptive_avg_pool2d(x, PLACES).flatten(1))
        return torch.cat(layers, 1)

    return look
