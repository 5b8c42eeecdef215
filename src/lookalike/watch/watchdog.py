"""Sees a training go wrong within one look, and asks the session to go back to a good state.

A look comes every so many steps, not seconds, at samples that have an address, so a run that
repeats goes back at the same step. The generator is looked at as it moves: its average would show
what went wrong much later. An alarm needs a good state before it: a training that is slow to begin
is not one that went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lookalike.engine.session import MOST_SETBACKS
from lookalike.engine.state import moving_sampler
from lookalike.engine.watcher import Request, Scene, Watcher
from lookalike.metrics.scores.health_verdict import sure
from lookalike.metrics.scores.sample_stats import POOR, RealStats, SampleStats
from lookalike.parts.training.schedules import Tally
from lookalike.watch.health import real_stats
from lookalike.watch.numbers import Means

EVERY = 150
"""Steps between two looks: 64 samples cost about a hundredth of so many."""
SAMPLES, SEED = 64, 5
TAIL = 6
"""Losses and facts are those of the last sixth of these steps: what went wrong is not averaged away
with what came before it."""
EXPLODED, CALM = 100.0, 10.0
"""A loss that is so many times as large as it ever was in a good state, and at least so large."""
ROUGHER, ROUGH = 3.0, 1.0
"""Samples so many times as rough as they ever were in a good state are noise, unless they are no
rougher than the real pictures: a generator begins with blurs."""
LOSING = 1.5
"""D has won when it is sure of both sides and samples are not good, or G's loss is so many times
the median of good looks: a D that knows few pictures by heart is sure, too."""
REMEMBERED = 100
"""Good looks whose losses are remembered."""
BEGINNING = 3
"""Looks in a row at which D has won from the start on, before the training begins again slower."""


@dataclass
class Watchdog(Watcher):
    """Asks to keep states whose samples are well, and to go back to these from what went wrong."""

    every: int = EVERY
    name: str = "watchdog"
    was_good: bool = field(default=False, init=False)
    lost: int = field(default=0, init=False)
    _means: Means = field(default_factory=Means, init=False)
    _largest: dict[str, float] = field(default_factory=dict, init=False)
    _calm: list[float] = field(default_factory=list, init=False)
    _real: RealStats | None = field(default=None, init=False)

    def begin(self, scene: Scene) -> None:
        """Learn what is normal among the real pictures."""
        self._real = real_stats(scene)

    def after(self, scene: Scene, tally: Tally) -> None:
        """Add the losses and facts of this step, where a look comes soon."""
        if -scene.trainer.clock.step % self.every >= max(self.every // TAIL, 1):
            return
        losses = {f"loss {player}": abs(total) for player, total in tally.totals.items()}
        self._means.add({**tally.facts, **losses})

    def asks(self, scene: Scene) -> Request | None:
        """At every look: keep a good state, leave one that went wrong, or neither."""
        if self._real is None or scene.trainer.clock.step % self.every:
            return None
        means = self._means.taken()
        look = self._real.look(moving_sampler(scene.trainer).pictures(SEED, 0, SAMPLES))
        before = self._largest.get("roughness", look.roughness)
        rough = look.roughness > max(ROUGH, ROUGHER * before)
        wrong = exploded(means, self._largest) or alarm(look, rough=rough)
        losing = bool(self._calm) and means.get("loss G", 0.0) > LOSING * median(self._calm)
        # A training whose samples are well is not ended for it: then the light alone says it.
        often = len(scene.trainer.setbacks) >= MOST_SETBACKS
        if not wrong and not often and (losing or not good(look)):
            wrong = won(means)
        if not wrong and good(look) and not sure(means):
            self._calm = [*self._calm, means.get("loss G", 0.0)][-REMEMBERED:]
            level = {name: value for name, value in means.items() if name.startswith("loss ")}
            level["roughness"] = look.roughness
            self._largest |= {n: max(v, self._largest.get(n, 0.0)) for n, v in level.items()}
            self.was_good, self.lost = True, 0
            return Request()
        self.lost = self.lost + 1 if won(means) and alarm(look) else 0
        if wrong and (self.was_good or self.lost >= BEGINNING):
            return Request(back=wrong)
        return None

    def state(self) -> Mapping[str, Any]:
        """Sums since the last look, the losses of good states, and whether there was one."""
        return {
            **self._means.state(),
            "largest": dict(self._largest),
            "calm": list(self._calm),
            "good": self.was_good,
            "lost": self.lost,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take it back.

        Where a checkpoint counts steps and not numbers, its losses are means over all steps, which
        those of players that do not play in every step do not compare with: they are forgotten.
        """
        if "steps" in state:
            rough = {n: v for n, v in state.get("largest", {}).items() if n == "roughness"}
            state = {**state, "sums": {}, "largest": rough, "calm": ()}
        self._means.load(state)
        self._largest = dict(state.get("largest", {}))
        self._calm = list(state.get("calm", ()))
        self.was_good, self.lost = bool(state.get("good")), int(state.get("lost", 0))


def good(look: SampleStats) -> bool:
    """Whether samples are varied and near the real pictures; how smooth these are differs too much
    for a limit of roughness.
    """
    return look.varied and look.near


def alarm(look: SampleStats, *, rough: bool = False) -> str:
    """What is wrong with samples, in words; empty for those that are in between as well.

    ``rough`` says that they are much rougher than they ever were in a good state.
    """
    if look.variety < 0.05:
        return "every sample is the same picture"
    if look.collapsed:
        few = look.variety < POOR
        return look.variety_words("the real pictures") if few else look.twins_words
    if look.distance > 5:
        return (
            f"the samples are {look.distance:.0f} times as far from the real pictures as these "
            f"from each other, and {look.roughness:.0f} times as rough"
        )
    if rough:
        return (
            f"the samples are {look.roughness:.1f} times as rough as the real pictures, and were "
            "never nearly so rough while all was well"
        )
    return ""


def won(means: Mapping[str, float]) -> str:
    """Whether D told real from generated in nearly every step before this look, in words."""
    if sure(means):
        return "the discriminator tells every real picture from every generated one"
    return ""


def exploded(means: Mapping[str, float], largest: Mapping[str, float]) -> str:
    """Whether a loss has grown out of all proportion to those of good states, in words."""
    for name, before in largest.items():
        if means.get(name, 0.0) > EXPLODED * max(before, CALM / EXPLODED):
            return (
                f"the {name} is {means[name]:.3g}, and was {before:.3g} at most while all was well"
            )
    return ""
