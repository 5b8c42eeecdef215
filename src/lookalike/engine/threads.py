"""How many processor threads a step is computed on: found out by trying, while it trains.

A step on several threads waits hundreds of times for the last of them. Where another program has
taken a core, each of these waits for that core: two threads can be ten times as slow as one.
Processor time against wall time tells: what is not used was waited for. Then other numbers of
threads are tried for a few steps each, and the fastest is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

USED = 0.8
"""Below this share of its threads' time a training waits, and fewer of them are tried."""
FREE = 0.9
"""From this share on nobody else wants the cores that are used, and more of them are tried."""
GAIN = 1.1
"""Another number of threads must be faster by this factor."""
WINDOW, LEAST = 4, 1.0
"""Steps, and seconds, that are looked at before anything is tried."""
WARM, MEASURED = 1, 3
"""Steps of a trial that do not count, and that do."""
HOPELESS = 2.0
"""A number whose first step is slower than the best one by this factor is given up."""
PATIENCE, COST = 15.0, 33
"""Seconds between trials, doubled after each that brought nothing, and at least this many times
what the last one cost: trying takes no more than a few hundredths of the time."""


@dataclass(frozen=True)
class StepTime:
    """What a step took: its images, seconds of the wall clock and of the processor."""

    images: int
    wall: float
    processor: float


@dataclass
class ThreadTrials:
    """Watches steps and says how many threads, of ``most``, the next one should have."""

    most: int
    threads: int
    _window: deque[StepTime] = field(default_factory=deque, init=False)
    _trial: _Trial | None = field(default=None, init=False)
    _rest: float = field(default=0.0, init=False)
    _patience: float = field(default=PATIENCE, init=False)
    _second: float = field(default=0.0, init=False)
    """Images a second of the next best number, in the trial that the present one won."""

    def after(self, step: StepTime) -> int:
        """The number of threads for the next step, after one that took this long."""
        self._rest -= step.wall
        if self._trial is not None:
            self._trial.add(step)
            if self._trial.waiting:
                return self._trial.threads
            self._end(self._trial)
            return self.threads
        self._window.append(step)
        while len(self._window) > WINDOW and self._seconds - self._window[0].wall >= LEAST:
            self._window.popleft()
        # A few steps may have been a lucky moment: who won by them and is slow now is tried again.
        slow = self._second > GAIN * rate(self._window)
        if (self._rest <= 0 or slow) and (others := self._others()):
            # The number of now comes last: what made its steps slow may have been a moment.
            self._trial = _Trial([*others, self.threads], rate(self._window))
            return self._trial.threads
        return self.threads

    @property
    def trying(self) -> bool:
        """Whether the next step is one of a trial."""
        return self._trial is not None

    def _others(self) -> list[int]:
        """The numbers to try now: fewer where steps wait, more where they do not."""
        if len(self._window) < WINDOW or self._seconds < LEAST:
            return []
        used = sum(step.processor for step in self._window) / (self._seconds * self.threads)
        now = self.threads
        fewer, more = {now - 1, now // 2, 1}, {min(2 * now, self.most), self.most}
        wanted = fewer if used < USED else more if used > FREE else set[int]()
        return sorted(number for number in wanted if 1 <= number <= self.most and number != now)

    @property
    def _seconds(self) -> float:
        return sum(step.wall for step in self._window)

    def _end(self, trial: _Trial) -> None:
        best = max(trial.rates, key=lambda number: trial.rates[number])
        won = trial.rates[best] > GAIN * trial.rates[self.threads]
        self._patience = PATIENCE if won else 2 * self._patience
        rest = [trial.rates[number] for number in trial.rates if number != best]
        self._second = max(rest) if won else 0.0
        self._rest = max(self._patience, COST * trial.cost)
        self.threads = best if won else self.threads
        self._window.clear()
        self._trial = None


class _Trial:
    """A few steps with each of some numbers of threads."""

    def __init__(self, numbers: list[int], rate: float) -> None:
        self._numbers, self._before = numbers, rate
        self.rates: dict[int, float] = {}
        self.cost = 0.0
        self._steps: list[StepTime] = []

    @property
    def waiting(self) -> bool:
        """Whether there is a number left to try."""
        return bool(self._numbers)

    @property
    def threads(self) -> int:
        """The number that is tried now."""
        return self._numbers[0]

    def add(self, step: StepTime) -> None:
        """A step with this number; after the last of them the next number is tried."""
        self._steps.append(step)
        self.cost += step.wall - step.images / self._before
        counted = self._steps[WARM:]
        hopeless = rate([step]) * HOPELESS < max([self._before, *self.rates.values()])
        if len(counted) == MEASURED or (hopeless and not counted):
            self.rates[self.threads] = rate(counted or self._steps)
            self._numbers, self._steps = self._numbers[1:], []


def rate(steps: deque[StepTime] | list[StepTime]) -> float:
    """Images per second of these steps."""
    return sum(step.images for step in steps) / max(sum(step.wall for step in steps), 1e-9)


def settle(play: Callable[[int], StepTime], most: int, seconds: float) -> int:
    """A number of threads, of up to ``most``, to begin with; ``play`` takes a step with as many.

    Fewer are only tried where a step on all of them waits, and for about this many seconds.
    """
    play(most)
    step = play(most)
    fastest, spent = step, step.wall
    threads = most
    for number in sorted({1, most // 2} - {0, most}):
        if step.processor >= USED * most * step.wall or spent > seconds:
            break
        play(number)
        other = play(number)
        spent += 2 * other.wall
        if other.wall * GAIN < fastest.wall:
            fastest, threads = other, number
    return threads
