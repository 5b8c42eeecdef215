"""How far a run is and when it will end, told a few times a second to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lookalike import durations
from lookalike.engine.budget import learning
from lookalike.engine.watcher import Scene, Watcher
from lookalike.metrics.scores.health_verdict import AMBER, RED, HealthFinding
from lookalike.parts.training.schedules import Tally
from lookalike.watch.health import Health


@dataclass(frozen=True)
class ProgressStep:
    """One report: images seen and wanted, images per second, seconds left, losses by player.

    ``near`` says how near the pictures are beside some time ago, ``light`` what is said of the run;
    empty and None while nothing is known.
    """

    images: int
    budget: int
    rate: float
    seconds_left: float
    losses: dict[str, float]
    near: str = ""
    light: HealthFinding | None = None


@dataclass
class Progress(Watcher):
    """Calls ``listen`` with a :class:`ProgressStep`; the estimate uses this process's own speed.

    Phases may become slower later in a run, so the speed of the last minute counts. What the prior
    learns at the end takes its own share of the time; ``say`` hears of it before it begins.
    """

    listen: Callable[[ProgressStep], None]
    seconds: float = 0.5
    say: Callable[[str], None] = lambda words: None
    health: Health | None = None
    name: str = "progress"
    _marks: list[tuple[float, int]] = field(default_factory=list, init=False)
    _last: float = field(default=0.0, init=False)
    _kind: str = field(default="", init=False)

    def begin(self, scene: Scene) -> None:
        """Start the watch."""
        self._marks = [(time.monotonic(), scene.images)]

    def rewound(self, scene: Scene, state: Mapping[str, Any]) -> None:
        """Start the watch again."""
        self.begin(scene)

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
            coming += int(learning(scene.trainer.recipe.prior.fit_time_share, budget))
        left = scene.seconds_left
        if left is None:
            left = coming / rate if rate > 0 else float("inf")
        light = self.health.finding if self.health else None
        near = self.health.near if self.health else ""
        losses = dict(tally.totals)
        self.listen(ProgressStep(scene.images, budget, rate, left, losses, near, light))
        if light is not None and light.kind != self._kind:
            self._kind = light.kind
            if light.light in {AMBER, RED}:
                self.say(light.sentence)
        if last:
            ending = durations.left(left)
            self.say(f"The last step: the prior learns where encodings lie ({ending}).")

    def _last_step(self, scene: Scene) -> bool:
        """Whether the next step ends the budget, with something for the prior to learn."""
        recipe = scene.trainer.recipe
        return recipe.prior.fit_time_share > 0 and 0 < recipe.images - scene.images <= recipe.batch
