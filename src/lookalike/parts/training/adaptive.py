"""Numbers with a memory: noisy labels, explicit turns, averages, and what answers to D.

Each is a :class:`~lookalike.parts.training.schedules.Value` whose state is plain JSON, so a run
that continues takes up the rule where it was. Phases read them through
:class:`~lookalike.parts.training.triggers.When`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lookalike.parts.training.schedules import Clock, Constant, Linear, State, Tally, Value


@dataclass(frozen=True, kw_only=True)
class Chance(Value):
    """1 in a step with this probability, else 0. As "swap": noisy labels."""

    chance: float = 0.07

    def start(self) -> State:
        """Off."""
        return {"on": 0}

    def opening(self, draw: float) -> State:
        """Draw for the first step."""
        return {"on": int(draw < self.chance)}

    def at(self, clock: Clock, state: State) -> float:
        """1 or 0."""
        return float(state["on"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """Draw for the next step."""
        return {"on": int(draw < self.chance)}


BOTH, D_ALONE, G_ALONE = 0.0, 1.0, 2.0


@dataclass(frozen=True, kw_only=True)
class Explicit(Value):
    """Who plays: both, or for a while the one player whose loss has risen ("train explicit").

    Steps in which both play are gathered into blocks of ``block``. A player's block loss is the
    mean of its losses in the block, and it lags when that is at least the largest of its last
    ``window`` block losses before. If exactly one player lags, it plays alone for ``alone`` steps;
    then both go on. The number is 0 (both), 1 (D alone) or 2 (G alone).
    """

    block: int = 20
    window: int = 6
    alone: int = 5

    def start(self) -> State:
        """Both play; nothing is known."""
        return {"alone": 0, "who": 0, "count": 0, "sums": [0.0, 0.0], "D": [], "G": []}

    def at(self, clock: Clock, state: State) -> float:
        """Who plays."""
        return float(state["who"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """Count, and decide at the end of a block."""
        if state["who"]:
            left = int(state["alone"]) - 1
            return {**state, "alone": left, "who": state["who"] if left > 0 else 0}
        count = int(state["count"]) + 1
        sums = [state["sums"][i] + tally.totals.get(p, 0.0) for i, p in enumerate("DG")]
        if count < self.block:
            return {**state, "count": count, "sums": sums}
        means = [total / count for total in sums]
        lags = [self._lags(mean, state[p]) for mean, p in zip(means, "DG", strict=True)]
        who = (1 if lags[0] else 2) if lags[0] != lags[1] else 0
        recent = {p: [*state[p], mean][-self.window :] for p, mean in zip("DG", means, strict=True)}
        alone = self.alone if who else 0
        return {"alone": alone, "who": who, "count": 0, "sums": [0.0, 0.0], **recent}

    def _lags(self, loss: float, before: Sequence[float]) -> bool:
        return bool(before) and loss >= max(before)


@dataclass(frozen=True, kw_only=True)
class MovingAverage(Value):
    """The moving average of a fact that a step told, such as "logit(real)"; 0 before the first."""

    fact: str
    keep: float = 0.99

    def start(self) -> State:
        """Nothing told yet."""
        return {"mean": None}

    def at(self, clock: Clock, state: State) -> float:
        """The average."""
        return 0.0 if state["mean"] is None else float(state["mean"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """Move towards what was told; a step in which it was not told changes nothing."""
        number = tally.facts.get(self.fact)
        if number is None:
            return state
        mean = state["mean"]
        return {"mean": number if mean is None else self.keep * mean + (1 - self.keep) * number}


@dataclass(frozen=True, kw_only=True)
class NoiseController(Value):
    """A number that grows while D is too sure and shrinks while it is not, in [0, most].

    D's sureness is D(real) - D(fake), both as probabilities; each step moves the number by
    ``speed`` towards keeping it at ``wanted``. As "instance_noise" it ties the noise on D's
    pictures to how far D is ahead: noise of a fixed power only delays a winning D.
    """

    first: float = 1 / 15
    wanted: float = 0.5
    speed: float = 1e-4
    most: float = 0.5

    def start(self) -> State:
        """The first number."""
        return {"value": self.first}

    def at(self, clock: Clock, state: State) -> float:
        """The number."""
        return float(state["value"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """One move up or down."""
        if "D(real)" not in tally.facts or "D(fake)" not in tally.facts:
            return state
        sure = tally.facts["D(real)"] - tally.facts["D(fake)"]
        moved = float(state["value"]) + self.speed * (1 if sure > self.wanted else -1)
        return {"value": min(max(moved, 0.0), self.most)}


@dataclass(frozen=True, kw_only=True)
class SignStatistic(Value):
    """The share of augmented pictures, moved so that the sign statistic of D stays at ``target``.

    Each ``every`` steps the mean of D's term "sign" over them is compared with the target: above it
    D is too sure of the pictures it has seen, and the share grows; below it falls. At the full
    speed it goes from 0 to 1 in ``images`` pictures. Clamped to [0, ``most``]. Called "augment" in
    a recipe, it is what :meth:`Game.augment <lookalike.parts.losses.game.Game.augment>` reads.
    """

    target: float = 0.6
    every: int = 4
    images: int = 100_000
    most: float = 1.0

    def start(self) -> State:
        """No augmentation."""
        return {"p": 0.0, "sum": 0.0, "count": 0}

    def at(self, clock: Clock, state: State) -> float:
        """The share."""
        return float(state["p"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """Gather the sign; every so many steps move the share by their pictures' worth."""
        sign = tally.terms.get("D/sign")
        if sign is None:
            return state
        p, total, count = float(state["p"]), float(state["sum"]) + sign, int(state["count"]) + 1
        if count < self.every or clock.step == 0:
            return {"p": p, "sum": total, "count": count}
        shown = count * clock.images / clock.step
        off = total / count - self.target
        p += math.copysign(shown / self.images, off) if off else 0.0
        return {"p": min(max(p, 0.0), self.most), "sum": 0.0, "count": 0}


def lecam_averages(logits: str = "logit") -> dict[str, Value]:
    """The values that LeCam reads: averages of D's mean logits, told as "logit(real)" …"""
    return {f"lecam/{side}": MovingAverage(fact=f"{logits}({side})") for side in ("real", "fake")}


def tricks(
    *,
    ema: float | None = None,
    instance_noise: float = 0.0,
    noisy: float = 0.0,
    lecam: bool = False,
) -> dict[str, Value]:
    """The values that the named tricks need: a recipe's own, or to be merged into them.

    ``ema`` is the half-life of the moving average in images; ``instance_noise`` the standard
    deviation at the start, falling linearly to 0 at the end of the budget; ``noisy`` the chance of
    a step with swapped labels.
    """
    values: dict[str, Value] = {} if ema is None else {"ema": Constant(ema)}
    if instance_noise:
        values["instance_noise"] = Linear(start_value=instance_noise, end_value=0.0)
    if noisy:
        values["swap"] = Chance(chance=noisy)
    return {**values, **lecam_averages()} if lecam else values
