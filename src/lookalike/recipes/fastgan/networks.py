"""FastGAN's discriminator: an encoder whose maps are also decoded into pictures.

Liu et al. 2021, section 3.2, equation 2: the maps at 16 and 8 px are decoded by small decoders that
see real pictures only: a whole small one, and one quarter in detail. That keeps D looking at all of
a picture when there are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import doublings, with_planes
from lookalike.parts.networks.fastgan import larger

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


class _Down(nn.Module):
    """Half the side by two paths, averaged: a strided 4x4 and a 3x3, or pooling and a 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.deep = nn.Sequential(
            spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        )
        self.plain = nn.Sequential(
            nn.AvgPool2d(2),
            spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False)),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        )

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = (self.deep(x) + self.plain(x)) / 2
        return both


def _rebuilder(inputs: int, count: int, channels: int) -> nn.Sequential:
    """A small decoder: ``count`` doublings from a map to a picture."""
    widths = [inputs, *(max(8, inputs >> (k + 1)) for k in range(count))]
    layers: list[nn.Module] = [larger(a, b) for a, b in pairwise(widths)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, padding=1), nn.Tanh())


class _Discriminator(nn.Module):
    def __init__(self, frame: Frame, plan: FastGANDiscriminator) -> None:
        super().__init__()
        count = doublings(frame.size, 8)
        widths = [min(plan.most, plan.width << k) for k in range(count + 1)]
        self.first = nn.Sequential(
            spectral_norm(nn.Conv2d(frame.channels + frame.labels, widths[0], 3, padding=1)),
            nn.LeakyReLU(0.2),
        )
        self.downs = nn.ModuleList(_Down(a, b) for a, b in pairwise(widths))
        self.judge = nn.Sequential(
            spectral_norm(nn.Conv2d(widths[-1], widths[-1], 1, bias=False)),
            nn.BatchNorm2d(widths[-1]),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(widths[-1], 1, 4)),
        )
        self.whole = _rebuilder(widths[-1], count - 1, frame.channels)
        self.part = _rebuilder(widths[-2], count - 1, frame.channels)

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, corner: int = -1
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        x = self.first(with_planes(pictures, labels))
        before = x
        for down in self.downs:
            before, x = x, down(x)
        logits: Tensor = self.judge(x).flatten(1)
        if corner < 0:
            return logits
        return logits, self.whole(x), self.part(quarter(before, corner))


def quarter(pictures: Tensor, corner: int) -> Tensor:
    """One quarter of ``[N, C, S, S]``: corner 0 to 3, row by row, ``[N, C, S / 2, S / 2]``."""
    half = pictures.shape[2] // 2
    top, left = (half * place for place in CORNERS[corner])
    return pictures[:, :, top : top + half, left : left + half]


@dataclass(frozen=True, kw_only=True)
class FastGANDiscriminator(NetworkPlan):
    """``forward(x, labels)`` gives logits ``[N, 25]``, one for each place of a 5x5 map.

    ``forward(x, labels, corner)`` also gives the whole picture at half its size, and one quarter
    (``corner`` 0 to 3) at full detail; both ``[N, C, S / 2, S / 2]``.
    """

    width: int = 16
    most: int = 256

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        return _Discriminator(frame, self)
