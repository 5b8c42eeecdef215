"""Two-dimensional toys for objectives: points in the plane in the place of pictures.

A toy runs through the real trainer: a :class:`ToySource` gives points ``[N, 2]``, small perceptrons
play, and :func:`covered` counts the modes that the generator reaches. Used as::

    trainer = trained(toy_recipe(MyObjective()), ToySource(ring()), steps=1500)
    assert covered(points(trainer), ring()) >= 7
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from lookalike import seeds
from lookalike.data.pack.feed import Feed
from lookalike.engine.batches import BatchSource, SourceBatch
from lookalike.engine.trainer import Trainer
from lookalike.parts.latents.priors import Normal, Prior
from lookalike.parts.losses.base import Objective
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.training.optimizers import Adam, OptimizerPlan
from lookalike.parts.training.schedules import Constant, Value
from lookalike.place import Place
from lookalike.recipe import Recipe

SPREAD = 0.02
"""The standard deviation of each Gaussian."""


def ring(modes: int = 8, radius: float = 0.8) -> Tensor:
    """Centers on a circle, ``[modes, 2]``."""
    angles = torch.arange(modes) * (2 * math.pi / modes)
    return radius * torch.stack([angles.cos(), angles.sin()], 1)


def grid(side: int = 5, reach: float = 0.8) -> Tensor:
    """Centers on a square grid, ``[side * side, 2]``."""
    ticks = torch.linspace(-reach, reach, side)
    return torch.cartesian_prod(ticks, ticks)


@dataclass(frozen=True, eq=False)
class ToySource(BatchSource):
    """Points around ``centers``; the label, where asked for, is the one-hot center."""

    centers: Tensor
    seed: int = 0
    labeled: bool = False
    known: float = 1.0
    count: int = 8_192
    held: tuple[Tensor, Tensor, Tensor] = field(init=False, repr=False)
    feed: Feed = field(init=False, repr=False)

    def __post_init__(self) -> None:
        draw = seeds.generator(self.seed, "toy")
        mode = torch.arange(self.count) % len(self.centers)
        points = self.centers[mode] + SPREAD * torch.randn(self.count, 2, generator=draw)
        labels = nn.functional.one_hot(mode, len(self.centers)).float()
        known = torch.rand(self.count, generator=draw) < self.known
        object.__setattr__(self, "held", (points, labels, known))
        object.__setattr__(self, "feed", Feed(range(self.count), self.seed))

    def take(self, at: int, count: int) -> SourceBatch:
        return self._rows(torch.from_numpy(self.feed.indices(at, count)))

    def some(self, count: int, first: int = 0) -> SourceBatch:
        return self._rows(torch.arange(first, min(first + count, self.count)))

    def __len__(self) -> int:
        return self.count

    def _rows(self, rows: Tensor) -> SourceBatch:
        points, labels, known = (part[rows] for part in self.held)
        return SourceBatch(
            points,
            labels if self.labeled else None,
            known if self.labeled and self.known < 1 else None,
        )


class Perceptron(nn.Module):
    """``[N, inputs]`` and labels -> ``[N, outputs]``, squeezed when there is one output."""

    def __init__(self, widths: list[int], slope: float, blind: bool) -> None:
        super().__init__()
        self.blind = blind
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(slope)]
        self.trunk = nn.Sequential(*layers[:-3])
        self.features = nn.Sequential(*layers[-3:-2])
        self.head = layers[-2]

    def forward(self, x: Tensor, labels: Tensor | None = None, describe: bool = False) -> Any:
        told = x if labels is None or self.blind else torch.cat([x, labels], 1)
        features = self.features(self.trunk(told))
        out = self.head(features).squeeze(1)
        return (out, features) if describe else out


@dataclass(frozen=True, kw_only=True)
class ToyPlan(NetworkPlan):
    """A perceptron from ``inputs`` (and the label vector, unless ``blind``) to ``outputs``."""

    inputs: int
    outputs: int
    width: int = 64
    depth: int = 2
    slope: float = 0.1
    blind: bool = False

    def build(self, frame: Frame) -> nn.Module:
        first = self.inputs + (0 if self.blind else frame.labels)
        widths = [first, *[self.width] * self.depth, self.outputs]
        return Perceptron(widths, self.slope, self.blind)


def toy_recipe(
    objective: Objective,
    *,
    heads: int = 1,
    labels: int = 0,
    networks: Mapping[str, NetworkPlan] | None = None,
    values: Mapping[str, Value] | None = None,
    optimizers: Mapping[str, OptimizerPlan] | None = None,
    prior: Prior | None = None,
    rate: float = 1e-3,
    batch: int = 128,
    images: int = 10_000_000,
) -> Recipe:
    """A recipe over points: G from the prior to the plane, D from the plane to ``heads`` logits."""
    prior = prior or Normal(4)
    player = Adam(rate=Constant(rate))
    plans = {
        "G": ToyPlan(inputs=prior.width, outputs=2),
        "D": ToyPlan(inputs=2, outputs=heads),
        **(networks or {}),
    }
    return Recipe(
        name="toy",
        size=4,
        channels=1,
        labels=labels,
        networks=plans,
        prior=prior,
        objective=objective,
        optimizers={**dict.fromkeys(plans, player), **(optimizers or {})},
        values={"ema": Constant(10_000), **(values or {})},
        batch=batch,
        images=images,
    )


def trained(recipe: Recipe, source: BatchSource, steps: int) -> Trainer:
    """A trainer after this many steps, on one thread."""
    trainer = Trainer(recipe, source, Place(threads=1))
    for _ in range(steps):
        trainer.step()
    return trainer


def points(trainer: Trainer, count: int = 2_000, labels: Tensor | None = None) -> Tensor:
    """Points of the averaged generator, ``[count, 2]``."""
    recipe = trainer.recipe
    draw = seeds.generator(recipe.seed, "toy points")
    with torch.no_grad():
        return trainer.shown("G")(recipe.prior.draw(draw, count, trainer.learned), labels)


def covered(made: Tensor, centers: Tensor, near: float = 0.15, least: float = 0.2) -> int:
    """How many modes are reached: at least ``least`` of a fair share lies within ``near``."""
    distance, mode = torch.cdist(made, centers).min(1)
    hits = torch.bincount(mode[distance < near], minlength=len(centers))
    return int((hits >= least * len(made) / len(centers)).sum())


def near_share(made: Tensor, centers: Tensor, near: float = 0.15) -> float:
    """The share of the points that lie near some mode."""
    return float((torch.cdist(made, centers).min(1).values < near).float().mean())
