"""Differentiable augmentation in front of D (Zhao et al. 2020, "DiffAugment").

Draws and their application are apart: the same :class:`Draws` can be applied to a picture and to
its reconstruction, so that a paired loss still compares like with like.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.parts.ranks import per_row


@dataclass(frozen=True)
class Draws:
    """One augmentation per sample: every field has shape ``[N, 1, 1, 1]`` or ``[N, 2]``."""

    brightness: Tensor
    saturation: Tensor
    contrast: Tensor
    shift: Tensor
    cut: Tensor


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strongly pictures are changed; a strength of 0 switches that change off.

    ``brightness`` is the half-width of an added number (pictures are in [-1, 1]); ``saturation``
    and ``contrast`` the half-widths of a factor around 1; ``shift`` and ``cut`` are shares of the
    side (translation that repeats the edge; a square set to zero). ``chance`` is the share of
    samples that are changed at all. What changes colors leaves alpha, a fourth channel, alone.
    """

    brightness: float = 0.5
    saturation: float = 1.0
    contrast: float = 0.5
    shift: float = 0.125
    cut: float = 0.5
    chance: float = 1.0

    def draw(self, count: int, generator: torch.Generator) -> Draws:
        """Augmentations for ``count`` samples, of which the share ``chance`` is changed."""
        u = per_row(lambda n: torch.rand(n, 7, generator=generator), count) * 2 - 1
        chance = per_row(lambda n: torch.rand(n, 1, generator=generator), count)
        played = (chance < self.chance).float()
        u = u * played

        def column(index: int, strength: float) -> Tensor:
            return (u[:, index] * strength).view(-1, 1, 1, 1)

        keep = torch.full((count, 2), 9.0)  # far outside the picture: nothing is cut
        cut = torch.where(played.bool(), u[:, 5:7], keep) if self.cut > 0 else keep
        return Draws(
            brightness=column(0, self.brightness),
            saturation=column(1, self.saturation) + 1,
            contrast=column(2, self.contrast) + 1,
            shift=u[:, 3:5] * self.shift,
            cut=cut,
        )

    def change(self, x: Tensor, draws: Draws) -> Tensor:
        """``[N, C, H, W]`` -> the same shape, differentiable in x."""
        if x.shape[1] == 4:
            x = torch.cat([self._colors(x[:, :3], draws), x[:, 3:]], 1)
        else:
            x = self._colors(x, draws)
        if self.shift > 0:
            x = translated(x, draws.shift)
        if self.cut > 0:
            x = x * outside(draws.cut, self.cut, x.shape[2], x.shape[3]).to(x)
        return x

    def _colors(self, x: Tensor, draws: Draws) -> Tensor:
        if self.brightness > 0:
            x = x + draws.brightness.to(x)
        if self.saturation > 0 and x.shape[1] == 3:
            grey = x.mean(1, keepdim=True)
            x = grey + (x - grey) * draws.saturation.to(x)
        if self.contrast > 0:
            level = x.mean((1, 2, 3), keepdim=True)
            x = level + (x - level) * draws.contrast.to(x)
        return x

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw and change at once."""
        return self.change(x, self.draw(len(x), generator))


def translated(x: Tensor, shift: Tensor) -> Tensor:
    """Move each picture by whole pixels, ``shift`` ``[N, 2]`` (down, right) in shares of the side.

    What comes in from outside is the nearest edge pixel, so a plain background stays plain.
    """
    count, _, height, width = x.shape
    pixels = (shift * torch.tensor([float(height), float(width)])).round().long().to(x.device)
    rows = torch.arange(height, device=x.device)[None, :] - pixels[:, :1]
    columns = torch.arange(width, device=x.device)[None, :] - pixels[:, 1:]
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    samples = torch.arange(count, device=x.device)[:, None, None]
    moved = x.permute(0, 2, 3, 1)[samples, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def outside(center: Tensor, share: float, height: int, width: int) -> Tensor:
    """A mask ``[N, 1, H, W]``: 0 in a square of ``share`` of the side, 1 elsewhere.

    ``center`` ``[N, 2]`` is in [-1, 1] over the picture.
    """
    rows = torch.linspace(-1, 1, height)[None, :]
    columns = torch.linspace(-1, 1, width)[None, :]
    in_rows = (rows - center[:, :1]).abs() < share
    in_columns = (columns - center[:, 1:]).abs() < share
    return 1 - (in_rows[:, :, None] & in_columns[:, None, :]).float()[:, None]
