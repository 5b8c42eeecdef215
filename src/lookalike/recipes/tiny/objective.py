"""The two-player objectives that many recipes share."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.parts.losses.base import Batch, Objective, Phase, Terms, real_or_fake
from lookalike.parts.losses.game import Game


@dataclass(frozen=True, kw_only=True)
class TinyObjective(Objective):
    """Goodfellow et al. 2014: D minimises cross-entropy, G maximises log D(G(z)).

    ``real_target`` below 1 is one-sided label smoothing (Salimans et al. 2016, section 3.4); it
    applies to D only.
    """

    real_target: float = 1.0
    fake_target: float = 0.0

    def phases(self) -> tuple[Phase, ...]:
        """D on a real and a fake batch, then G on the very same fakes."""
        return Phase(("D",), self.critic), Phase(("G",), self.maker)

    def critic(self, game: Game, batch: Batch) -> Terms:
        """Cross-entropy of real pictures against ``real_target`` and of fakes against 0."""
        seen = batch.noise("real"), batch.noise("fake")
        on_real = game.judge(game.augment(batch.images, seen[0]), batch.labels)
        fakes = game.augment(game.fakes(batch).detach(), seen[1])
        on_fake = game.judge(fakes, batch.labels)
        game.facts["D(real)"] = float(on_real.detach().sigmoid().mean())
        game.facts["D(fake)"] = float(on_fake.detach().sigmoid().mean())
        return Terms(
            real=real_or_fake(on_real, self.real_target),
            fake=real_or_fake(on_fake, self.fake_target),
        )

    def maker(self, game: Game, batch: Batch) -> Terms:
        """Cross-entropy of fakes against "real"."""
        fakes = game.augment(game.fakes(batch), batch.noise("maker"))
        return Terms(adversarial=real_or_fake(game.judge(fakes, batch.labels), 1.0))
