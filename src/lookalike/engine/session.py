"""A training in its run folder: restore, step until the budget is spent, watch, save, stop cleanly.

The same command again continues the run: the newest whole checkpoint holds everything that decides
what comes next, and numbers or grids written after it are dropped, since they will be made again.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from lookalike.engine.checks import check_range, check_weights
from lookalike.engine.state import restore, training_state
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene, Watcher
from lookalike.errors import CheckpointError
from lookalike.run import Run


class Stop:
    """Whether somebody asked for an end. Ctrl-C once means: finish this step, save, leave.

    A second one, a second later or more, leaves at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self._since = 0.0

    def _ask(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked, self._since = True, now
        elif now - self._since > 1.0:  # torchrun passes on at once what the terminal sent as well
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def listening(self) -> Iterator[Stop]:
        """Answer SIGINT and SIGTERM by setting ``asked``; the handlers are put back after."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        wanted = [signal.SIGINT, signal.SIGTERM]
        before = {number: signal.signal(number, self._ask) for number in wanted}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass(frozen=True)
class SessionResult:
    """How a session ended: images seen, whether the budget is spent, seconds, images per second."""

    images: int
    finished: bool
    seconds: float
    rate: float
    resumed_at: int = 0


class Session:
    """One process's work on a run."""

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        watchers: Sequence[Watcher] = (),
        save_every: float = 60.0,
    ) -> None:
        self.run, self.trainer = run, trainer
        self.watchers = list(watchers) if trainer.place.main else []
        self.save_every = save_every
        self.stop = Stop()

    def fit(self) -> SessionResult:
        """Train to the end of the budget, or to the first request to stop, and save."""
        trainer, scene = self.trainer, Scene(self.trainer, self.run)
        self.restore()
        first = trainer.clock.images
        begun = saved = time.monotonic()
        with self.stop.listening():
            if first == 0:
                check_range(trainer.recipe, trainer.source, trainer.sampler())
            for watcher in self.watchers:
                watcher.begin(scene)
            while trainer.clock.images < trainer.recipe.images:
                if trainer.group.any(self.stop.asked):
                    break
                tally = trainer.step()
                for watcher in self.watchers:
                    watcher.after(scene, tally)
                if time.monotonic() - saved > self.save_every:
                    self.save()
                    saved = time.monotonic()
            try:
                for watcher in self.watchers:
                    watcher.end(scene)
            finally:  # a last look that fails must not cost the work since the last save
                self.save()
        seconds = time.monotonic() - begun
        seen = trainer.clock.images - first
        return SessionResult(
            images=trainer.clock.images,
            finished=trainer.clock.images >= trainer.recipe.images,
            seconds=seconds,
            rate=seen / seconds if seconds > 0 else 0.0,
            resumed_at=first,
        )

    def restore(self) -> None:
        """Load the newest whole checkpoint, if there is one, on every rank.

        Raises:
            CheckpointError: there are checkpoints, and none of them is whole.
        """
        newest: tuple[dict[str, Any] | None, list[str]] = (None, [])
        if self.trainer.place.main:
            newest = self.run.newest()
        state, refused = self.trainer.group.agree(newest)
        if state is None and refused:
            raise CheckpointError(
                f"No checkpoint in {self.run.checkpoints} can be used. {' '.join(refused)} "
                "To begin anew, name another folder with --into, or delete that one."
            )
        if state is not None:
            restore(self.trainer, state)
            self._remind(state.get("watchers", {}))
        if self.trainer.place.main:
            for words in refused:
                self.run.say(f"{words} The checkpoint before it is used.")
            self.run.forget_after(self.trainer.clock.images)

    def _remind(self, memories: Any) -> None:
        """Give the watchers what they remembered; what that is, each of them knows alone."""
        try:
            for watcher in self.watchers:
                watcher.load(memories.get(watcher.name, {}))
        except (AttributeError, TypeError, ValueError, KeyError, IndexError) as problem:
            raise CheckpointError(
                f"The newest checkpoint in {self.run.checkpoints} holds what this version cannot "
                f"read ({problem}). Delete it to go on from the one before it."
            ) from problem

    def save(self) -> None:
        """Write a checkpoint; rank 0 writes, the others go on.

        Raises:
            NotFiniteError, CheckpointError.
        """
        if not self.trainer.place.main:
            return
        check_weights(self.trainer.networks, self.trainer.clock)
        tree = training_state(self.trainer)
        tree["watchers"] = {w.name: dict(w.state()) for w in self.watchers}
        self.run.save(self.trainer.clock.images, tree)
