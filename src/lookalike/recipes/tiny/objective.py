"""The objective of ``tiny``: the game of two players with fixed targets."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.losses.base import Objective, Phase
from lookalike.parts.losses.two_player import TwoPlayer


@dataclass(frozen=True, kw_only=True)
class TinyObjective(Objective):
    """Goodfellow et al. 2014: D minimizes cross-entropy, G maximizes log D(G(z)).

    ``real_target`` below 1 is one-sided label smoothing (Salimans et al. 2016, section 3.4); it
    applies to D only.
    """

    real_target: float = 1.0
    fake_target: float = 0.0

    def phases(self) -> tuple[Phase, ...]:
        """D on a real and a fake batch, then G on the very same fakes."""
        real, fake = self.real_target, self.fake_target
        rule = NonSaturatingLoss(real_low=real, real_high=real, fake_low=fake, fake_high=fake)
        return TwoPlayer(rule=rule).phases()
