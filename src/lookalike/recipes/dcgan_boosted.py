"""DCGAN with minibatch discrimination, rare boosts of one player alone, and noisy labels.

Radford et al. 2016 (networks), Salimans et al. 2016, sections 3.2 and 3.4, and the boosted
training of a Pokemon DCGAN: with probability 0.0009 a step begins 100 updates of D alone, with
0.0001 of G alone, and with 0.07 D sees swapped labels. The exact rule is
:class:`Boost`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import SMOOTHING
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Clock, Constant, State, Tally, Value
from lookalike.parts.training.triggers import When
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
RECTANGLES = True
LABELS = "optional"

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
class BoostedObjective(Objective):
    """The blocks of :class:`Boost`, read from the value "play".

    Every block draws a z of its own, and swapped labels reach D alone. ``game`` says how each
    block is computed; its own turns are not used.
    """

    game: TwoPlayer = field(default_factory=TwoPlayer)

    @property
    def reads(self) -> tuple[str, ...]:
        """As in the game inside."""
        return self.game.reads

    def phases(self) -> tuple[Phase, ...]:
        """D boosted, D, D with swapped labels, G boosted, G."""
        return (
            self._d_phase("boost/D", D_BOOST),
            self._d_phase("plain/D", D_PLAIN),
            self._d_phase("swapped/D", D_SWAPPED, swap=1.0),
            self._g_phase("boost/G", G_BOOST),
            self._g_phase("plain/G", G_PLAIN),
        )

    def _d_phase(self, purpose: str, block: int, swap: float = 0.0) -> Phase:
        def loss(game: Game, batch: Batch) -> Terms:
            with torch.no_grad():
                fakes = game.generate(batch.fresh(purpose), batch.labels)
            return self.game.d_loss_on(game.with_values(swap=swap), batch, fakes)

        exact = self.game.penalty is not None
        return Phase(("D",), loss, flagged("play", block), after=self.game.after, exact=exact)

    def _g_phase(self, purpose: str, block: int) -> Phase:
        def loss(game: Game, batch: Batch) -> Terms:
            fakes = game.generate(batch.fresh(purpose), batch.labels)
            return self.game.g_loss_on(game, batch, fakes)

        return Phase(("G",), loss, flagged("play", block))


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 16,
    rate: float = 1.5e-4,
    smoothing: Literal["none", "one-sided", "two-sided"] = "two-sided",
    minibatch: int | None = None,
    dropout: float = 0.0,
    noisy: float = 0.07,
    boost_length: int = 100,
    instance_noise: float = 0.0,
) -> Recipe:
    """``noisy`` is the chance of swapped labels, ``boost_length`` the updates in a boost."""
    width = width or (32 if size <= 32 else min(128, 8192 // size))
    maps = (2 if size <= 64 else 4) if minibatch is None else minibatch
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="dcgan-boosted",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DCGANGenerator(dims=dims, width=width),
            "D": DCGANDiscriminator(width=width, minibatch=maps, dropout=dropout),
        },
        prior=Normal(dims),
        objective=BoostedObjective(game=TwoPlayer(rule=SMOOTHING[smoothing])),
        optimizers={"G": player, "D": player},
        values={
            "ema": Constant(10_000),
            "play": Boost(noisy=noisy, length=boost_length),
            **tricks(instance_noise=instance_noise),
        },
        batch=32,
    )
