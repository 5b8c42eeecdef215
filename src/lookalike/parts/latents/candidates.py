"""Which of several candidates becomes a picture: the one that the discriminator finds most real.

A generator stopped after minutes still draws some things well and others badly, and its
discriminator can tell which (discriminator rejection sampling, Azadi et al. 2019). Choosing the
best of a few candidates needs no estimate of a density ratio, and leaves every picture a function
of its seed and index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lookalike.parts.losses.base import per_sample
from lookalike.parts.losses.game import Game


@dataclass(frozen=True, kw_only=True)
class BestOf:
    """Of ``candidates`` pictures the one with the highest mean logit of D.

    ``through`` are the players that a picture passes before D looks at it, in order: the frozen
    features F of a projected discriminator. Where the number is ``measured``, a training ends with
    the distance to held-out pictures of 1, 2 … ``candidates``, and the nearest number is taken.
    """

    candidates: int = 3
    measured: bool = True
    through: tuple[str, ...] = ()

    @property
    def players(self) -> tuple[str, ...]:
        """Who is needed to choose, besides G."""
        return (*self.through, "D") if self.candidates > 1 else ()

    def scorer(self, game: Game) -> Callable[[Tensor, Tensor | None], Tensor]:
        """How real D finds pictures ``[N, C, S, S]`` in [-1, 1]: ``[N]``, higher is better."""

        def score(pictures: Tensor, labels: Tensor | None) -> Tensor:
            seen: Any = pictures
            for player in self.through:
                seen = game.play(player, seen)
            return per_sample(game.play("D", seen, labels))

        return score
