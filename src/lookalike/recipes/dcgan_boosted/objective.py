"""The game in which one player is now and then trained alone, and D now and then told lies."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from lookalike.parts.losses.base import Batch, Objective, Phase, Terms
from lookalike.parts.losses.game import Game
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.training import adaptive as feedback


@dataclass(frozen=True, kw_only=True)
class BoostedObjective(Objective):
    """The blocks of :class:`~lookalike.parts.training.adaptive.Boost`, read from the value "play".

    Every block draws a z of its own, and swapped labels reach D alone. ``game`` says how each
    block is computed; its own turns are not used.
    """

    game: TwoPlayer = field(default_factory=TwoPlayer)

    def phases(self) -> tuple[Phase, ...]:
        """D boosted, D, D with swapped labels, G boosted, G."""

        def d(purpose: str, block: int, swap: float = 0.0) -> Phase:
            def loss(game: Game, batch: Batch) -> Terms:
                with torch.no_grad():
                    fakes = game.generate(batch.fresh(purpose), batch.labels)
                return self.game.judged(game, batch, fakes, {**game.now, "swap": swap})

            exact = self.game.penalty is not None
            turn = feedback.flagged("play", block)
            return Phase(("D",), loss, turn, after=self.game.after, exact=exact)

        def g(purpose: str, block: int) -> Phase:
            def loss(game: Game, batch: Batch) -> Terms:
                fakes = game.generate(batch.fresh(purpose), batch.labels)
                return self.game.made(game, batch, fakes)

            return Phase(("G",), loss, feedback.flagged("play", block))

        return (
            d("boost/D", feedback.D_BOOST),
            d("plain/D", feedback.D_PLAIN),
            d("swapped/D", feedback.D_SWAPPED, swap=1.0),
            g("boost/G", feedback.G_BOOST),
            g("plain/G", feedback.G_PLAIN),
        )
