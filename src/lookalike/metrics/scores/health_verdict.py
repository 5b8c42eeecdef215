"""Whether a run does well, as one sentence and a light: pure functions of what was seen.

Everything that shows a light (terminal, page, report, ``show``, JSON) asks these functions. Looked
for, worst first: collapse (samples resemble each other more than the data do), a discriminator that
has won, noise that does not go away, a best state that is better than the last, pictures that are
still far away, and scores that no longer improve. Green is said only of samples that were measured
to lie near to held-out pictures and to reach their variety; where so few pictures are held out or
drawn that coverage means nothing, of those that lie near.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lookalike import durations
from lookalike.metrics.scores.sample_stats import TWINS, SampleStats

ADVISED, LARGE, AS_GOOD = "swift", "cascade", ("swift", "cascade")
"""The recipe to try where a run does not do well, the one above 64 px, and those that would gain
nothing by it."""
GREEN, GREY, AMBER, RED = "green", "grey", "amber", "red"
LIGHTS = {
    GREEN: "All is well",
    GREY: "Still learning",
    AMBER: "Worth a look",
    RED: "Something is wrong",
}
"""The lights with their titles, best first."""

FEW = 64
NEAR, FAR = 8.0, 24.0
"""Distances in units of what 64 real pictures have by chance: near up to 8, far beyond 24.

