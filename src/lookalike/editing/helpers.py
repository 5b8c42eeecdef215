"""Helpers: linear readers of a pack's attributes that say whether an edit succeeded.

All look at maps of a frozen network: one at the fine ones and one at the deep ones, which choose
edits together, and one at all of them, which learned from other pictures and measures what the two
chose. They are ridge regressions of one-hot values, whose predictions one factor for each attribute
makes logits (temperature scaling: Guo et al. 2017, "On calibration of modern neural networks").
Gradients reach the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lookalike import images
from lookalike.editing.ridge import fit_ridge, sharpened
from lookalike.images import Pixels

SHIFTS = ((0, 0), (1, 1), (-1, 0))
"""Probabilities are means over the picture moved by these pixels."""
AROUND = ((1, 1), (-1, 0), (0, -1), (-1, 1), (0, 1), (1, 0), (1, -1), (-1, -1))
"""Shifts of the copies that helpers learn from, in turn."""
GRID = 8
"""Maps are averaged down to at most this side: where something is still counts."""
SIDE = 96
"""Larger pictures are made smaller first."""

Values = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AttributeExamples:
    """Maps ``[N, 2, D]`` of pictures and of shifted copies, the number of every value, ``[N, A]``.

    ``sizes`` counts the values of each attribute; -1 is a value that nobody knows.
    """

    maps: Tensor
    values: Values
    sizes: tuple[int, ...]

    def take(self, rows: NDArray[np.int64]) -> AttributeExamples:
        """These rows."""
        return AttributeExamples(self.maps[torch.from_numpy(rows)], self.values[rows], self.sizes)


@dataclass(frozen=True, eq=False)
class Helper:
    """A linear layer on the columns ``first`` to ``last`` of the maps, brought to unit variance.

    ``weight`` is ``[values of all attributes, columns]``, calibrated.
    """

    first: int
    last: int
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    sizes: tuple[int, ...]

    def logits(self, maps: Tensor) -> list[Tensor]:
        """Maps ``[N, D]`` -> one ``[N, values]`` for each attribute, calibrated."""
        seen = (maps[:, self.first : self.last].float() - self.mean) / self.scale
        logits = functional.linear(seen, self.weight.float(), self.bias)
        return list(torch.split(logits, list(self.sizes), 1))

    def as_tree(self) -> dict[str, Any]:
        """As tensors and plain values, to be kept."""
        return {**vars(self), "weight": self.weight.half()}

    @staticmethod
    def of_tree(tree: Mapping[str, Any]) -> Helper:
        """What :meth:`as_tree` gave; what is kept may hold temperatures, which were always 1."""
        held = {one.name: tree[one.name] for one in fields(Helper)}
        return Helper(**{**held, "sizes": tuple(tree["sizes"])})


def pooled_maps(features: nn.Module, pictures: Tensor) -> tuple[Tensor, int]:
    """All maps of a frozen network side by side, ``[N, D]``, and how many columns are fine ones.

    Each is averaged down to at most 8x8 places; the first half of the maps, and the middle one, are
    the fine ones.
    """
    if pictures.shape[-1] > SIDE:
        pictures = functional.interpolate(pictures, (SIDE, SIDE), mode="bilinear", antialias=True)
    maps: list[Tensor] = features(pictures)
    small = [functional.adaptive_avg_pool2d(x.float(), min(GRID, x.shape[-1])) for x in maps]
    flat = [x.flatten(1) for x in small]
    fine = sum(x.shape[1] for x in flat[: (len(flat) + 1) // 2])
    return torch.cat(flat, 1), fine


@torch.no_grad()
def example_maps(features: nn.Module, pictures: Pixels) -> tuple[Tensor, int]:
    """Maps of pictures and of copies moved by a pixel, ``[N, 2, D]`` in half precision.

    Pictures that are aligned to the pixel teach nothing of others: a helper that has seen these
    alone reads .97 of mouths there and .25 a pixel beside.
    """
    blocks, fine = [], 0
    for first in range(0, len(pictures), 64):
        plain = images.to_network(pictures[first : first + 64])
        moved = plain.clone()
        for number, (down, right) in enumerate(AROUND):
            moved[number :: len(AROUND)] = shifted(plain[number :: len(AROUND)], down, right)
        pair = [pooled_maps(features, one) for one in (plain, moved)]
        blocks.append(torch.stack([maps for maps, _ in pair], 1).half())
        fine = pair[0][1]
    return torch.cat(blocks), fine


Panel = Sequence[Helper]
"""Helpers that read the same attributes; their log probabilities are averaged."""


def agreed(
    panels: Sequence[Panel],
    features: nn.Module,
    pictures: Tensor,
    shifts: Sequence[tuple[int, int]] = SHIFTS,
) -> list[Tensor]:
    """The probabilities of each panel, a mean over small shifts: one ``[N, values]`` an attribute.

    Attributes of the panels stand behind one another.
    """
    total: list[Tensor] = []
    for down, right in shifts:
        maps, _ = pooled_maps(features, shifted(pictures, down, right))
        shares = [share for panel in panels for share in _mean_shares(panel, maps)]
        total = [a + b for a, b in zip(total, shares, strict=True)] if total else shares
    return [one / len(shifts) for one in total]


def _mean_shares(panel: Panel, maps: Tensor) -> list[Tensor]:
    """The geometric mean, so that a helper which cannot tell leaves the word to one which can."""
    each = [[part.log_softmax(1) for part in helper.logits(maps)] for helper in panel]
    return [torch.stack(parts).mean(0).softmax(1) for parts in zip(*each, strict=True)]


def shifted(pictures: Tensor, down: int, right: int) -> Tensor:
    """Moved by at most a pixel; what comes in repeats the rim."""
    if not down and not right:
        return pictures
    wide = functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    height, width = pictures.shape[2:]
    return wide[:, :, 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def fit_helper(examples: AttributeExamples, columns: tuple[int, int]) -> Helper:
    """Learn from examples; probabilities are calibrated on what is said of each one left out."""
    copies = examples.maps.shape[1]
    maps = examples.maps[..., columns[0] : columns[1]].float().transpose(0, 1).flatten(0, 1)
    mean, scale = maps.mean(0), maps.std(0).clamp(min=1e-3)
    values = torch.from_numpy(examples.values).repeat(copies, 1)
    goals = [one_hot(values[:, i], size) for i, size in enumerate(examples.sizes)]
    fit = fit_ridge((maps - mean) / scale, torch.cat(goals, 1), copies)
    said = torch.split(fit.left_out, list(examples.sizes), 1)
    factors = [sharpened(part, values[:, i]) for i, part in enumerate(said)]
    each = torch.repeat_interleave(torch.tensor(factors), torch.tensor(examples.sizes))
    return Helper(
        first=columns[0],
        last=columns[1],
        mean=mean,
        scale=scale,
        weight=fit.weight * each[:, None],
        bias=fit.mean * each,
        sizes=examples.sizes,
    )


def one_hot(values: Tensor, size: int) -> Tensor:
    """``[N]`` -> ``[N, size]``; the mean row where the value is -1, as nobody knows it."""
    known = values >= 0
    rows = torch.zeros(len(values), size)
    rows[known] = functional.one_hot(values[known], size).float()
    rows[~known] = rows[known].mean(0) if bool(known.any()) else 1 / size
    return rows
