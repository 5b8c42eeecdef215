"""Time into images: a short benchmark on this machine, with this recipe and these pictures.

The phases that play change during a run, so the speed is measured at several shares of the budget
on a throwaway trainer, and the whole is the mean of the times per image.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lookalike.engine.batches import BatchSource
from lookalike.engine.trainer import Trainer
from lookalike.parts.training.schedules import Clock
from lookalike.place import Place
from lookalike.recipe import Recipe

SHARES = (0.02, 0.3, 0.6, 0.97)
LATE = (0.5, 0.65, 0.8, 0.97)
"""Where a run that is trained further is measured: its first part is behind it."""
RESERVE = 0.06
"""The share of the time that goes to sample pictures, scores, checkpoints and the report."""
CHOOSING = 0.03
"""What a recipe takes besides whose last look tells how to choose its pictures."""
LOOKS = 15.0
"""Seconds that such a recipe's looks take whatever the length of the run, on two slow cores."""
LOOKS_SHARE = 0.125
"""What they are given at the most of a short time, as a share."""


@dataclass(frozen=True)
class Speed:
    """Images per second over a whole run, and at each share that was measured.

    ``reserve`` is the share of the time that is not training, ``looks`` are seconds besides.
    """

    mean: float
    at: tuple[tuple[float, float], ...]
    reserve: float = RESERVE
    looks: float = 0.0

    def images(self, seconds: float, batch: int) -> int:
        """The budget in images that fits into this time, a whole number of batches."""
        left = max(seconds - self.looks, (1 - LOOKS_SHARE) * seconds) * (1 - self.reserve)
        return max(batch, int(self.mean * left) // batch * batch)

    def seconds(self, images: int) -> float:
        """The time that this many images will take."""
        spent = images / self.mean / (1 - self.reserve)
        return min(spent + self.looks, spent / (1 - LOOKS_SHARE))


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
    trainer = Trainer(replace(recipe, images=1_000_000_000, fits=()), source, place)
    each = seconds / len(shares)
    rates = []
    for share in shares:
        # Only the phases' turns matter here, so the clock is put where they change.
        trainer.clock = Clock(int(share * 1_000_000_000), trainer.clock.step, 1_000_000_000)
        trainer.step()
        begun, steps = clock(), 0
        # Several processes must take the same number of steps, or they would wait for each other.
        while steps < 2 or trainer.group.any(clock() - begun < each):
            trainer.step()
            steps += 1
        rates.append((share, steps * recipe.batch / (clock() - begun)))
    rates = trainer.group.agree(rates)
    mean = len(rates) / sum(1 / rate for _, rate in rates)
    measured = recipe.choice is not None and recipe.choice.measured
    reserve = RESERVE + recipe.prior.fit_time_share + CHOOSING * measured
    return Speed(mean, tuple(rates), reserve, LOOKS * measured)
