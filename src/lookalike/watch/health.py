"""Whether a run does well, as one sentence and a light; it never changes the training.

Looked for, worst first: collapse (samples resemble each other more than the data do), a
discriminator that has won, noise that does not go away, scores that get worse again, and scores
that no longer improve. ``health.json`` holds the newest finding, log.txt each change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lookalike import checkpoints, images
from lookalike.engine.watcher import Clock, CostLimit, Scene, Watcher
from lookalike.metrics.scores.sample_stats import RealStats, SampleStats
from lookalike.parts.training import schedules
from lookalike.parts.training.schedules import Tally
from lookalike.recipe import Recipe

FILE = "health.json"
SAMPLES, REALS, SEED = 64, 512, 2
KEPT = 400
ADVISED = "swift"
GREEN, AMBER, RED = "green", "amber", "red"


@dataclass(frozen=True)
class HealthFinding:
    """A light, a name for what was found, and a sentence that says what is seen and what to try."""

    light: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class Evidence:
    """What the verdict is made of.

    ``done`` is the share of the budget; ``looks`` and ``facts`` are oldest first (facts are means
    between two looks); ``kids`` are (images, KID, upper end of its interval), oldest first;
    ``falling`` says that learning rates fall towards the end of the budget.
    """

    images: int
    done: float
    warm: bool
    looks: Sequence[SampleStats]
    facts: Sequence[Mapping[str, float]] = ()
    kids: Sequence[tuple[int, float, float]] = ()
    recipe: str = ""
    falling: bool = False

    @property
    def other(self) -> str:
        """Another recipe to try, where this is not that one already."""
        return "" if self.recipe == ADVISED else f"the recipe {ADVISED}, "


def verdict(seen: Evidence) -> HealthFinding:
    """The worst thing that the evidence shows, or that all is well."""
    if not seen.looks or not seen.warm:
        return HealthFinding(
            GREEN,
            "begun",
            "Training has just begun: the first pictures are noise or blurs, which is normal.",
        )
    for check in (_collapse, _won, _noise, _worse, _plateau):
        finding = check(seen)
        if finding is not None:
            return finding
    return _fine(seen)


def _collapse(seen: Evidence) -> HealthFinding | None:
    now = seen.looks[-1]
    if now.variety >= 0.5 and now.twins <= 0.35:
        return None
    red = now.variety < 0.25 or now.twins > 0.7
    if now.twins > 0.35:
        what = f"{now.twins:.0%} of the samples have a near twin among 64"
    else:
        what = f"the samples have only {now.variety:.0%} of the variety of your pictures"
    name = "The generator has collapsed" if red else "The generator may be collapsing"
    hope = "It often recovers early in a run; if it stays, begin" if seen.done < 0.5 else "Begin"
    return HealthFinding(
        RED if red else AMBER,
        "collapse",
        f"{name}: {what}. {hope} another run with {seen.other}a longer budget, a lower rate "
        "or more pictures.",
    )


def _won(seen: Evidence) -> HealthFinding | None:
    """D(real) near 1 and D(fake) near 0 for three looks, and no gain for G in that time."""
    last = [f for f in seen.facts if "D(real)" in f and "D(fake)" in f][-3:]
    if len(last) < 3 or any(f["D(real)"] < 0.95 or f["D(fake)"] > 0.05 for f in last):
        return None
    losses = [f["G"] for f in last if "G" in f]
    if len(losses) == 3 and losses[-1] < 0.9 * losses[0]:
        return None
    red = seen.looks[-1].distance > 2
    return HealthFinding(
        RED if red else AMBER,
        "d-won",
        "The discriminator tells real from generated every time "
        f"({last[-1]['D(real)']:.2f} and {last[-1]['D(fake)']:.2f}, where 0.5 means a tie), so the "
        f"generator learns little from it. In another run try {seen.other}a lower discriminator "
        "rate (--set optimizers.D.rate=5e-5) or more pictures.",
    )


def _noise(seen: Evidence) -> HealthFinding | None:
    now = seen.looks[-1]
    if now.distance <= 2.5 and now.roughness <= 3:
        return None
    what = (
        "are still far from anything in your pictures"
        if now.distance > 2.5
        else f"are {now.roughness:.0f} times as rough as your pictures, like noise"
    )
    return HealthFinding(
        RED if seen.done > 0.5 else AMBER,
        "noise",
        f"The samples {what} after {seen.done:.0%} of the run. "
        f"Give it more time, or try {seen.other}a lower rate or more pictures.",
    )


def _worse(seen: Evidence) -> HealthFinding | None:
    if len(seen.kids) < 3:
        return None
    best = min(seen.kids, key=lambda score: score[1])
    if any(kid <= best[2] for _, kid, _ in seen.kids[-2:]):
        return None
    return HealthFinding(
        AMBER,
        "worse",
        f"The pictures were better before: their distance to pictures never seen was {best[1]:.2f} "
        f"at {best[0]:,} images and is {seen.kids[-1][1]:.2f} now. That best state is kept, and "
        "'generate' uses it; you may stop here.",
    )


def _plateau(seen: Evidence) -> HealthFinding | None:
    """The newest third of the scores (4 at least) holds no gain beyond a twentieth.

    While learning rates still have to fall that says nothing: much of the gain comes with it.
    """
    recent = max(4, len(seen.kids) // 3)
    over = seen.done >= 1
    if len(seen.kids) < 2 * recent or (seen.falling and not over):
        return None
    before = min(kid for _, kid, _ in seen.kids[:-recent])
    if min(kid for _, kid, _ in seen.kids[-recent:]) < before - 0.05 * abs(before):
        return None
    at = next(at for at, kid, _ in seen.kids if kid == before)
    still = f"Healthy, but the score has not improved since {at:,} images"
    following = "More pictures or a wider network would be the next step."
    rest = "more time would gain little" if over else "stopping now (Ctrl-C) loses little"
    if seen.falling:
        rest = "the learning rates have fallen to their end"
        following = "More time (--more), more pictures or a wider network would be the next step."
    return HealthFinding(GREEN, "plateau", f"{still}: {rest}. {following}")


def _fine(seen: Evidence) -> HealthFinding:
    now = seen.looks[-1]
    varied = f"{min(now.variety, 1):.0%} of the variety of your pictures"
    near = (
        "and lie among them"
        if now.distance < 1.5
        else f"and are {now.distance:.1f} times as far from them as they are from each other"
    )
    name = "Healthy" if seen.done >= 1 else "Healthy so far"
    return HealthFinding(GREEN, "fine", f"{name}: the samples show {varied} {near}.")


@dataclass
class Health(Watcher):
    """Looks at 64 samples every ``seconds`` and at the numbers of every step.

    ``share`` bounds its cost by the wall time of this process, but for one look at the end. It
    needs no pack: the real pictures are the trainer's own.
    """

    seconds: float = 25.0
    share: float = 0.01
    clock: Clock | None = None
    name: str = "health"
    history: list[dict[str, Any]] = field(default_factory=list, init=False)
    kind: str = field(default="", init=False)
    since: int = field(default=0, init=False)
    trained: float = field(default=0.0, init=False)
    _sums: dict[str, float] = field(default_factory=dict, init=False)
    _steps: int = field(default=0, init=False)
    _cost: float = field(default=0.1, init=False)
    _last: float = field(default=0.0, init=False)
    _real: RealStats | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.pace = (
            CostLimit(self.share) if self.clock is None else CostLimit(self.share, self.clock)
        )
        self._before = 0.0

    def begin(self, scene: Scene) -> None:
        """Learn what is normal among the real pictures."""
        self.pace.begin()
        self._before, self._last = self.trained, 0.0
        real = scene.trainer.source.some(REALS).images
        if real.ndim == 4 and len(real) > 1:
            self._real = RealStats.of(images.to_pixels(real))
        self._tell(scene)

    def after(self, scene: Scene, tally: Tally) -> None:
        """Take the numbers of this step; look when it is time and affordable."""
        self._steps += 1
        wanted = {k: v for k, v in tally.facts.items() if k in ("D(real)", "D(fake)")}
        if "G" in tally.totals:
            wanted["G"] = tally.totals["G"]
        for key, value in wanted.items():
            self._sums[key] = self._sums.get(key, 0.0) + value
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
        """Continue the history."""
        self.history = [dict(line) for line in state.get("history", [])]
        self.kind, self.since = str(state.get("kind", "")), int(state.get("since", 0))
        self.trained = float(state.get("trained", 0.0))

    def _look(self, scene: Scene) -> None:
        begun = self.pace.clock()
        with self.pace.spending():
            facts = {key: value / self._steps for key, value in self._sums.items()}
            self._sums.clear()
            self._steps = 0
            line: dict[str, Any] = {"images": scene.images, "facts": facts}
            if self._real is not None:
                drawn = scene.trainer.sampler().pictures(SEED, 0, SAMPLES)
                line |= asdict(self._real.look(drawn))
            self.history = thinned([*self.history, line])
            self._tell(scene)
        self._cost, self._last = self.pace.clock() - begun, self.pace.elapsed

    def _tell(self, scene: Scene) -> None:
        finding = verdict(self._evidence(scene))
        if finding.kind != self.kind:
            self.kind, self.since = finding.kind, scene.images
            scene.run.say(f"[{finding.light}] {finding.sentence}")
        self.trained = self._before + self.pace.elapsed
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
        kids = [
            (int(line["images"]), float(line["score/kid"]), float(line["score/kid_high"]))
            for line in scene.run.stats()
            if "score/kid" in line
        ]
        begun = any("G" in line["facts"] for line in self.history)  # G may wait for D's opening
        return Evidence(
            images=scene.images,
            done=scene.done,
            warm=begun and scene.images >= min(0.1 * budget, 30_000),
            looks=[
                SampleStats(*[line[n] for n in names]) for line in self.history if names[0] in line
            ],
            facts=[line["facts"] for line in self.history],
            kids=[score for score in kids if math.isfinite(score[1])],
            recipe=scene.trainer.recipe.name,
            falling=falls(scene.trainer.recipe),
        )


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
