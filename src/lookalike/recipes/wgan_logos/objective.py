"""The schedule of the first Wasserstein GANs: several critic steps on one z, then one of G.

The losses are :class:`lookalike.parts.losses.adversarial.WassersteinLoss`; clipping is
:class:`lookalike.parts.losses.base.Clip`; slopes are in :mod:`lookalike.parts.losses.penalties`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from lookalike.parts.losses.adversarial import AdversarialLoss, WassersteinLoss
from lookalike.parts.losses.base import Batch, Clip, Constraint, Objective, Phase, Terms
from lookalike.parts.losses.game import Game
from lookalike.parts.losses.two_player import tell


@dataclass(frozen=True, kw_only=True)
class SharedNoiseObjective(Objective):
    """``steps`` critic steps on fresh pictures but one z, then one step of G on that z.

    A step of the trainer takes ``steps`` times the pictures of one update: critic step k sees
    every ``steps``-th picture from the k-th on (all of them, where ``steps`` does not divide the
    batch). All updates use the same rows of z, those of the first slice (Arjovsky et al. 2017,
    algorithm 1, except that the algorithm draws z anew). A slice's terms are repeated, so that
    each sample of the batch has its number.
    """

    rule: AdversarialLoss = field(default_factory=WassersteinLoss)
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
        mine, first = self._slice(batch, index), self._slice(batch, 0)
        with torch.no_grad():
            fakes = game.generate(batch.z[first], _rows(batch.labels, first))
        real = game.augment(batch.images[mine], batch.noise(f"real/{index}"))
        fake = game.augment(fakes, batch.noise(f"fake/{index}"))
        on_real = game.judge(real, _rows(batch.labels, mine))
        on_fake = game.judge(fake, _rows(batch.labels, first))
        tell(game, on_real, on_fake)
        on_reals = self.rule.real(on_real, game.now, batch.noise(f"targets/real/{index}"))
        on_fakes = self.rule.fake(on_fake, game.now, batch.noise(f"targets/fake/{index}"))
        times = len(batch) // len(on_reals)
        return Terms(real=on_reals.repeat(times), fake=on_fakes.repeat(times))

    def maker(self, game: Game, batch: Batch) -> Terms:
        """G's loss on the z that the critic steps have used."""
        first = self._slice(batch, 0)
        labels = _rows(batch.labels, first)
        fakes = game.augment(game.generate(batch.z[first], labels), batch.noise("maker"))
        found = self.rule.maker(game.judge(fakes, labels))
        return Terms(adversarial=found.repeat(len(batch) // len(found)))

    def _slice(self, batch: Batch, index: int) -> slice:
        return slice(index, None, self.steps) if len(batch) % self.steps == 0 else slice(None)


def _rows(labels: Tensor | None, rows: slice) -> Tensor | None:
    return None if labels is None else labels[rows]
