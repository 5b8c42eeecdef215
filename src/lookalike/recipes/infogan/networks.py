"""Convolutional players for generators with codes: any size with a power of two in it, 28 px too.

Radford et al. 2016's shapes, from a linear layer on (so that 28 px start at 7x7), and a
discriminator whose one trunk carries two heads: real or fake, and the codes (Chen et al. 2016,
appendix C).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from lookalike.parts.networks.base import Frame, Invertible, NetworkPlan
from lookalike.parts.networks.blocks import halvings, init_normal, with_labels, with_planes
from lookalike.parts.networks.dcgan import upward

LARGEST_START = 7
"""A picture grows from the largest square of at most this side: 4x4 for 64 px, 7x7 for 28 px."""


class _Grown(nn.Module):
    def __init__(self, inputs: int, frame: Frame, width: int, most: int) -> None:
        super().__init__()
        self.side, count = halvings(frame.size, LARGEST_START)
        widths = [min(most, width << k) for k in reversed(range(count))]
        self.first = nn.Linear(inputs + frame.labels, widths[0] * self.side**2, bias=False)
        self.layers = nn.Sequential(*upward(widths, frame.channels))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        maps = self.first(with_labels(z, labels)).unflatten(1, (-1, self.side, self.side))
        pictures: Tensor = self.layers(maps)
        return pictures


class _TwoHeads(nn.Module):
    def __init__(self, plan: TwoHeadedDiscriminator, frame: Frame) -> None:
        super().__init__()
        side, count = halvings(frame.size, LARGEST_START)
        widths = [min(plan.most, plan.width << k) for k in range(count)]
        layers: list[nn.Module] = []
        for before, after in zip([frame.channels + frame.labels, *widths], widths, strict=False):
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not layers))
            if len(layers) > 1:
                layers.append(nn.BatchNorm2d(after))
            layers += [nn.LeakyReLU(0.1, inplace=True), nn.Dropout2d(plan.dropout)]
        self.trunk = nn.Sequential(*layers).apply(init_normal)
        flat = widths[-1] * side**2
        self.real = nn.Linear(flat, 1).apply(init_normal)
        self.codes = _head(flat, plan.codes)
        self.views = _head(flat, plan.views) if plan.views else None

    def forward(
        self,
        pictures: Tensor,
        labels: Tensor | None = None,
        both: bool = False,
        views: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        features = self.trunk(with_planes(pictures, labels)).flatten(1)
        logits: Tensor = self.real(features).squeeze(1)
        if not both:
            return logits
        read = logits, self.codes(features)
        return (*read, self.views(features)) if views and self.views is not None else read


def _head(inputs: int, outputs: int) -> nn.Sequential:
    """As torch starts it: after N(0, 0.02) all codes read alike and leave that state slowly."""
    return nn.Sequential(nn.Linear(inputs, 128), nn.LeakyReLU(0.1), nn.Linear(128, outputs))


@dataclass(frozen=True, kw_only=True)
class GrownGenerator(NetworkPlan):
    """``inputs`` columns -> a linear map, then transposed 4x4 convolutions, batch norm, ReLU.

    ``width`` counts the maps at half the size; they double towards the start, up to ``most``.
    """

    inputs: int
    width: int = 64
    most: int = 1024

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return _Grown(self.inputs, frame, self.width, self.most).apply(init_normal)


@dataclass(frozen=True, kw_only=True)
class TwoHeadedDiscriminator(NetworkPlan, Invertible):
    """``forward(x, labels)`` gives logits ``[N]``; ``forward(x, labels, True)`` also code columns.

    ``codes`` counts the columns of the second head: logits of every category, then the values of
    the continuous codes. ``dropout`` silences whole maps (2-D dropout) after every convolution.
    ``views`` features by which copies of a picture are compared come third with a further True.
    """

    codes: int
    width: int = 64
    most: int = 1024
    dropout: float = 0.25
    views: int = 0

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        return _TwoHeads(self, frame)

    def read(self, network: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """The columns of the second head alone: the codes, not the noise."""
        codes: Tensor = network(pictures, labels, True)[1]
        return codes