Finished runs of ``swift`` have 3 to 6; 16 real pictures shown again and again 10, sharp pictures
with a faint plaid 18, slightly blurred ones 20, one picture, plaid, blur or noise more than 40
(docs/log.md)."""
UNMEASURED = "unmeasured"
"""The kind of a finding that waits for scores."""
REACHED, MISSED = 0.5, 0.1
"""Coverage as a share of what real pictures reach: well from 0.5 on, not at all below 0.1."""
EARLY = 0.2
"""Before this share of the budget nothing is called worse than worth a look."""
GAIN = 0.05
"""Scores count as better when they are lower by this share."""
AGO, LEAST = 3600.0, 20.0
"""Now is compared with an hour ago, or with the middle of a shorter training; never with less than
some seconds ago."""
HALF, REPEATS = 0.5, 0.2
LOW = {
    "precision": "only {} of the samples look like real pictures",
    "coverage": "the samples reach only {} of the real pictures' neighborhoods",
}


@dataclass(frozen=True)
class HealthFinding:
    """A light, a name for what was found, and a sentence that says what is seen and what to try."""

    light: str
    kind: str
    sentence: str

    @property
    def title(self) -> str:
        """The light in words."""
        return LIGHTS[self.light]


@dataclass(frozen=True)
class ScoreLook:
    """One score: the kernel distance ``kid`` to pictures never trained on after so many images.

    ``chance`` is the distance that 64 real pictures have, ``coverage`` the share of real
    pictures' neighborhoods that samples reach, ``reachable`` what real pictures reach of it;
    ``high`` is the upper end of the interval of ``kid``. None where they were not measured.
    """

    images: int
    kid: float
    chance: float
    coverage: float | None = None
    reachable: float | None = None
    high: float | None = None

    @staticmethod
    def of(line: Mapping[str, Any]) -> ScoreLook:
        """The score in a line of stats.jsonl."""
        return ScoreLook(
            int(line["images"]),
            float(line["score/kid"]),
            float(line["score/chance"]),
            line.get("score/coverage"),
            line.get("score/coverage_floor"),
            line.get("score/kid_high"),
        )

    def better_than(self, before: ScoreLook) -> bool:
        """Whether it is lower by more than its interval and a twentieth explain."""
        least = GAIN * max(abs(before.kid), self.chance)
        high = self.kid if self.high is None else self.high
        return high < before.kid and before.kid - self.kid > least

    @property
    def times(self) -> float:
        """The distance in units of what 64 real pictures have by chance."""
        return max(self.kid, 0.0) / max(self.chance, 1e-9)

    @property
    def reached(self) -> float:
        """Coverage as a share of what real pictures reach; 1 where it was not measured."""
        return 1.0 if self.coverage is None else self.coverage / max(self.reachable or 0.0, 1e-9)

    @property
    def near(self) -> bool:
        """Whether both are good enough for a green light."""
        return self.times <= NEAR and self.reached >= REACHED

    @property
    def lost(self) -> bool:
        """Whether samples have little in common with real pictures."""
        return self.times > FAR or self.reached < MISSED

    @property
    def words(self) -> str:
        """Both in words."""
        reach = ""
        if self.coverage is not None and self.reachable is not None:
            reach = (
                f", and reach {self.coverage:.0%} of their variety (real ones: "
                f"{self.reachable:.0%})"
            )
        times = f"{self.times:.0f}" if self.times >= NEAR else f"{self.times:.1f}"
        return (
            f"{times} times as far from pictures never trained on as {FEW} real ones are by "
            f"chance{reach}"
        )


@dataclass(frozen=True)
class Evidence:
    """What the verdict is made of.

    ``done`` is the share of the budget; ``looks`` and ``facts`` are oldest first (facts are means
    between two looks), and so are ``scores``; ``take`` is the state that pictures come from;
    ``size`` is their side; ``falling`` says that learning rates fall towards the end of the budget.
    """

    done: float
    warm: bool
    looks: Sequence[SampleStats]
    facts: Sequence[Mapping[str, float]] = ()
    scores: Sequence[ScoreLook] = ()
    take: str = "last"
    recipe: str = ""
    size: int = 64
    falling: bool = False

    @property
    def other(self) -> str:
        """Another recipe to try, where this is not that one already."""
        advised = LARGE if self.size > 64 else ADVISED
        return "" if self.recipe in AS_GOOD else f"the recipe {advised}, "

    @property
    def lost(self) -> bool:
        """Whether the newest score says that samples have little in common with real pictures."""
        return bool(self.scores) and self.scores[-1].lost


def verdict(seen: Evidence) -> HealthFinding:
    """The worst thing that the evidence shows, or that all is well."""
    if not seen.looks or not seen.warm:
        return HealthFinding(
            GREY,
            "begun",
            "Training has just begun: the first pictures are noise or blurs, which is normal.",
        )
    for check in (_collapse, _won, _noise, _worse, _far, _plateau):
        finding = check(seen)
        if finding is not None:
            early = finding.light == RED and seen.done < EARLY
            return replace(finding, light=AMBER) if early else finding
    return _fine(seen)


def _collapse(seen: Evidence) -> HealthFinding | None:
    now = seen.looks[-1]
    if now.varied:
        return None
    red = now.collapsed
    what = now.twins_words if now.twins > TWINS else now.variety_words("your pictures")
    name = "The generator has collapsed" if red else "The generator may be collapsing"
    hope = "It often recovers early in a run; if it stays, begin" if seen.done < 0.5 else "Begin"
    return HealthFinding(
        RED if red else AMBER,
        "collapse",
        f"{name}: {what}. {hope} another run with {seen.other}a longer budget, a lower rate "
        "or more pictures.",
    )


def _won(seen: Evidence) -> HealthFinding | None:
    """D is sure of everything for three looks, and G gained nothing in that time."""
    last = seen.facts[-3:]
    if len(last) < 3 or not all(sure(facts) for facts in last):
        return None
    losses = [f["G"] for f in last if "G" in f]
    if len(losses) == 3 and losses[-1] < 0.9 * losses[0]:
        return None
    red = seen.looks[-1].distance > 2 or seen.lost
    return HealthFinding(
        RED if red else AMBER,
        "d-won",
        f"The discriminator tells real from generated every time ({_sureness(last[-1])}), so the "
        f"generator learns little from it. In another run try {seen.other}a lower discriminator "
        "rate (--set optimizers.D.rate=5e-5) or more pictures.",
    )


def sure(facts: Mapping[str, float]) -> bool:
    """Whether D told real from generated nearly every time.

    Either by its probabilities (near 1 and 0), or by the share of pictures beyond the margin of a
    hinge, from which neither player learns.
    """
    if facts.get("D(settled)", 0.0) >= 0.98:
        return True
    return facts.get("D(real)", 0.5) >= 0.95 and facts.get("D(fake)", 0.5) <= 0.05


def _sureness(facts: Mapping[str, float]) -> str:
    if "D(settled)" in facts:
        return f"{facts['D(settled)']:.0%} of the pictures are beyond its margin"
    return f"{facts['D(real)']:.2f} and {facts['D(fake)']:.2f}, where 0.5 means a tie"


def _noise(seen: Evidence) -> HealthFinding | None:
    now = seen.looks[-1]
    if now.near and now.roughness <= 3:
        return None
    what = (
        "are still far from anything in your pictures"
        if not now.near
        else f"are {now.roughness:.0f} times as rough as your pictures, like noise"
    )
    return HealthFinding(
        RED if seen.done > 0.5 else AMBER,
        "noise",
        f"The samples {what} after {seen.done:.0%} of the run. "
        f"Give it more time, or try {seen.other}a lower rate or more pictures.",
    )


def _worse(seen: Evidence) -> HealthFinding | None:
    """Says of the best state what is so: that pictures come from it."""
    if seen.take != "best" or len(seen.scores) < 3:
        return None
    best, now = min(seen.scores, key=lambda score: score.kid), seen.scores[-1]
    stop = "Ctrl-C now loses nothing" if seen.done < 1 else "more time would not help"
    return HealthFinding(
        RED if best.lost and seen.done >= 1 else AMBER,
        "worse",
        f"The pictures were better before: their distance to pictures never seen was "
        f"{best.kid:.2f} at {best.images:,} images and is {now.kid:.2f} now, more than chance "
        f"explains. That best state is kept, and 'generate' and everything else use it; {stop}.",
    )


def _far(seen: Evidence) -> HealthFinding | None:
    """Samples that are not near yet: still learning, or worth a look when nothing improves."""
    if not seen.scores:
        return HealthFinding(
            GREY,
            UNMEASURED,
            f"The samples show {_varied(seen)}. How near they are to real pictures was not "
            "measured: 'lookalike evaluate' does.",
        )
    now = seen.scores[-1]
    if now.near:
        return None
    if seen.done < 1 and improving(seen.scores):
        return HealthFinding(
            GREY, "learning", f"Still learning, and getting nearer: the samples are {now.words}."
        )
    red = now.lost and seen.done > 0.5
    name = "The pictures are far from yours" if now.lost else "Not near yet"
    again = "Train it further (--more 30m)" if seen.done >= 1 else "It may still come"
    return HealthFinding(
        RED if red else AMBER,
        "far",
        f"{name}: the samples are {now.words}; healthy is up to {NEAR:.0f} times and half of what "
        f"real ones reach. {again}; if that does not help, try {seen.other}more pictures.",
    )


def nearness(timed: Sequence[tuple[float, ScoreLook]]) -> str:
    """How near the newest of (seconds, score) is beside one of some time ago, in words.

    That is an hour ago, or the middle of a shorter training; empty where nothing is that old.
    """
    if len(timed) < 2:
        return ""
    end, now = timed[-1]
    wanted = max(end - AGO, (timed[0][0] + end) / 2)
    then, before = min(timed[:-1], key=lambda score: abs(score[0] - wanted))
    if end - then < LEAST:
        return ""
    ago = "an hour" if 0.9 * AGO <= end - then <= 1.5 * AGO else durations.words(end - then)
    nearer, farther = now.better_than(before), before.better_than(now)
    beside = "nearer than" if nearer else "farther than" if farther else "as near as"
    return f"{beside} {ago} ago"


def improving(scores: Sequence[ScoreLook]) -> bool:
    """Whether the newest third of the scores is better than all before, or too few are known."""
    recent = max(2, len(scores) // 3)
    if len(scores) < 2 * recent:
        return True
    before = min(score.kid for score in scores[:-recent])
    return min(score.kid for score in scores[-recent:]) < before - GAIN * abs(before)


def _plateau(seen: Evidence) -> HealthFinding | None:
    """The newest third of the scores (4 at least) holds no gain beyond a twentieth.

    While learning rates still have to fall that says nothing: much of the gain comes with it.
    """
    recent = max(4, len(seen.scores) // 3)
    over = seen.done >= 1
    if len(seen.scores) < 2 * recent or (seen.falling and not over):
        return None
    before = min(seen.scores[:-recent], key=lambda score: score.kid)
    after = min(score.kid for score in seen.scores[-recent:])
    if after < before.kid - GAIN * abs(before.kid):
        return None
    still = f"Healthy, but the score has not improved since {before.images:,} images"
    following = "More pictures or a wider network would be the next step."
    rest = "more time would gain little" if over else "stopping now (Ctrl-C) loses little"
    if seen.falling:
        rest = "the learning rates have fallen to their end"
        following = "More time (--more), more pictures or a wider network would be the next step."
    return HealthFinding(GREEN, "plateau", f"{still}: {rest}. {following}")


def _fine(seen: Evidence) -> HealthFinding:
    name = "Healthy" if seen.done >= 1 else "Healthy so far"
    return HealthFinding(GREEN, "fine", f"{name}: the samples are {seen.scores[-1].words}.")


def _varied(seen: Evidence) -> str:
    return f"{min(seen.looks[-1].variety, 1):.0%} of the variety of your pictures"


# ---- what a run shows of itself -------------------------------------------------------------


def shown(health: Mapping[str, Any], evaluation: Mapping[str, Any]) -> HealthFinding | None:
    """What is said of a run: the worse of what training saw and what 'evaluate' found since.

    Where training measured nothing, an evaluation that found nothing wrong has the word. ``health``
    is what health.json holds, ``evaluation`` what evaluation.json does; None where neither knows
    anything. An evaluation from before the run was trained further counts no more.
    """
    now, then = _number(health, "images"), _number(evaluation, "trained")
    evaluation = {} if now is not None and then is not None and then < now else evaluation
    measured, seen = evaluated(evaluation), None
    if health.get("light") in LIGHTS:
        words = (str(health.get(name, "")) for name in ("kind", "sentence"))
        seen = HealthFinding(str(health["light"]), *words)
    if seen is not None and seen.kind == UNMEASURED:
        measured = measured or _sound(evaluation)
        seen = None if measured else seen
    if measured is None or seen is None:
        return measured or seen
    order = list(LIGHTS)
    return measured if order.index(measured.light) > order.index(seen.light) else seen


def evaluated(evaluation: Mapping[str, Any]) -> HealthFinding | None:
    """Red or amber with the reason, where an evaluation found something wrong; else None."""
    copies, twins = evaluation.get("copies"), _pair(evaluation, "near_duplicates")
    level = copies.get("level") if isinstance(copies, Mapping) else None
    if level == "block":
        words = "'evaluate' found many copies of training pictures among the samples."
        return HealthFinding(RED, "copies", words)
    if twins and twins[0] > max(REPEATS, 3 * twins[1]):
        return HealthFinding(
            RED if twins[0] > HALF else AMBER,
            "twins",
            f"'evaluate' found that {twins[0]:.0%} of the samples have a near-duplicate among them "
            f"(real pictures: {twins[1]:.0%}): the generator repeats itself.",
        )
    if level == "warn":
        words = "'evaluate' found more copies of training pictures than chance explains."
        return HealthFinding(AMBER, "copies", words)
    for name, text in LOW.items():
        share = _pair(evaluation, name)
        if share and share[0] < HALF * share[1]:
            what = text.format(f"{share[0]:.0%}")
            words = f"'evaluate' found that {what} (real pictures: {share[1]:.0%})."
            return HealthFinding(AMBER, name, words)
    return None


def _sound(evaluation: Mapping[str, Any]) -> HealthFinding | None:
    """Green by an evaluation without a fault that knows how real and how varied samples are."""
    real, reached = (_pair(evaluation, name) for name in LOW)
    if real is None or reached is None:
        return None
    return HealthFinding(
        GREEN,
        "evaluated",
        f"'evaluate' found nothing wrong: {real[0]:.0%} of the samples look like real pictures "
        f"(real ones: {real[1]:.0%}), and they reach {reached[0]:.0%} of the real pictures' "
        f"neighborhoods (real ones: {reached[1]:.0%}).",
    )


def _pair(evaluation: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    measure = evaluation.get(name)
    if not isinstance(measure, Mapping):
        return None
    value, floor = _number(measure, "value"), _number(measure, "floor")
    return None if value is None or floor is None else (value, floor)


def _number(values: Mapping[str, Any], name: str) -> float | None:
    """A number of a file that somebody may have changed; None where it is none."""
    value = values.get(name)
    return float(value) if isinstance(value, float | int) else None
