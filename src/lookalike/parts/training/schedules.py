"""The numbers that move while a run trains.

Time is images seen, so a schedule is a pure function of the :class:`Clock`. A number that answers
to what happened (BEGAN's k, adaptive augmentation) keeps a small state that can be written as JSON;
the trainer holds it and checkpoints it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

State = Mapping[str, Any]


@dataclass(frozen=True)
class Clock:
    """How far a run is, in images shown to it and in steps; ``budget`` is where it will end.

    ``since`` is the number of images at which this budget was planned, and the share that was
    behind the run then: shares go on from there, so that no schedule jumps or turns back.
    """

    images: int = 0
    step: int = 0
    budget: int = 1
    since: tuple[int, float] = (0, 0.0)

    @property
    def done(self) -> float:
        """The share of the budget that is behind us, in [0, 1]."""
        if self.images >= self.budget:
            return 1.0
        images, share = self.since
        return share + (1.0 - share) * ((self.images - images) / (self.budget - images))

    def plus(self, images: int) -> Clock:
        """The clock one step of ``images`` pictures later."""
        return Clock(self.images + images, self.step + 1, self.budget, self.since)

    def planned(self, budget: int) -> Clock:
        """The clock with another budget from now on."""
        return Clock(self.images, self.step, budget, (self.images, self.done))

    def within(self, begin: float, end: float) -> Clock:
        """The clock of a game that lasts from one share of the budget to another.

        Images and steps are those of the whole; ``done`` is 0 before the game and 1 behind it.
        """
        share = (self.done - begin) / (end - begin)
        if share >= 1:
            return replace(self, budget=self.images)
        return replace(self, budget=self.images + 1, since=(self.images, max(share, 0.0)))


@dataclass(frozen=True)
class Tally:
    """What one step told: ``totals`` per player, ``terms`` by name, ``facts`` such as D(x)."""

    totals: Mapping[str, float]
    terms: Mapping[str, float]
    facts: Mapping[str, float]


class Value(ABC):
    """A number that moves. Final classes are frozen dataclasses."""

    def start(self) -> State:
        """The state before the first step; empty for pure schedules."""
        return {}

    def opening(self, draw: float) -> State:
        """The state of the first step, for rules that draw in every step; ``draw`` as in after."""
        return self.start()

    @abstractmethod
    def at(self, clock: Clock, state: State) -> float:
        """The number at this moment."""

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """The state after a step. ``draw`` is uniform in [0, 1), addressed by the step."""
        return state


@dataclass(frozen=True)
class Constant(Value):
    """Always the same number."""

    value: float

    def at(self, clock: Clock, state: State) -> float:
        """The number."""
        return self.value


@dataclass(frozen=True, kw_only=True)
class Linear(Value):
    """From ``start_value`` to ``end_value`` between two shares of the budget, constant outside."""

    start_value: float
    end_value: float
    begin: float = 0.0
    end: float = 1.0

    def at(self, clock: Clock, state: State) -> float:
        """The number at this share of the budget."""
        share = (clock.done - self.begin) / max(self.end - self.begin, 1e-12)
        return self.start_value + (self.end_value - self.start_value) * min(max(share, 0.0), 1.0)


@dataclass(frozen=True, kw_only=True)
class Cosine(Value):
    """Half a cosine from ``peak`` to ``end_value`` over the budget, after a linear warm-up."""

    peak: float
    end_value: float = 0.0
    warmup: float = 0.0

    def at(self, clock: Clock, state: State) -> float:
        """The number at this share of the budget."""
        if clock.done < self.warmup:
            return self.peak * (clock.done + 1e-3) / (self.warmup + 1e-3)
        share = (clock.done - self.warmup) / max(1.0 - self.warmup, 1e-12)
        return self.end_value + (self.peak - self.end_value) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True, kw_only=True)
class Decay(Value):
    """Constant until ``begin`` (a share of the budget), then linear to ``end_value`` at the end."""

    value: float
    end_value: float = 0.0
    begin: float = 0.5

    def at(self, clock: Clock, state: State) -> float:
        """The number at this share of the budget."""
        return Linear(
            start_value=self.value, end_value=self.end_value, begin=self.begin, end=1.0
        ).at(clock, state)


@dataclass(frozen=True, kw_only=True)
class Consecutive(Value):
    """One schedule until a share of the budget, then another; each counts its own part.

    Both are pure: neither keeps a state.
    """

    first: Value
    second: Value
    at_share: float = 0.5

    def at(self, clock: Clock, state: State) -> float:
        """The number that the schedule of this moment has at its share of its part."""
        if clock.done < self.at_share:
            return self.first.at(clock.within(0.0, self.at_share), {})
        return self.second.at(clock.within(self.at_share, 1.0), {})
