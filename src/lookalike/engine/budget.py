"""Time into images: before a training by a short benchmark, and while it trains by what it takes.

The phases that play change during a run, so the speed is measured at several shares of the budget
on a throwaway trainer, and the whole is the mean of the times per image. What a benchmark cannot
know (a program that begins in the middle) is seen later, and the budget is planned anew. Every plan
is kept in the run, so that it repeats bit for bit.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from lookalike.engine.batches import BatchSource
from lookalike.engine.threads import StepTime, settle
from lookalike.engine.trainer import Trainer
from lookalike.parts.training.schedules import Clock
from lookalike.parts.training.triggers import Moment
from lookalike.place import Place
from lookalike.recipe import Recipe

LONG = 1_000_000_000
"""The budget of the throwaway trainer, in images: its shares stand still while it is measured."""
GRID, TURNS = 50, 12
"""Shares at which it is asked which phases play, and steps."""
SHARES = (0.02, 0.3, 0.6, 0.97)
LATE = (0.5, 0.65, 0.8, 0.97)
"""Where a run that is trained further is measured: its first part is behind it."""
RESERVE = 0.06
"""The share of the time that goes to sample pictures, scores, checkpoints and the report."""
LOOKS = 450
"""What the last looks of a recipe take whose pictures are chosen by them: as long as a training
takes for so many images."""
LOOKS_SHARE = 0.125
"""What they are given at the most of a short time, as a share."""
LEARNED = 200
"""What learning after the last step takes besides its share of a training, however short that was:
as long as a training takes for so many images."""
OVERRUN, GRACE = 3, 10.0
"""How much longer than planned a benchmark may take: so many times, or so many seconds."""
WINDOW = 0.1
"""The share of the time over which the speed of the moment is taken, up to a minute."""
NEAR = 0.2
"""Near the end the speed is taken, and plans are made, at this share of the time that is left."""
OFF, PAUSE = 0.015, 0.03
"""How far off the end may be before the budget is planned anew, and the least time between two
plans, as shares of the time."""
CLOSE = 0.05
"""How far off it may be near the end, as a share of the time that is left."""
BEND = 1.5
"""What is left of a budget shrinks by this factor at the most in one plan: what slows a moment may
be over in the next, and a share that is behind a run does not come back."""
LEAST = 5
"""Steps of which a speed is taken at the least."""
SHORT, SAMPLES = 2048, 8192
"""Images of a budget below which there are none of these looks, and from which on they are as long
as they get (watch/candidates.py)."""
CLOSING = 2.0
"""Seconds of the processor for the report."""
ASLEEP, IDLE = 30.0, 0.05
"""A step of more seconds than this, in which the processor was used for less than this share of
them, was a stopped process or a computer that slept: it does not count."""


@dataclass(frozen=True)
class Speed:
    """Images per second over a whole run, and at each share that was measured.

    ``reserve`` is the share of the time that is not training, ``end`` the part of it that comes
    after the last step, ``looks`` are seconds besides; ``threads`` are those that it was measured
    with. ``work`` are seconds of the processor per image from each share on: they tell a phase
    that costs more from a program beside the training.
    """

    mean: float
    at: tuple[tuple[float, float], ...]
    reserve: float = RESERVE
    looks: float = 0.0
    end: float = 0.0
    threads: int = 0
    work: tuple[tuple[float, float], ...] = ()

    def images(self, seconds: float, batch: int) -> int:
        """The budget in images that fits into this time, a whole number of batches."""
        left = (seconds - self.looks_of(seconds)) * (1 - self.reserve)
        return max(batch, int(self.mean * left) // batch * batch)

    def seconds(self, images: int) -> float:
        """The time that this many images will take."""
        spent = images / self.mean / (1 - self.reserve)
        return min(spent + self.looks, spent / (1 - LOOKS_SHARE))

    def looks_of(self, seconds: float) -> float:
        """What the looks take of this time."""
        return min(self.looks, LOOKS_SHARE * seconds)

    def ahead(self, done: float) -> float:
        """The mean work per image from this share of the budget on."""
        shares = [done + (1 - done) * (i + 0.5) / GRID for i in range(GRID)]
        return sum(self.now(share) for share in shares) / GRID

    def now(self, done: float) -> float:
        """Work per image at this share of the budget."""
        begun = [work for share, work in self.work if share <= done]
        return begun[-1] if begun else 1 / self.mean


def learning(share: float, images: int) -> float:
    """What a prior learns after the last step, of which it says that it takes this share.

    As long as a training takes for so many images; 0 where it learns nothing.
    """
    return share * images + LEARNED if share else 0.0


def measure(
    recipe: Recipe,
    source: BatchSource,
    place: Place,
    *,
    seconds: float = 20.0,
    shares: tuple[float, ...] = SHARES,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Train a throwaway copy for about ``seconds`` in all and say how fast it went."""
    trainer = Trainer(replace(recipe, images=LONG, fits=()), source, place)
    most = threads = torch.get_num_threads()
    if place.adapts and most > 1:
        threads = settle(_player(trainer), most, seconds / 4)
    torch.set_num_threads(threads)
    speeds = trainer.group.agree(_rates(trainer, seconds / len(shares), shares, clock))
    torch.set_num_threads(most)
    rates = tuple((share, rate) for share, (rate, _) in zip(shares, speeds, strict=True))
    work = _profile(trainer, {share: work for share, (_, work) in zip(shares, speeds, strict=True)})
    mean = len(rates) / sum(1 / rate for _, rate in rates)
    measured = recipe.choice is not None and recipe.choice.measured
    end = recipe.prior.fit_time_share
    return Speed(mean, rates, RESERVE + end, LOOKS * measured / mean, end, threads, work)


