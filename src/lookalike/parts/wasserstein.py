"""The schedule of the first Wasserstein GANs: several critic steps on one z, then one of G.

The losses are :class:`lookalike.parts.rules.Wasserstein`; clipping is
:class:`lookalike.parts.objectives.Clip`; slopes are in :mod:`lookalike.parts.penalties`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from lookalike.parts.game import Game
from lookalike.parts.objectives import Batch, Clip, Constraint, Objective, Phase, Terms
from lookalike.parts.rules import Rule, Wasserstein
from lookalike.parts.twoplayer import tell


@dataclass(frozen=True, kw_only=True)
class SharedNoise(Objective):
    """``steps`` critic steps on fresh pictures but one z, then one step of G on that z.

    A step of the trainer takes ``steps`` times the pictures of one update: critic step k sees
    every ``steps``-th picture from the k-th on. All updates use the same rows of z, those of the
    first slice (Arjovsky et al. 2017, algorithm 1, except that the algorithm draws z anew).
    """

    rule: Rule = field(default_factory=Wasserstein)
    steps: int = 5
    after: Constraint | None = field(default_factory=Clip)

    def phases(self) -> tuple[Phase, ...]:
        """D ``steps`` times, then G."""

        def critic(index: int) -> Phase:
            def loss(game: Game, batch: Batch) -> Terms:
                return self.critic(game, batch, index)

            return Phase(("D",), loss, after=self.after)

        return (*map(critic, range(self.steps)), Phase(("G",), self.maker))

    def critic(self, game: Game, batch: Batch, index: int) -> Terms:
        """D's loss on slice ``index`` of the batch and on the shared fakes."""
        labels = self._slice(batch.labels, 0)
        with torch.no_grad():
            fakes = game.generate(batch.z[:: self.steps], labels)
        real = game.augment(batch.images[index :: self.steps], batch.noise(f"real/{index}"))
        fake = game.augment(fakes, batch.noise(f"fake/{index}"))
        on_real = game.judge(real, self._slice(batch.labels, index))
        on_fake = game.judge(fake, labels)
        tell(game, on_real, on_fake)
        return Terms(
            real=self.rule.real(on_real, game.now, batch.noise(f"targets/real/{index}")),
            fake=self.rule.fake(on_fake, game.now, batch.noise(f"targets/fake/{index}")),
        )

    def maker(self, game: Game, batch: Batch) -> Terms:
        """G's loss on the z that the critic steps have used."""
        labels = self._slice(batch.labels, 0)
        fakes = game.augment(game.generate(batch.z[:: self.steps], labels), batch.noise("maker"))
        return Terms(adversarial=self.rule.maker(game.judge(fakes, labels)))

    def _slice(self, labels: Tensor | None, index: int) -> Tensor | None:
        return None if labels is None else labels[index :: self.steps]
