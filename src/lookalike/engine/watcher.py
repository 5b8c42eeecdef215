"""Watcher: what looks on while a run trains. The loop knows only this interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lookalike.engine.trainer import Trainer
from lookalike.parts.training.schedules import Tally
from lookalike.run import Run


@dataclass(frozen=True)
class Scene:
    """What a watcher may look at: the trainer, the run folder, and the seconds spent so far."""

    trainer: Trainer
    run: Run

    @property
    def images(self) -> int:
        """Images seen."""
        return self.trainer.clock.images

    @property
    def done(self) -> float:
        """The share of the budget that is behind us."""
        return self.trainer.clock.done


class Watcher(ABC):
    """Looks on. Must not change the training; what it remembers goes through the checkpoint."""

    name: str

    def begin(self, scene: Scene) -> None:
        """Before the first step of this process."""
        return None

    @abstractmethod
    def after(self, scene: Scene, tally: Tally) -> None:
        """After each step."""

    def end(self, scene: Scene) -> None:
        """After the last step of this process, finished or interrupted."""
        return None

    def state(self) -> Mapping[str, Any]:
        """What must survive a restart, as JSON-able values."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` gave."""
        return None
