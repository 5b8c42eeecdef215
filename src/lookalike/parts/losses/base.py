"""What each player minimizes, and when: Terms, Phase, Objective, and the stock terms.

Losses take logits. A loss is a pure function of (game, batch) that returns named terms with one
number per sample; the trainer sums their means, so that a micro-batched step equals a whole one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lookalike.parts.former_names import answer_to
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.training.triggers import Always, Trigger


class Terms(dict[str, Tensor]):
    """Named terms of a loss, each ``[N]``: one number per sample. Terms named ``~x`` only tell."""

    def total(self) -> Tensor:
        """The sum of all terms that count, averaged over the samples."""
        counted = [term.float().mean() for name, term in self.items() if not name.startswith("~")]
        return torch.stack(counted).sum()


Loss = Callable[[Game, Batch], Terms]
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

    def __init_subclass__(cls) -> None:
        answer_to(cls, labelled="labeled", judging="gives_logits", verdict="real_logits")

    @property
    def labeled(self) -> int:
        """How many pictures of each class may show their label; 0 means that all may."""
        return 0

    @property
    def gives_logits(self) -> bool:
        """Whether D takes pictures and gives logits, so that the tricks around it apply."""
        return True

    def real_logits(self, output: Tensor) -> Tensor:
        """The logits of "real" ``[N]`` or ``[N, heads]`` in what D gives for pictures."""
        return output

    @property
    def reads(self) -> tuple[str, ...]:
        """The values without which a term of its losses would mean something else, by name."""
        return ()

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


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, summed over dimensions, ``[N]``.

    Kingma & Welling 2014, appendix B.
    """
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def absolute(first: Tensor, second: Tensor) -> Tensor:
    """Mean absolute difference, ``[N]``."""
    return per_sample((first.float() - second.float()).abs())
