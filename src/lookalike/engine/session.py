"""A training in its run folder: restore, step until the budget is spent, watch, save, stop cleanly.

The same command again continues the run: the newest whole checkpoint holds everything that decides
what comes next, and numbers or grids written after it are dropped, since they will be made again.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import FrameType
from typing import Any

import torch

from lookalike.engine.budget import TimeBudget
from lookalike.engine.checks import check_range, check_weights
from lookalike.engine.state import copied, restore, training_state
from lookalike.engine.threads import StepTime, ThreadTrials
from lookalike.engine.trainer import Setback, Trainer
from lookalike.engine.watcher import Scene, Watcher
from lookalike.errors import CheckpointError, NotFiniteError, RunError, TrainingError
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


MOST_SETBACKS = 3
"""How often a training goes back to its last good state before it gives up."""
WORTH = 0.1
"""A budget that is planned anew is worth a line in log.txt where it is off by this share."""


@dataclass(frozen=True)
class SessionResult:
    """How a session ended: images seen and planned, whether all were, seconds, images a second."""

    images: int
    budget: int
    finished: bool
    seconds: float
    rate: float
    resumed_at: int = 0


@dataclass(frozen=True)
class Leg:
    """What holds from so many images on: the budget, since when its shares count, and threads."""

    images: int
    budget: int
    since: tuple[int, float] = (0, 0.0)
    threads: int = 0

    @staticmethod
    def read(kept: Mapping[str, Any]) -> tuple[Leg, ...]:
        """The legs of a plan.json.

        Raises:
            RunError: they are none.
        """
        try:
            return tuple(
                Leg(int(leg["images"]), int(leg["budget"]), _since(leg), int(leg["threads"]))
                for leg in kept.get("legs", [])
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise RunError(
                f"plan.json holds no plan of a training ({problem!r}). Delete it: the run then "
                "goes on with the budget of its recipe.json."
            ) from problem


def _since(leg: Mapping[str, Any]) -> tuple[int, float]:
    images, share = leg["since"]
    return int(images), float(share)


class Planner:
    """Follows the plan that is kept in the run, and behind its end plans by what steps take.

    Another budget where a time was given, another number of threads where steps wait: each begins a
    new leg, which is on the disk before it is played. So a run that was killed plays its legs
    again, and a plan that is followed from the start gives the same bits.
    """

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        legs: Sequence[Leg] = (),
        time: TimeBudget | None = None,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self.run, self.trainer, self.legs, self.time, self.say = run, trainer, [*legs], time, say
        self._most = torch.get_num_threads()
        self._begun = self._said = self._until = 0
        self._trials: ThreadTrials | None = None

    def over(self) -> bool:
        """Whether the budget is spent; begins the legs that are due before the next step."""
        clock = self.trainer.clock
        while self._begun < len(self.legs) and self.legs[self._begun].images <= clock.images:
            leg = self.legs[self._begun]
            self._begin(leg)
            if self.trainer.place.adapts and self._most > 1:
                self._trials = ThreadTrials(self._most, torch.get_num_threads())
        return self.trainer.clock.images >= self.trainer.clock.budget

    def after(self, step: StepTime) -> None:
        """Note what a step took, and plan anew where that calls for it."""
        clock = self.trainer.clock
        if self.time is not None:
            self.time.after(clock, step)
        if self._begun < max(len(self.legs), 1) or not self._until <= clock.images < clock.budget:
            return
        if self._trials is not None:
            settled = self._trials.threads
            threads = self._trials.after(step)
            if self._trials.threads != settled:
                self._say_threads(settled)
            if threads != torch.get_num_threads():
                self._add(replace(self.legs[-1], images=clock.images, threads=threads))
            if self._trials.trying:
                return
        if self.time is not None:
            budget = self.time.replanned(clock, self.trainer.recipe.batch)
            if budget is not None:
                self._replan(budget)

    def rewind(self, until: int) -> None:
        """The training went back, and plays its legs again up to where it was, none beside them.

        So a run that repeats, which has these legs from the start, plays the same ones twice.
        """
        self._begun, self._until = 0, until
        if self.time is not None:
            self.time.forget()

    def leave(self) -> None:
        """Give the process back its threads."""
        torch.set_num_threads(self._most)

    def save(self) -> None:
        """Keep the plan, and how much of the time is spent."""
        if self.legs and self.trainer.place.main:
            tree: dict[str, Any] = {"legs": [asdict(leg) for leg in self.legs]}
            if self.trainer.setbacks:
                tree["setbacks"] = [asdict(setback) for setback in self.trainer.setbacks]
            if self.time is not None:
                spent = round(self.time.elapsed, 1)
                tree |= {"seconds": self.time.seconds, "spent": spent}
                tree |= {"speed": asdict(self.time.speed)}
            self.run.write_plan(tree)

    def _say_threads(self, before: int) -> None:
        assert self._trials is not None
        now = self._trials.threads
        why = "other programs want the processor" if now < before else "the processor is free"
        words = f"{now} of {self._trials.most} threads are faster now: {why}."
        self.run.say(words)
        self.say(words)

    def _replan(self, budget: int) -> None:
        clock = self.trainer.clock.planned(budget)
        if abs(budget - self._said) > WORTH * self._said:
            self.run.say(f"To end in time: {budget:,} images in all ({clock.images:,} seen).")
            self._said = budget
        self._add(Leg(clock.images, budget, clock.since, self.legs[-1].threads))
        self.run.write_budget(self.trainer.recipe)

    def _add(self, leg: Leg) -> None:
        self.legs.append(leg)
        self.save()
        self._begin(leg)

    def _begin(self, leg: Leg) -> None:
        self._begun += 1
        threads = min(leg.threads, self._most)
        if threads and self.trainer.place.adapts and threads != torch.get_num_threads():
            torch.set_num_threads(threads)
            if self.time is not None:
                self.time.forget()
        self.trainer.plan(replace(self.trainer.clock, budget=leg.budget, since=leg.since))


class Session:
    """One process's work on a run."""

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        watchers: Sequence[Watcher] = (),
        save_every: float = 60.0,
        planner: Planner | None = None,
    ) -> None:
        self.run, self.trainer = run, trainer
        self.watchers = list(watchers) if trainer.place.main else []
        self.save_every = save_every
        self.planner = planner or Planner(run, trainer)
        self.stop = Stop()
        self._good: dict[str, Any] | None = None
        self._written = True

    def fit(self) -> SessionResult:
        """Train to the end of the budget, or to the first request to stop, and save."""
        trainer, scene = self.trainer, Scene(self.trainer, self.run, self.planner.time)
        self.restore()
        first = trainer.clock.images
        begun = saved = time.monotonic()
        with self.stop.listening():
            if first == 0:
                check_range(trainer.recipe, trainer.source, trainer.sampler())
            for watcher in self.watchers:
                watcher.begin(scene)
            if self.goes_back:
                self._good = self.run.good(first) or copied(self._state())
            while not self.planner.over():
                if trainer.group.any(self.stop.asked):
                    break
                self._step(scene)
                if time.monotonic() - saved > self.save_every:
                    try:
                        self.save()
                    except NotFiniteError as problem:
                        self._back_from(scene, problem)
                    saved = time.monotonic()
            try:
                for watcher in self.watchers:
                    watcher.end(scene)
            finally:  # a last look that fails must not cost the work since the last save
                self.save()
                self.planner.leave()
        seconds = time.monotonic() - begun
        seen = trainer.clock.images - first
        return SessionResult(
            images=trainer.clock.images,
            budget=trainer.clock.budget,
            finished=trainer.clock.images >= trainer.clock.budget,
            seconds=seconds,
            rate=seen / seconds if seconds > 0 else 0.0,
            resumed_at=first,
        )

    def _step(self, scene: Scene) -> None:
        wall, processor = time.monotonic(), time.process_time()
        try:
            tally = self.trainer.step()
        except NotFiniteError as problem:
            return self._back_from(scene, problem)
        wall, processor = time.monotonic() - wall, time.process_time() - processor
        processor = processor if self.trainer.place.device == "cpu" else wall
        for watcher in self.watchers:
            watcher.after(scene, tally)
        self.planner.after(StepTime(self.trainer.recipe.batch, wall, processor))
        if self._good is None:
            return
        for request in [watcher.asks(scene) for watcher in self.watchers]:
            if request is not None and request.back:
                self._back(scene, request.back)
                return
            if request is not None:
                self._good, self._written = copied(self._state()), False

    # ---- back to the last good state --------------------------------------------------------

    @property
    def goes_back(self) -> bool:
        """Whether somebody looks for what goes wrong; several processes cannot go back together."""
        asking = any(type(watcher).asks is not Watcher.asks for watcher in self.watchers)
        return asking and self.trainer.place.world == 1

    def _back_from(self, scene: Scene, problem: NotFiniteError) -> None:
        """Go back from numbers that are none, where there is a state to go back to."""
        if self._good is None:
            raise problem
        self._back(scene, str(problem).partition(". ")[0])

    def _back(self, scene: Scene, why: str) -> None:
        """Go on from the last good state, with its optimizers, at half the rate.

        The new checkpoint is on the disk before those that went wrong are dropped, so a process
        that is killed in between goes wrong, and back, once more.

        Raises:
            TrainingError: this was once too often; the last good state is the newest checkpoint.
        """
        trainer, state = self.trainer, copied(self._good)
        found, often = trainer.clock.images, trainer.setbacks
        enough = len(often) == MOST_SETBACKS
        restore(trainer, state)
        images = trainer.clock.images
        trainer.setbacks = often if enough else (*often, Setback(found, images, why))
        for watcher in self.watchers:
            watcher.rewound(scene, state.get("watchers", {}).get(watcher.name, {}))
        self.planner.rewind(trainer.setbacks[-1].found)
        self.save()
        self.run.rewind(images)
        went = f"The training went wrong at {found:,} images: {why}."
        if enough:
            raise TrainingError(
                f"{went} That is once more than the {MOST_SETBACKS} times that it goes back and "
                f"learns at half the rate. Its last good state ({images:,} images) is kept, and "
                f"'lookalike generate {self.run.path}' draws from it. Try another recipe, more "
                "pictures, or a lower rate from the start (--set optimizers.G.rate=1e-5)."
            )
        words = (
            f"{went} It goes on from its last good state ({images:,} images, with its optimizers) "
            "at half the rate."
        )
        self.run.say(words)
        self.planner.say(words)

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
            self.planner.rewind(max((back.found for back in self.trainer.setbacks), default=0))
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
        if self._good is not None and not self._written:
            self.run.save_good(self._good)
            self._written = True
        self.run.save(self.trainer.clock.images, self._state())
        self.planner.save()

    def _state(self) -> dict[str, Any]:
        """The state of the training, and what its watchers remember."""
        memories = {watcher.name: dict(watcher.state()) for watcher in self.watchers}
        return {**training_state(self.trainer), "watchers": memories}
