"""Helpers: linear readers of a pack's attributes that say whether an edit succeeded.

All look at maps of a frozen network: one at the fine ones and one at the deep ones, which choose
edits together, and one at all of them, which learned from other pictures and measures what the two
chose. Probabilities are calibrated by one temperature for each attribute (Guo et al. 2017, "On
calibration of modern neural networks"). Gradients reach the pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lookalike import images, seeds
from lookalike.images import Pixels
from lookalike.progress import Tell, silent

SHIFTS = ((0, 0), (1, 1), (-1, 0))
"""Probabilities are means over the picture moved by these pixels."""
GRID = 8
"""Maps are averaged down to at most this side: where something is still counts."""
SIDE = 96
"""Larger pictures are made smaller first."""
TEMPERATURES = np.geomspace(0.25, 4, 17)

Values = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AttributeExamples:
    """Maps ``[N, D]`` of pictures with the number of every attribute's value, ``[N, A]``.

    ``sizes`` counts the values of each attribute; -1 is a value that nobody knows.
    """

    maps: Tensor
    values: Values
    sizes: tuple[int, ...]

    def take(self, rows: NDArray[np.int64]) -> AttributeExamples:
        """These rows."""
        return AttributeExamples(self.maps[torch.from_numpy(rows)], self.values[rows], self.sizes)


@dataclass(frozen=True, kw_only=True)
class HelperSettings:
    """How a helper learns: AdamW with a warm-up over the first tenth and a cosine of the rate."""

    steps: int = 400
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.05
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Helper:
    """A linear layer on the columns ``first`` to ``last`` of the maps, brought to unit variance.

    ``weight`` is ``[values of all attributes, columns]``; ``temperatures`` has one number each.
    """

    first: int
    last: int
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    sizes: tuple[int, ...]
    temperatures: Tensor

    def logits(self, maps: Tensor) -> list[Tensor]:
        """Maps ``[N, D]`` -> one ``[N, values]`` for each attribute, calibrated."""
        seen = (maps[:, self.first : self.last].float() - self.mean) / self.scale
        parts = torch.split(
            functional.linear(seen, self.weight.float(), self.bias), list(self.sizes), 1
        )
        return [part / warmth for part, warmth in zip(parts, self.temperatures, strict=True)]

    def as_tree(self) -> dict[str, Any]:
        """As tensors and plain values, to be kept."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**held, "weight": self.weight.half()}

    @staticmethod
    def of_tree(tree: Mapping[str, Any]) -> Helper:
        """What :meth:`as_tree` gave."""
        return Helper(**{**tree, "sizes": tuple(tree["sizes"])})


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
def all_maps(features: nn.Module, pictures: Pixels, tell: Tell = silent) -> tuple[Tensor, int]:
    """The same of pictures uint8 ``[N, S, S, C]``, block by block, in half precision."""
    blocks, fine = [], 0
    for first in range(0, len(pictures), 64):
        block, fine = pooled_maps(features, images.to_network(pictures[first : first + 64]))
        blocks.append(block.half())
        tell("looking at pictures", min(first + 64, len(pictures)), len(pictures))
    return torch.cat(blocks), fine


Panel = Sequence[Helper]
"""Helpers that read the same attributes; their probabilities are averaged."""


def agreed(
    panels: Sequence[Panel],
    features: nn.Module,
    pictures: Tensor,
    shifts: Sequence[tuple[int, int]] = SHIFTS,
) -> list[Tensor]:
    """The mean probabilities of each panel over small shifts: one ``[N, values]`` an attribute.

    Attributes of the panels stand behind one another.
    """
    total: list[Tensor] = []
    for down, right in shifts:
        maps, _ = pooled_maps(features, shifted(pictures, down, right))
        shares = [share for panel in panels for share in _mean_shares(panel, maps)]
        total = [a + b for a, b in zip(total, shares, strict=True)] if total else shares
    return [one / len(shifts) for one in total]


def _mean_shares(panel: Panel, maps: Tensor) -> list[Tensor]:
    each = [[part.softmax(1) for part in helper.logits(maps)] for helper in panel]
    return [torch.stack(parts).mean(0) for parts in zip(*each, strict=True)]


