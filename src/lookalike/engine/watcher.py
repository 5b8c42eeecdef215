"""Watcher: what looks on while a run trains, and what it may cost. The loop knows only this."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lookalike.engine.budget import TimeBudget
from lookalike.engine.trainer import Trainer
from lookalike.parts.training.schedules import Tally
from lookalike.run import Run

Clock = Callable[[], float]
"""Seconds since some moment."""


@dataclass(frozen=True)
class Scene:
    """What a watcher may look at: the trainer, the run folder, and the seconds spent so far.

    ``shared`` holds by name what one watcher found out and others need as well.
    """

    trainer: Trainer
    run: Run
    time: TimeBudget | None = None
    shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def images(self) -> int:
        """Images seen."""
        return self.trainer.clock.images

    @property
    def done(self) -> float:
        """The share of the budget that is behind us."""
        return self.trainer.clock.done

    @property
    def seconds_left(self) -> float | None:
        """The seconds until everything is written, where the training was given a time."""
        return None if self.time is None else self.time.left(self.trainer.clock)


@dataclass(frozen=True)
class Request:
    """What a watcher asks of the session: to keep this state as a good one, or to go ``back``.

    ``back`` says why, and is empty where the state is to be kept.
    """

    back: str = ""


class Watcher(ABC):
    """Looks on. Must not change the training; what it remembers goes through the checkpoint."""

    name: str

    def begin(self, scene: Scene) -> None:
        """Before the first step of this process."""
        return None

    @abstractmethod
    def after(self, scene: Scene, tally: Tally) -> None:
        """After each step."""

    def asks(self, scene: Scene) -> Request | None:
        """What the session is asked to do after this step; the same whenever the run repeats."""
        return None

    def rewound(self, scene: Scene, state: Mapping[str, Any]) -> None:
        """The session went back to an earlier state, when this watcher remembered ``state``."""
        self.load(state)

    def end(self, scene: Scene) -> None:
        """After the last step of this process, finished or interrupted."""
        return None

    def state(self) -> Mapping[str, Any]:
        """What must survive a restart, as JSON-able values."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` gave."""
        return None


@dataclass
class CostLimit:
    """Keeps what a watcher has ``spent`` below ``share`` of the seconds since ``begin``."""

    share: float
    clock: Clock = time.monotonic
    spent: float = field(default=0.0, init=False)
    _begun: float | None = field(default=None, init=False)

    def begin(self) -> None:
        """Start counting."""
        self._begun, self.spent = self.clock(), 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since ``begin``."""
        return 0.0 if self._begun is None else self.clock() - self._begun

    def affords(self, cost: float) -> bool:
        """Whether ``cost`` more seconds now would still be within the share."""
        return self.spent + cost <= self.share * self.elapsed

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the seconds of a block as spent."""
        before = self.clock()
        try:
            yield
        finally:
            self.spent += self.clock() - before
