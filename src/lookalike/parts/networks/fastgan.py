"""FastGAN's generator: small early maps gate the channels of large late ones.

Liu et al. 2021, "Towards faster and stabilized GAN training for high-fidelity few-shot image
synthesis", section 3.1, equation 1: y = F(x_low, W) * x_high, the skip-layer excitation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import doublings, with_labels

EARLY, LATE = (4, 8, 16), 16
"""Maps of these sides gate those that are sixteen times as large (the paper's 8, 16, 32 px)."""


class Excitation(nn.Module):
    """The gates ``[N, outputs, 1, 1]`` that an early map gives for a late one (equation 1).

    Average to 4x4, a 4x4 convolution, leaky ReLU, a 1x1 convolution, sigmoid.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(inputs, outputs, 4, bias=False),
            nn.LeakyReLU(0.1),
            nn.Conv2d(outputs, outputs, 1),
            nn.Sigmoid(),
        )

    def forward(self, early: Tensor, late: Tensor) -> Tensor:
        """The late map ``[N, outputs, H, W]``, each channel times its gate."""
        gated: Tensor = self.layers(early) * late
        return gated


def larger(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the side: nearest upsampling, 3x3 convolution, batch norm, gated linear unit."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(inputs, 2 * outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(2 * outputs),
        nn.GLU(1),
    )


class _Generator(nn.Module):
    def __init__(self, frame: Frame, plan: FastGANGenerator) -> None:
        super().__init__()
        count = doublings(frame.size)
        widths = [min(plan.most, plan.width << k) for k in reversed(range(count + 1))]
        self.first = nn.Sequential(
            nn.ConvTranspose2d(plan.dims + frame.labels, 2 * widths[0], 4, bias=False),
            nn.BatchNorm2d(2 * widths[0]),
            nn.GLU(1),
        )
        self.stages = nn.ModuleList(larger(a, b) for a, b in pairwise(widths))
        gates = {
            min(early * LATE, frame.size): early
            for early in reversed(EARLY)
            if early * LATE <= frame.size or early == EARLY[0]
        }
        sides = [4 << k for k in range(count + 1)]
        self.sources = {side: sides.index(early) for side, early in gates.items()}
        self.excite = nn.ModuleDict(
            {
                str(side): Excitation(widths[index], widths[sides.index(side)])
                for side, index in self.sources.items()
            }
        )
        self.picture = nn.Conv2d(widths[-1], frame.channels, 3, padding=1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.first(with_labels(z, labels)[:, :, None, None])
        maps = [x]
        for stage in self.stages:
            x = stage(x)
            side = str(x.shape[2])
            if side in self.excite:
                x = self.excite[side](maps[self.sources[int(side)]], x)
            maps.append(x)
        return torch.tanh(self.picture(x).float())


@dataclass(frozen=True, kw_only=True)
class FastGANGenerator(NetworkPlan):
    """``width`` maps at full size, doubled at each halving up to ``most``.

    Maps of 4, 8 and 16 px gate those of 64, 128 and 256 px (at 32 px, 4 px gate 32).
    """

    dims: int = 64
    width: int = 16
    most: int = 256

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return _Generator(frame, self)