def _profile(trainer: Trainer, measured: dict[float, float]) -> tuple[tuple[float, float], ...]:
    """Work per image from each share on, where it changes.

    It is that of the nearest share that was measured, among those at which the same phases play.
    """
    plays = {share: _plays(trainer, share) for share in measured}
    profile: list[tuple[float, float]] = []
    for i in range(GRID):
        now = _plays(trainer, (i + 0.5) / GRID)
        alike = [share for share in measured if plays[share] == now] or list(measured)
        work = measured[min(alike, key=lambda share: abs(share - (i + 0.5) / GRID))]
        if not profile or profile[-1][1] != work:
            profile.append((i / GRID, work))
    return tuple(profile)


def _plays(trainer: Trainer, share: float) -> list[int]:
    """How often each phase plays in some steps at this share."""
    clock = Clock(int(share * LONG), 0, LONG)
    moments = [
        Moment(replace(clock, step=step), trainer.now(), dict(trainer.past))
        for step in range(TURNS)
    ]
    return [sum(phase.turn.plays(moment) for moment in moments) for phase in trainer.phases]


def _rates(
    trainer: Trainer, each: float, shares: tuple[float, ...], clock: Callable[[], float]
) -> list[tuple[float, float]]:
    """Images per second, and work per image, at each share, measured for ``each`` seconds.

    Where that takes several times as long, the shares that are left count as the last one.
    """
    rates: list[tuple[float, float]] = []
    processor = time.process_time if trainer.place.device == "cpu" else clock
    last = clock() + max(OVERRUN * each * len(shares), GRACE)
    for share in shares:
        if rates and trainer.group.any(clock() > last):
            rates.append(rates[-1])
            continue
        # Only the phases' turns matter here, so the clock is put where they change.
        trainer.clock = Clock(int(share * LONG), trainer.clock.step, LONG)
        trainer.step()
        begun, used, steps = clock(), processor(), 0
        # Several processes must take the same number of steps, or they would wait for each other.
        while steps < 2 or trainer.group.any(clock() - begun < each):
            trainer.step()
            steps += 1
        images = steps * trainer.recipe.batch
        rates.append((images / (clock() - begun), (processor() - used) / images))
    return rates


def _player(trainer: Trainer) -> Callable[[int], StepTime]:
    """Takes a step of this trainer on a number of threads."""

    def play(threads: int) -> StepTime:
        torch.set_num_threads(threads)
        wall, processor = time.perf_counter(), time.process_time()
        trainer.step()
        spent = time.perf_counter() - wall
        return StepTime(trainer.recipe.batch, spent, time.process_time() - processor)

    return play


PAIRS = ("at", "work")


