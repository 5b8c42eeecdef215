"""Small changes of shape that leave a picture what it is: turned, zoomed, sheared, moved, thicker.

Differentiable, so that a discriminator can see real pictures and fakes through them (Zhao et al.
2020, "DiffAugment") and a reader can be asked to say the same of two changed copies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lookalike.parts.ranks import per_row


@dataclass(frozen=True, kw_only=True)
class Warp:
    """How far shapes may change; a strength of 0 switches that change off.

    ``turn`` is in degrees either way; ``zoom`` and ``stretch`` are the largest logarithms of a
    factor on both sides and on one; ``shear`` is a slope; ``shift`` a share of the side;
    ``stroke`` in [0, 1] how far bright shapes grow or shrink by a pixel.
    """

    turn: float = 20.0
    zoom: float = 0.15
    stretch: float = 0.1
    shear: float = 0.2
    shift: float = 0.1
    stroke: float = 1.0

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """``[N, C, H, W]`` -> the same shape; the border repeats the edge."""
        u = per_row(lambda n: torch.rand(n, 7, generator=generator), len(x)).to(x) * 2 - 1
        grid = F.affine_grid(self.maps(u[:, :6]), list(x.shape), align_corners=False)
        moved = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
        return thicker(moved, u[:, 6] * self.stroke) if self.stroke else moved

    def maps(self, u: Tensor) -> Tensor:
        """Draws ``[N, 6]`` in [-1, 1] as the maps ``[N, 2, 3]`` that affine_grid takes."""
        angle = u[:, 0] * (self.turn * math.pi / 180)
        zoom, stretch = (u[:, 1] * self.zoom).exp(), (u[:, 2] * self.stretch).exp()
        slope, (cos, sin) = u[:, 3] * self.shear, (angle.cos(), angle.sin())
        across = torch.stack([cos * zoom * stretch, (slope - sin) * zoom, u[:, 4] * 2 * self.shift])
        down = torch.stack([sin * zoom * stretch, cos * zoom, u[:, 5] * 2 * self.shift])
        return torch.stack([across.T, down.T], 1)


def thicker(x: Tensor, amount: Tensor) -> Tensor:
    """Each picture moved by ``amount`` ``[N]`` in [-1, 1] towards its brighter or darker neighbors.

    1 takes the brightest pixel of each 3x3 window, -1 the darkest, 0 leaves the picture as it is.
    """
    amount = amount.view(-1, 1, 1, 1)
    bright = F.max_pool2d(x, 3, 1, 1) - x
    dark = -F.max_pool2d(-x, 3, 1, 1) - x
    return x + amount.clamp(min=0) * bright - amount.clamp(max=0) * dark