def shifted(pictures: Tensor, down: int, right: int) -> Tensor:
    """Moved by at most a pixel; what comes in repeats the rim."""
    if not down and not right:
        return pictures
    wide = functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    height, width = pictures.shape[2:]
    return wide[:, :, 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def fit_helper(
    examples: AttributeExamples,
    columns: tuple[int, int],
    settings: HelperSettings | None = None,
    tell: Tell = silent,
) -> Helper:
    """Learn from nine tenths of the examples, and the temperatures from the rest.

    The result depends on the examples and the settings alone.
    """
    settings = settings or HelperSettings()
    count = len(examples.maps)
    order = seeds.array_generator(settings.seed, "helper/split").permutation(count)
    apart, rest = order[: max(1, count // 10)], order[max(1, count // 10) :]
    maps = examples.maps[:, columns[0] : columns[1]]
    known = maps[torch.from_numpy(rest)].float()
    mean, scale = known.mean(0), known.std(0).clamp(min=1e-3)
    del known
    layer = _trained(examples, _Columns(maps, mean, scale), rest, settings, tell)
    plain = Helper(
        first=columns[0],
        last=columns[1],
        mean=mean,
        scale=scale,
        weight=layer.weight,
        bias=layer.bias,
        sizes=examples.sizes,
        temperatures=torch.ones(len(examples.sizes)),
    )
    return replace(plain, temperatures=_temperatures(plain, examples.take(apart)))


@dataclass(frozen=True, eq=False)
class _Columns:
    """Columns of the maps ``[N, D]`` and how they are brought to unit variance."""

    maps: Tensor
    mean: Tensor
    scale: Tensor

    def rows(self, chosen: NDArray[np.int64]) -> Tensor:
        return (self.maps[torch.from_numpy(chosen)].float() - self.mean) / self.scale


def _trained(
    examples: AttributeExamples,
    columns: _Columns,
    rows: NDArray[np.int64],
    settings: HelperSettings,
    tell: Tell,
) -> nn.Linear:
    values = torch.from_numpy(examples.values)
    with torch.random.fork_rng(devices=[]):
        seeds.reseed(settings.seed, "helper")
        layer = nn.Linear(columns.maps.shape[1], sum(examples.sizes))
        optimizer = torch.optim.AdamW(
            layer.parameters(), lr=settings.rate, weight_decay=settings.decay
        )
        for step, chosen in enumerate(_batches(rows, settings)):
            optimizer.param_groups[0]["lr"] = settings.rate * _hill(step, settings.steps)
            seen = functional.dropout(columns.rows(chosen), 0.3)
            parts = torch.split(layer(seen), list(examples.sizes), 1)
            losses = [known_loss(part, values[chosen, i]) for i, part in enumerate(parts)]
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            tell("learning to read attributes", step + 1, settings.steps)
    return layer.requires_grad_(False)


def known_loss(logits: Tensor, values: Tensor) -> Tensor:
    """Cross-entropy over the pictures whose value is known; 0 without any."""
    known = values >= 0
    if not bool(known.any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits[known], values[known])


def _batches(rows: NDArray[np.int64], settings: HelperSettings) -> Iterator[NDArray[np.int64]]:
    wanted = settings.steps * settings.batch
    passes = [
        rows[seeds.array_generator(settings.seed, "helper/order", number).permutation(len(rows))]
        for number in range(math.ceil(wanted / len(rows)))
    ]
    yield from np.concatenate(passes)[:wanted].reshape(settings.steps, settings.batch)


def _hill(step: int, steps: int) -> float:
    """Up over the first tenth, then down a cosine."""
    return min((step + 1) / max(1, steps // 10), 0.5 * (1 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def _temperatures(helper: Helper, examples: AttributeExamples) -> Tensor:
    """For each attribute the temperature with the least cross-entropy on unseen pictures."""
    values = torch.from_numpy(examples.values)
    found = []
    for index, logits in enumerate(helper.logits(examples.maps)):
        losses = [float(known_loss(logits / t, values[:, index])) for t in TEMPERATURES]
        found.append(float(TEMPERATURES[int(np.argmin(losses))]))
    return torch.tensor(found)
