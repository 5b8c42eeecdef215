"""Small players without batch statistics, and a recipe that plays exactly the phases of a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lookalike.parts.latents.priors import Normal, Prior
from lookalike.parts.losses.adversarial import real_or_fake
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.training.optimizers import SGD, OptimizerPlan
from lookalike.parts.training.schedules import Constant, Value
from lookalike.recipe import Recipe

SIZE = 8


class Drawn(nn.Module):
    """z -> pictures through one linear layer; ``end`` bounds them."""

    def __init__(self, dims: int, shape: tuple[int, int, int], end: nn.Module) -> None:
        super().__init__()
        self.shape = shape
        self.layer = nn.Linear(dims, shape[0] * shape[1] * shape[2])
        self.end = end

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        pictures: Tensor = self.end(self.layer(z)).view(-1, *self.shape)
        return pictures


class Judge(nn.Module):
    """One strided convolution (channels-last weights) and a sum: no batch statistics."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 4, 3, 2, 1)
        self.last = nn.Linear(4, 1)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.last(self.layer(pictures).tanh().mean((2, 3))).squeeze(1)
        return logits


@dataclass(frozen=True, kw_only=True)
class DrawnPlan(NetworkPlan):
    """``end`` is "tanh", "sigmoid", "wide" (no bound, large) or "plain"."""

    dims: int = 4
    end: str = "tanh"

    def build(self, frame: Frame) -> nn.Module:
        ends: dict[str, nn.Module] = {
            "tanh": nn.Tanh(),
            "sigmoid": nn.Sigmoid(),
            "plain": nn.Identity(),
            "wide": nn.Identity(),
        }
        made = Drawn(self.dims, (frame.channels, frame.size, frame.size), ends[self.end])
        if self.end == "wide":
            nn.init.normal_(made.layer.weight, std=9.0)
        return made


@dataclass(frozen=True)
class JudgePlan(NetworkPlan):
    def build(self, frame: Frame) -> nn.Module:
        return Judge(frame.channels)


@dataclass(frozen=True)
class Playing(Objective):
    """Exactly these phases."""

    given: tuple[Phase, ...]

    def phases(self) -> tuple[Phase, ...]:
        return self.given


def critic(game: Game, batch: Batch) -> Terms:
    return Terms(
        real=real_or_fake(game.judge(batch.images), 1.0),
        fake=real_or_fake(game.judge(game.fakes(batch).detach()), 0.0),
    )


def maker(game: Game, batch: Batch) -> Terms:
    return Terms(adversarial=real_or_fake(game.judge(game.fakes(batch)), 1.0))


def recipe(
    *phases: Phase,
    end: str = "tanh",
    values: Mapping[str, Value] | None = None,
    optimizers: Mapping[str, OptimizerPlan] | None = None,
    prior: Prior | None = None,
    **settings: Any,
) -> Recipe:
    """A recipe of these phases (or D, then G) for pictures of 8 px."""
    game = phases or (Phase(("D",), critic), Phase(("G",), maker))
    player = SGD(rate=Constant(0.1))
    told: dict[str, Any] = {"batch": 8, "images": 64, **settings}
    return Recipe(
        name="players",
        size=SIZE,
        networks={"G": DrawnPlan(end=end), "D": JudgePlan()},
        prior=prior or Normal(4),
        objective=Playing(tuple(game)),
        optimizers=optimizers or {"G": player, "D": player},
        values=values if values is not None else {"ema": Constant(100)},
        **told,
    )


@dataclass
class Heard:
    """A loss that writes down what it was given."""

    loss: Callable[[Game, Batch], Terms]
    batches: list[Batch] = field(default_factory=list)

    def __call__(self, game: Game, batch: Batch) -> Terms:
        self.batches.append(batch)
        return self.loss(game, batch)


def weights(network: nn.Module) -> Tensor:
    """All weights of a network in one row."""
    return torch.cat([w.detach().reshape(-1) for w in network.parameters()]).clone()
