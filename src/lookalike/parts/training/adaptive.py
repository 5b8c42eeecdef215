"""Numbers with a memory: boosts, noisy labels, explicit turns, and averages of what was told.

Each is a :class:`~lookalike.parts.training.schedules.Value` whose state is plain JSON, so a run
that continues takes up the rule where it was. Phases read them through ``turns.When``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lookalike.parts.training.schedules import Clock, Linear, State, Tally, Value
from lookalike.parts.training.triggers import When

D_BOOST, D_PLAIN, D_SWAPPED, G_BOOST, G_PLAIN = 1, 2, 4, 8, 16
"""The blocks of a boosted step, in the order in which they play."""


def flagged(value: str, *blocks: int) -> When:
    """The turn of a phase that plays while ``value`` contains any of these blocks."""
    codes = [code for code in range(32) if any(code & block for block in blocks)]
    return When(value, tuple(float(code) for code in codes))


@dataclass(frozen=True, kw_only=True)
class Boost(Value):
    """Which blocks play: now and then one player alone, now and then with swapped labels.

    The number is a sum of blocks. Each step, the first one too, has a draw k in [0, 1). With
    the chances d, g and n (0.0009, 0.0001 and 0.07) a step outside any boost

    * begins a G boost when k < g: the plain block of D still plays, then G's first boosted update;
    * begins a D boost when g < k < g + d: D's first boosted update alone;
    * otherwise plays D (with swapped labels when k >= 1 - n) and then G (when k >= g + d).

    A boost lasts ``length`` steps of one update each. In its last step a D boost is already over
    when the plain blocks of D and G are reached, and a G boost when that of G is: they play too.
    While a boost lasts no other begins. (The rule of the boosted Pokemon DCGAN.)
    """

    d_chance: float = 0.0009
    g_chance: float = 0.0001
    noisy: float = 0.07
    length: int = 100

    def start(self) -> State:
        """No boost."""
        return self.opening(0.5)

    def opening(self, draw: float) -> State:
        """The first step's draw, which may begin a boost."""
        return {"k": draw, "boost": self._begun(draw), "played": 0}

    def at(self, clock: Clock, state: State) -> float:
        """The blocks of this step, as their sum."""
        k, boost = float(state["k"]), str(state["boost"])
        last = int(state["played"]) == self.length - 1
        d_plain = D_SWAPPED if k >= 1 - self.noisy else D_PLAIN
        g_plain = G_PLAIN if k >= self.g_chance + self.d_chance else 0
        if boost == "D":
            return float(D_BOOST + (d_plain + g_plain if last else 0))
        if boost == "G":
            first = int(state["played"]) == 0
            return float((d_plain if first else 0) + G_BOOST + (g_plain if last else 0))
        return float(d_plain + g_plain)

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """Count this step of a boost, and let the next step's draw begin one."""
        boost, played = str(state["boost"]), int(state["played"]) + 1
        if not boost or played >= self.length:
            boost, played = self._begun(draw), 0
        return {"k": draw, "boost": boost, "played": played}

    def _begun(self, k: float) -> str:
        if k < self.g_chance:
            return "G"
        return "D" if self.g_chance < k < self.g_chance + self.d_chance else ""


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
        kept = {p: [*state[p], mean][-self.window :] for p, mean in zip("DG", means, strict=True)}
        alone = self.alone if who else 0
        return {"alone": alone, "who": who, "count": 0, "sums": [0.0, 0.0], **kept}

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
        told = tally.facts.get(self.fact)
        if told is None:
            return state
        mean = state["mean"]
        return {"mean": told if mean is None else self.keep * mean + (1 - self.keep) * told}


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


def tricks(
    *, instance_noise: float = 0.0, noisy: float = 0.0, lecam: bool = False, answering: bool = False
) -> dict[str, Value]:
    """The values that the named tricks need, to be merged into a recipe's own.

    ``instance_noise`` is the standard deviation at the start, falling linearly to 0 at the end of
    the budget, or, ``answering``, following how sure D is; ``noisy`` the chance of a step with
    swapped labels.
    """
    found: dict[str, Value] = {}
    if instance_noise and answering:
        found["instance_noise"] = NoiseController(first=instance_noise)
    elif instance_noise:
        found["instance_noise"] = Linear(start_value=instance_noise, end_value=0.0)
    if noisy:
        found["swap"] = Chance(chance=noisy)
    if lecam:
        found["lecam/real"] = MovingAverage(fact="logit(real)")
        found["lecam/fake"] = MovingAverage(fact="logit(fake)")
    return found
