"""The schedule of the first Wasserstein GANs: several critic steps on one z, then one of G.

The losses are :class:`lookalike.parts.losses.adversarial.WassersteinLoss`; clipping is
:class:`lookalike.parts.losses.base.Clip`; slopes are in :mod:`lookalike.parts.losses.penalties`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from lookalike.parts.losses.adversarial import AdversarialLoss, WassersteinLoss
from lookalike.parts.losses.base import Clip, Constraint, Objective, Phase, Terms
from lookalike.parts.losses.game import Batch, Game


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

        critics = (
            Phase(("D",), partial(self.d_loss, index=index), after=self.after)
            for index in range(self.steps)
        )
        return (*critics, Phase(("G",), self.g_loss))

    def d_loss(self, game: Game, batch: Batch, index: int) -> Terms:
        """D's loss on slice ``index`` of the batch and on the shared fakes."""
        mine, first = self._slice(batch, index), self._slice(batch, 0)
        with torch.no_grad():
            fakes = game.generate(batch.z[first], _rows(batch.labels, first))
        real = game.augment(batch.images[mine], batch.noise(f"real/{index}"))
        fake = game.augment(fakes, batch.noise(f"fake/{index}"))
        on_real = game.discriminate(real, _rows(batch.labels, mine))
        on_fake = game.discriminate(fake, _rows(batch.labels, first))
        game.tell(on_real, on_fake)
        on_reals = self.rule.real(on_real, game.now, batch.noise(f"targets/real/{index}"))
        on_fakes = self.rule.fake(on_fake, game.now, batch.noise(f"targets/fake/{index}"))
        times = len(batch) // len(on_reals)
        return Terms(real=on_reals.repeat(times), fake=on_fakes.repeat(times))

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """G's loss on the z that the critic steps have used."""
        first = self._slice(batch, 0)
        labels = _rows(batch.labels, first)
        fakes = game.augment(game.generate(batch.z[first], labels), batch.noise("maker"))
        found = self.rule.maker(game.discriminate(fakes, labels))
        return Terms(adversarial=found.repeat(len(batch) // len(found)))

    def _slice(self, batch: Batch, index: int) -> slice:
        return slice(index, None, self.steps) if len(batch) % self.steps == 0 else slice(None)


def _rows(labels: Tensor | None, rows: slice) -> Tensor | None:
    return None if labels is None else labels[rows]