@dataclass
class TimeBudget:
    """Seconds that a training was given, and what becomes of them.

    ``spent`` are those of earlier processes; this one counts from ``begun`` on. The clock stands
    still while a computer sleeps (time.monotonic does, on Linux and macOS).
    """

    seconds: float
    speed: Speed
    spent: float = 0.0
    clock: Callable[[], float] = time.monotonic
    begun: float | None = None
    _marks: deque[tuple[float, StepTime]] = field(default_factory=deque, init=False)
    _planned: float = field(default=0.0, init=False)
    _known: float = field(default=0.0, init=False)
    """Seconds for a second of work, when that was last measured."""

    def __post_init__(self) -> None:
        if self.begun is None:
            self.begun = self.clock()

    @staticmethod
    def read(saved: Mapping[str, Any]) -> TimeBudget | None:
        """The time of a run as its plan.json tells it, or None where it was given none."""
        try:
            plain = saved["speed"]
            pairs = {name: tuple((float(a), float(b)) for a, b in plain[name]) for name in PAIRS}
            speed = Speed(**{**plain, **pairs})
            return TimeBudget(float(saved["seconds"]), speed, float(saved["spent"]))
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def elapsed(self) -> float:
        """Seconds spent so far, in this process and before."""
        assert self.begun is not None
        return self.spent + self.clock() - self.begun

    def after(self, clock: Clock, step: StepTime) -> None:
        """Note a step; one during which the computer slept is taken off the time."""
        if step.wall > ASLEEP and step.processor < IDLE * step.wall:
            self.spent -= step.wall
            self.forget()
        if clock.images >= clock.budget:  # the last step learns besides: no speed to go by
            return
        self._marks.append((self.clock(), step))
        window = min(WINDOW * self.seconds, 60.0)
        while self._marks[-1][0] - self._marks[0][0] > window and len(self._marks) > LEAST:
            self._marks.popleft()
        if len(self._marks) >= LEAST:
            self._known = self._slowness(clock)

    def forget(self) -> None:
        """Steps so far say nothing of the speed from now on: the threads have changed, say."""
        self._marks.clear()

    def left(self, clock: Clock) -> float:
        """The seconds until everything is written: those of the time that are left.

        The budget follows the time, so this is steadier than the speed of any moment; after the
        last step no images are left that could fill it.
        """
        end = self._end(clock)
        return end if clock.images >= clock.budget else max(self.seconds - self.elapsed, end)

    def replanned(self, clock: Clock, batch: int) -> int | None:
        """Another budget in images, where with this one the end would be off by too much.

        It leaves one step at least: what a run does when its budget is spent is done in a step.
        """
        pause = min(PAUSE * self.seconds, NEAR * (self.seconds - self.elapsed))
        if len(self._marks) < LEAST or self.elapsed < self._planned + pause:
            return None
        slow = self._slowness(clock, NEAR * (self.seconds - self.elapsed))
        each, coming = self.speed.ahead(clock.done) * slow, clock.budget - clock.images
        left = self.seconds - self.elapsed
        given = left - self._end(clock)
        if abs(coming * each - given) < max(min(OFF * self.seconds, CLOSE * left), 1.0):
            return None
        fit = max(given / each, coming / BEND)
        images = max(int(fit) // batch, 1) * batch
        self._planned = self.elapsed
        return None if images == coming else clock.images + images

    def _slowness(self, clock: Clock, window: float = math.inf) -> float:
        """Seconds for a second of work, of the last steps; as before where these are too few.

        ``window`` are the seconds that count, at the most, though never fewer than some steps.
        """
        if len(self._marks) < LEAST:
            return self._known or 1 / (self.speed.mean * self.speed.ahead(0.0))
        now = self._marks[-1][0]
        near = [mark for mark in self._marks if now - mark[0] <= window]
        marks = near if len(near) >= LEAST else list(self._marks)[-LEAST:]
        # The first step began before the span does.
        images = sum(step.images for _, step in marks[1:])
        return max(now - marks[0][0], 1e-9) / (images * self.speed.now(clock.done))

    def _end(self, clock: Clock) -> float:
        """The seconds that come after the last step: what is learned in it, and the last looks.

        Both take as long as so many steps do now, whatever else wants the processor.
        """
        now = self.speed.ahead(0.0) * self._slowness(clock)
        share = self.speed.end / (1 - self.speed.reserve) if clock.images < clock.budget else 0.0
        full = min(clock.budget / SAMPLES, 1.0) if clock.budget >= SHORT else 0.0
        looks = full * self.speed.looks_of(self.seconds) * self.speed.mean
        return (learning(share, clock.budget) + looks) * now + CLOSING * self._waiting()

    def _waiting(self) -> float:
        """Seconds for a second of the processor, of the last steps: above 1 others want it too."""
        wall = sum(step.wall for _, step in self._marks)
        return max(wall / max(sum(step.processor for _, step in self._marks), 1e-9), 1.0)
