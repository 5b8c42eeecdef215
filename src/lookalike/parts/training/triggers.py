"""When a phase plays: pure predicates of the clock, of the values and of what happened before.

A turn holds no state. Rules with a memory (boosts, noisy labels, feedback) keep it in a
:class:`~lookalike.parts.training.schedules.Value`, which is checkpointed; a turn only reads it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lookalike.parts.training.schedules import Clock


@dataclass(frozen=True)
class Moment:
    """What a turn may look at: the clock, the values now, and each player's last total loss."""

    clock: Clock
    now: Mapping[str, float]
    past: Mapping[str, float]


class Trigger(ABC):
    """Decides whether a phase plays in this step. Final classes are frozen dataclasses."""

    @abstractmethod
    def plays(self, moment: Moment) -> bool:
        """Whether the phase plays now."""

    def moves(self, moment: Moment, total: Callable[[], float]) -> bool:
        """Whether the weights move, asked when the phase has its gradients.

        ``total`` gives the loss that the phase has just had.
        """
        return True


@dataclass(frozen=True)
class Always(Trigger):
    """In every step."""

    def plays(self, moment: Moment) -> bool:
        """True."""
        return True


@dataclass(frozen=True)
class Every(Trigger):
    """In every n-th step, beginning with step 0."""

    steps: int

    def plays(self, moment: Moment) -> bool:
        """True when the step is a multiple of ``steps``."""
        return moment.clock.step % self.steps == 0


@dataclass(frozen=True)
class Between(Trigger):
    """While the share of the budget that is done lies in [begin, end)."""

    begin: float = 0.0
    end: float = 2.0

    def plays(self, moment: Moment) -> bool:
        """True inside the interval."""
        return self.begin <= moment.clock.done < self.end


@dataclass(frozen=True)
class Within(Trigger):
    """Another turn that knows a part of the budget alone, and never plays outside of it."""

    turn: Trigger
    begin: float = 0.0
    end: float = 1.0

    def plays(self, moment: Moment) -> bool:
        """What the turn says when [begin, end) is the whole budget to it."""
        if not self.begin <= moment.clock.done < self.end:
            return False
        return self.turn.plays(self._inside(moment))

    def moves(self, moment: Moment, total: Callable[[], float]) -> bool:
        """What the turn says."""
        return self.turn.moves(self._inside(moment), total)

    def _inside(self, moment: Moment) -> Moment:
        return replace(moment, clock=moment.clock.within(self.begin, self.end))


@dataclass(frozen=True)
class Before(Trigger):
    """Until this many images have been seen."""

    images: int

    def plays(self, moment: Moment) -> bool:
        """True before ``images``."""
        return moment.clock.images < self.images


@dataclass(frozen=True)
class After(Trigger):
    """From this many images on."""

    images: int

    def plays(self, moment: Moment) -> bool:
        """True from ``images`` on."""
        return moment.clock.images >= self.images


@dataclass(frozen=True)
class Gate(Trigger):
    """Steps only while its player lags: its loss in this step above ``factor`` times the other's.

    The phase always plays, so its loss is known and told; its weights move only when that loss is
    above ``factor`` times the last total of ``other``. As long as the other has none (in the first
    step) they move. (The monitored training of the Pokemon DCGAN: D steps only if errD > 0.8 errG
    of the iteration before.)
    """

    other: str
    factor: float = 0.8

    def plays(self, moment: Moment) -> bool:
        """True."""
        return True

    def moves(self, moment: Moment, total: Callable[[], float]) -> bool:
        """True while the player lags behind."""
        if self.other not in moment.past:
            return True
        return total() > self.factor * moment.past[self.other]


@dataclass(frozen=True)
class When(Trigger):
    """While a value (for example the state of a rule with memory) is one of these numbers."""

    value: str
    among: tuple[float, ...]

    def plays(self, moment: Moment) -> bool:
        """True when the value is listed."""
        return moment.now[self.value] in self.among


@dataclass(frozen=True)
class Both(Trigger):
    """When both turns play."""

    first: Trigger
    second: Trigger

    def plays(self, moment: Moment) -> bool:
        """True when both do."""
        return self.first.plays(moment) and self.second.plays(moment)

    def moves(self, moment: Moment, total: Callable[[], float]) -> bool:
        """True when both let the weights move."""
        return self.first.moves(moment, total) and self.second.moves(moment, total)
