"""Whether a run does well, as one sentence and a light; it never changes the training.

What is looked for, and what is said of it: :mod:`lookalike.metrics.scores.health_verdict`.
``health.json`` holds the newest finding, log.txt each change.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lookalike import checkpoints, images
from lookalike.engine.batches import some_blocks
from lookalike.engine.watcher import Clock, CostLimit, Scene, Watcher
from lookalike.metrics.scores.health_verdict import (
    Evidence,
    HealthFinding,
    ScoreLook,
    nearness,
    shown,
    verdict,
)
from lookalike.metrics.scores.sample_stats import RealStats, SampleStats
from lookalike.parts.training import schedules
from lookalike.parts.training.schedules import Tally
from lookalike.recipe import Recipe
from lookalike.run import Run
from lookalike.watch.numbers import Means

FILE = "health.json"
SCORES = "scores.json"
"""Where :mod:`lookalike.watch.scores` says which state pictures come from."""
SAMPLES, REALS, SEED = 64, 512, 2
KEPT = 400
TOLD = ("D(real)", "D(fake)", "D(settled)")
"""The facts of a step that say whether D has won."""


@dataclass
class Health(Watcher):
    """Looks at 64 samples every ``seconds`` and at the numbers of every step.

    ``share`` bounds its cost by the wall time of this process, but for one look at the end. It
    needs no pack: the real pictures are the trainer's own.
    """

    seconds: float = 25.0
    share: float = 0.01
    clock: Clock = time.monotonic
    name: str = "health"
    finding: HealthFinding | None = field(default=None, init=False)
    history: list[dict[str, Any]] = field(default_factory=list, init=False)
    kind: str = field(default="", init=False)
    since: int = field(default=0, init=False)
    trained: float = field(default=0.0, init=False)
    _means: Means = field(default_factory=Means, init=False)
    _cost: float = field(default=0.1, init=False)
    _last: float = field(default=0.0, init=False)
    _real: RealStats | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.pace = CostLimit(self.share, self.clock)
        self._before = 0.0
        self._timed: list[tuple[float, ScoreLook]] = []

    @property
    def near(self) -> str:
        """How near the pictures are beside some time ago, in words; empty before two scores."""
        return nearness(self._timed)

    def begin(self, scene: Scene) -> None:
        """Learn what is normal among the real pictures."""
        self.pace.begin()
        self._before, self._last = self.trained, 0.0
        self._real = real_stats(scene)
        self._tell(scene)

    def after(self, scene: Scene, tally: Tally) -> None:
        """Take the numbers of this step; look when it is time and affordable."""
        wanted = {k: v for k, v in tally.facts.items() if k in TOLD}
        if "G" in tally.totals:
            wanted["G"] = tally.totals["G"]
        self._means.add(wanted)
        due = self.pace.elapsed - self._last >= self.seconds
        if due and self.pace.affords(self._cost):
            self._look(scene)

    def end(self, scene: Scene) -> None:
        """The last look."""
        if not self.history or self.history[-1]["images"] != scene.images:
            self._look(scene)

    def state(self) -> Mapping[str, Any]:
        """History, the newest finding, and the seconds trained."""
        self.trained = self._before + self.pace.elapsed
        return {
            "history": [dict(line) for line in self.history],
            "kind": self.kind,
            "since": self.since,
            "trained": self.trained,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue the history; what steps told since the last look is another training's."""
        self._means.load({})
        self.history = [dict(line) for line in state.get("history", [])]
        self.kind, self.since = str(state.get("kind", "")), int(state.get("since", 0))
        self.trained = float(state.get("trained", 0.0))

    def _look(self, scene: Scene) -> None:
        begun = self.pace.clock()
        with self.pace.spending():
            line: dict[str, Any] = {"images": scene.images, "facts": self._means.taken()}
            if self._real is not None:
                drawn = scene.trainer.sampler().pictures(SEED, 0, SAMPLES)
                line |= asdict(self._real.look(drawn))
            self.history = thinned([*self.history, line])
            self._tell(scene)
        self._cost, self._last = self.pace.clock() - begun, self.pace.elapsed

    def _tell(self, scene: Scene) -> None:
        evidence = self._evidence(scene)
        finding = self.finding = verdict(evidence)
        if finding.kind != self.kind:
            self.kind, self.since = finding.kind, scene.images
            scene.run.say(f"[{finding.light}] {finding.sentence}")
        self.trained = self._before + self.pace.elapsed
        if evidence.scores and (not self._timed or self._timed[-1][1] != evidence.scores[-1]):
            self._timed.append((self.trained, evidence.scores[-1]))
        facts = {
            **asdict(finding),
            "images": scene.images,
            "since": self.since,
            "done": scene.done,
            "seconds": round(self.trained, 1),
            "history": self.history,
        }
        checkpoints.write_json(scene.run.path / FILE, facts)

    def _evidence(self, scene: Scene) -> Evidence:
        budget = scene.trainer.recipe.images
        names = list(SampleStats.__dataclass_fields__)
        begun = any("G" in line["facts"] for line in self.history)  # G may wait for D's opening
        return Evidence(
            done=scene.done,
            warm=begun and scene.images >= min(0.1 * budget, 30_000),
            looks=[
                SampleStats(*[line[n] for n in names]) for line in self.history if names[0] in line
            ],
            facts=[line["facts"] for line in self.history],
            scores=scores_of(scene.run),
            take=str(checkpoints.read_json(scene.run.path / SCORES).get("take", "last")),
            recipe=scene.trainer.recipe.name,
            size=scene.trainer.recipe.size,
            falling=falls(scene.trainer.recipe),
        )


def real_stats(scene: Scene) -> RealStats | None:
    """What is normal among the real pictures, learned once a session; None where they are none."""
    if "real" not in scene.shared:
        blocks = some_blocks(scene.trainer.source, REALS)
        # As bytes, block by block: as numbers of the network they are four times as large.
        pixels = [images.to_pixels(b.images) for b in blocks if b.images.ndim == 4]
        several = sum(map(len, pixels)) > 1
        scene.shared["real"] = RealStats.of(np.concatenate(pixels)) if several else None
    known: RealStats | None = scene.shared["real"]
    return known


def finding_of(run: Run) -> HealthFinding | None:
    """What is said of a run: what its training saw, or what 'evaluate' found if that is worse."""
    read = checkpoints.read_json
    return shown(read(run.path / FILE), read(run.path / "evaluation.json"))


def scores_of(run: Run) -> list[ScoreLook]:
    """Every score of a run, oldest first, but for those of version 0.1, which knew no chance."""
    known = {"score/kid", "score/chance"}
    looks = [ScoreLook.of(line) for line in run.stats() if known <= set(line)]
    return [look for look in looks if math.isfinite(look.kid)]


def falls(recipe: Recipe) -> bool:
    """Whether a learning rate at the end of the budget is less than half of that at its middle."""
    middle, end = schedules.Clock(50, 0, 100), schedules.Clock(100, 0, 100)
    rates = [plan.rate for plan in recipe.optimizers.values()]
    return any(rate.at(end, {}) < 0.5 * rate.at(middle, {}) for rate in rates)


def thinned(history: list[dict[str, Any]], most: int = KEPT) -> list[dict[str, Any]]:
    """Every second line of the older half is dropped when there are more than ``most``."""
    if len(history) <= most:
        return history
    half = len(history) // 2
    return history[:half:2] + history[half:]
