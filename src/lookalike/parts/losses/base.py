"""What each player minimises, and when: Batch, Terms, Phase, Objective, and the stock terms.

Losses take logits. A loss is a pure function of (game, batch) that returns named terms with one
number per sample; the trainer sums their means, so that a micro-batched step equals a whole one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookalike.parts.training.triggers import Always, Trigger

if TYPE_CHECKING:
    from lookalike.parts.losses.game import Game


@dataclass(frozen=True)
class Batch:
    """The pictures of one step, or of a slice of it.

    ``images`` is float ``[N, C, H, W]`` in [-1, 1]; ``z`` is ``[N, Z]``; ``labels`` is float
    ``[N, L]`` or None; ``known`` marks rows whose label may be used (semi-supervised training).
    ``fresh(purpose)`` draws another z of the same shape at an address of its own.
    """

    images: Tensor
    z: Tensor
    labels: Tensor | None = None
    known: Tensor | None = None
    fresh: Callable[[str], Tensor] = field(default=lambda purpose: torch.empty(0))
    noise: Callable[[str], torch.Generator] = field(default=lambda purpose: torch.Generator())

    def __len__(self) -> int:
        return len(self.images)


class Terms(dict[str, Tensor]):
    """Named terms of a loss, each ``[N]``: one number per sample. Terms named ``~x`` only tell."""

    def total(self) -> Tensor:
        """The sum of all terms that count, averaged over the samples."""
        counted = [term.float().mean() for name, term in self.items() if not name.startswith("~")]
        return torch.stack(counted).sum()


Loss = Callable[["Game", Batch], Terms]
Constraint = Callable[[nn.Module], None]


@dataclass(frozen=True)
class Phase:
    """Whose weights move, which pure function gives the terms, and when.

    ``exact`` keeps the phase in float32 (penalties with double backward); ``after`` is applied to
    each player's network after the step (weight clipping); ``together`` phases compute their
    gradients from one state before any of them steps (simultaneous updates).
    """

    players: tuple[str, ...]
    loss: Loss
    turn: Trigger = field(default_factory=Always)
    after: Constraint | None = None
    exact: bool = False
    together: bool = False


def rounds(playing: Sequence[tuple[int, Phase]]) -> Iterator[list[tuple[int, Phase]]]:
    """Phases one by one; neighbors that play together share one state before any steps."""
    waiting: list[tuple[int, Phase]] = []
    for item in playing:
        if item[1].together:
            waiting.append(item)
            continue
        if waiting:
            yield waiting
            waiting = []
        yield [item]
    if waiting:
        yield waiting


class Objective(ABC):
    """The phases of a game. Final classes are frozen dataclasses."""

    @property
    def labelled(self) -> int:
        """How many pictures of each class may show their label; 0 means that all may."""
        return 0

    @property
    def judging(self) -> bool:
        """Whether D takes pictures and gives logits, so that the tricks around it apply."""
        return True

    def verdict(self, found: Tensor) -> Tensor:
        """The logits of "real" ``[N]`` or ``[N, heads]`` in what D gives for pictures."""
        return found

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The phases in the order in which they play within a step."""


@dataclass(frozen=True)
class Clip:
    """Clamps every weight to [-limit, limit] (Arjovsky et al. 2017, algorithm 1)."""

    limit: float = 0.01

    def __call__(self, network: nn.Module) -> None:
        """Clamp in place."""
        with torch.no_grad():
            for weight in network.parameters():
                weight.clamp_(-self.limit, self.limit)


def per_sample(values: Tensor) -> Tensor:
    """``[N, ...]`` -> ``[N]``: the mean over everything but the samples."""
    return values.float().flatten(1).mean(1) if values.ndim > 1 else values.float()


def real_or_fake(logits: Tensor, target: float | Tensor) -> Tensor:
    """Binary cross-entropy with logits against ``target`` in [0, 1], ``[N]``.

    Goodfellow et al. 2014, equation 1, written on logits: softplus(l) - target * l.
    """
    logits = logits.float()
    goal = target if isinstance(target, Tensor) else torch.full_like(logits, target)
    if goal.ndim < logits.ndim:
        goal = goal[(...,) + (None,) * (logits.ndim - goal.ndim)].expand_as(logits)
    return per_sample(functional.softplus(logits) - goal * logits)


def hinge_real(logits: Tensor) -> Tensor:
    """max(0, 1 - l) per sample (Lim & Ye 2017)."""
    return per_sample(functional.relu(1 - logits.float()))


def hinge_fake(logits: Tensor) -> Tensor:
    """max(0, 1 + l) per sample (Lim & Ye 2017)."""
    return per_sample(functional.relu(1 + logits.float()))


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, summed over dimensions, ``[N]``.

    Kingma & Welling 2014, appendix B.
    """
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def absolute(first: Tensor, second: Tensor) -> Tensor:
    """Mean absolute difference, ``[N]``."""
    return per_sample((first.float() - second.float()).abs())


def squared(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared difference, ``[N]``."""
    return per_sample((first.float() - second.float()).square())
