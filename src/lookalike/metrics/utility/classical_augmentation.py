"""Classical augmentation of whole batches: the arm that synthetic pictures have to beat.

Every picture is moved, turned, scaled and lit a little, and one square of it is erased: random
affine maps and light as in RandAugment (Cubuk et al. 2020) at a small magnitude, and cutout
(DeVries and Taylor 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

DRAWS = 9
"""How many uniform numbers one picture needs."""

TURN, SCALE, MOVE = 0.175, 0.1, 0.125
CONTRAST, LIGHT, HOLE = 0.2, 0.15, 0.25


def classical(batch: Tensor, draw: Tensor, mirror: bool = False) -> Tensor:
    """float ``[N, C, H, W]`` in [-1, 1] and uniform numbers ``[N, 9]`` -> the same shape and range.

    Turned by up to 0.175 radians, scaled by up to a tenth, moved by up to a sixteenth of the side,
    contrast changed by a fifth and light by 0.15, a square of a quarter of the side set to grey;
    mirrored half of the time where ``mirror``.
    """
    moved = grid_sample(
        batch,
        affine_grid(_matrices(draw, mirror), list(batch.shape), align_corners=False),
        padding_mode="border",
        align_corners=False,
    )
    contrast = 1 + CONTRAST * _both(draw[:, 5]).view(-1, 1, 1, 1)
    lit = (moved * contrast + LIGHT * _both(draw[:, 6]).view(-1, 1, 1, 1)).clamp(-1, 1)
    height, width = batch.shape[2:]
    down = (torch.arange(height).view(1, -1, 1) / height - draw[:, 7].view(-1, 1, 1)).abs()
    right = (torch.arange(width).view(1, 1, -1) / width - draw[:, 8].view(-1, 1, 1)).abs()
    hole = (down < HOLE / 2) & (right < HOLE / 2)
    return lit.masked_fill(hole[:, None], 0.0)


def _both(uniform: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1]."""
    return 2 * uniform - 1


def _matrices(draw: Tensor, mirror: bool) -> Tensor:
    """Affine maps ``[N, 2, 3]`` from the first five numbers of every picture."""
    angle, scale = TURN * _both(draw[:, 0]), 1 + SCALE * _both(draw[:, 1])
    flip = torch.where(draw[:, 2] < 0.5, -1.0, 1.0) if mirror else torch.ones(len(draw))
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([flip * cos, -sin, flip * sin, cos], 1).view(-1, 2, 2)
    return torch.cat([rows, MOVE * _both(draw[:, 3:5])[:, :, None]], 2)
