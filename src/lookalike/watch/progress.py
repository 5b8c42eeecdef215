"""How far a run is and when it will end, told a few times a second to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lookalike.durations import words
from lookalike.engine.watcher import Scene, Watcher
from lookalike.parts.training.schedules import Tally


@dataclass(frozen=True)
class ProgressStep:
    """One report: images seen and wanted, images per second, seconds left, losses by player."""

    images: int
    budget: int
    rate: float
    seconds_left: float
    losses: dict[str, float]


@dataclass
class Progress(Watcher):
    """Calls ``listen`` with a :class:`ProgressStep`; the estimate uses this process's own speed.

    Phases may become slower later in a run, so the speed of the last minute counts. What the prior
    learns at the end takes its own share of the time; ``say`` hears of it before it begins.
    """

    listen: Callable[[ProgressStep], None]
    seconds: float = 0.5
    say: Callable[[str], None] = lambda words: None
    name: str = "progress"
    _marks: list[tuple[float, int]] = field(default_factory=list, init=False)
    _last: float = field(default=0.0, init=False)

    def begin(self, scene: Scene) -> None:
        """Start the watch."""
        self._marks = [(time.monotonic(), scene.images)]

    def after(self, scene: Scene, tally: Tally) -> None:
        """Report when half a second has passed, and before what the prior learns at the end."""
        now = time.monotonic()
        last = self._last_step(scene)
        if now - self._last < self.seconds and not last:
            return
        self._last = now
        self._marks.append((now, scene.images))
        self._marks = [mark for mark in self._marks if now - mark[0] < 60] or self._marks[-2:]
        (begun, first), budget = self._marks[0], scene.trainer.recipe.images
        rate = (scene.images - first) / max(now - begun, 1e-9)
        coming = budget - scene.images
        if coming > 0:
            coming += int(scene.trainer.recipe.prior.fit_time_share * budget)
        left = scene.seconds_left
        if left is None:
            left = coming / rate if rate > 0 else float("inf")
        self.listen(ProgressStep(scene.images, budget, rate, left, dict(tally.totals)))
        if last:
            self.say(f"The last step: the prior learns where encodings lie ({words(left)}).")

    def _last_step(self, scene: Scene) -> bool:
        """Whether the next step ends the budget, with something for the prior to learn."""
        recipe = scene.trainer.recipe
        return recipe.prior.fit_time_share > 0 and 0 < recipe.images - scene.images <= recipe.batch
