"""Wasserstein GAN of the logo makers: 5x5 kernels, uniform z, five critic steps on one z.

Arjovsky et al. 2017, algorithm 1 (clipping to 0.01), as a public logo GAN used it: RMSprop 2e-4
and the same z for five critic steps and the one of G. A step takes five batches of pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from lookalike.parts.latents.priors import Uniform
from lookalike.parts.losses.adversarial import AdversarialLoss, WassersteinLoss
from lookalike.parts.losses.base import Clip, Constraint, Objective, Phase, Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.blocks import doublings
from lookalike.parts.networks.strided import StridedDiscriminator, StridedGenerator
from lookalike.parts.ranks import current, holding, weighed
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import RMSprop
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
RECTANGLES = True
LABELS = "optional"


@dataclass(frozen=True, kw_only=True)
class SharedNoiseObjective(Objective):
    """``steps`` critic steps on fresh pictures but one z, then one step of G on that z.

    A step of the trainer takes ``steps`` times the pictures of one update: critic step k sees
    every ``steps``-th picture from the k-th on (all of them, where ``steps`` does not divide the
    batch, or a rank has fewer rows of it). All updates use the same rows of z, those of the first
    slice (Arjovsky et al. 2017, algorithm 1, except that the algorithm draws z anew). A slice's
    terms are repeated, so that each sample of the batch has its number.
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
        with holding(len(batch.z[first])):
            with torch.no_grad():
                fakes = game.generate(batch.z[first], _rows(batch.labels, first))
            fake = game.augment(fakes, batch.noise(f"fake/{index}"))
        with holding(len(batch.images[mine])):
            real = game.augment(batch.images[mine], batch.noise(f"real/{index}"))
            on_real = game.discriminate(real, _rows(batch.labels, mine))
            on_reals = self.rule.real(on_real, game.now, batch.noise(f"targets/real/{index}"))
        with holding(len(fake)):
            on_fake = game.discriminate(fake, _rows(batch.labels, first))
            on_fakes = self.rule.fake(on_fake, game.now, batch.noise(f"targets/fake/{index}"))
        game.tell(on_real, on_fake)
        return Terms(real=_repeated(on_reals, batch), fake=_repeated(on_fakes, batch))

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """G's loss on the z that the critic steps have used."""
        first = self._slice(batch, 0)
        labels = _rows(batch.labels, first)
        with holding(len(batch.z[first])):
            fakes = game.augment(game.generate(batch.z[first], labels), batch.noise("maker"))
            losses = self.rule.maker(game.discriminate(fakes, labels))
        return Terms(adversarial=_repeated(losses, batch))

    def _slice(self, batch: Batch, index: int) -> slice:
        ranks = current()
        counts, before = ((len(batch),), 0) if ranks is None else (ranks.counts, ranks.first)
        if sum(counts) % self.steps or min(counts) < self.steps:
            return slice(None)
        return slice((index - before) % self.steps, None, self.steps)


def _repeated(losses: Tensor, batch: Batch) -> Tensor:
    """The numbers of a slice of the batch, as often as the batch has slices."""
    losses = weighed(losses, len(batch))
    return losses.repeat(len(batch) // len(losses))


def _rows(labels: Tensor | None, rows: slice) -> Tensor | None:
    return None if labels is None else labels[rows]


def recipe(
    size: int = 128,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 100,
    rate: float = 0.0,
    critic_steps: int = 5,
    clip: float = 0.01,
    per_step: int = 0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``width`` maps at the smallest; ``per_step`` pictures in each of the ``critic_steps``.

    0 is 512 maps and 64 pictures from 128 px on, half of each at 64 px, and a quarter at 32 px.
    A ``rate`` of 0 is 2e-4, and 5e-4 at 32 px.
    """
    width, per_step = width or min(512, 4 * size), per_step or min(64, size // 2)
    count = doublings(size)
    widths = tuple(max(width >> k, 8) for k in range(max(count, 4)))
    player = RMSprop(rate=Constant(rate or (5e-4 if size <= 32 else 2e-4)))
    return Recipe(
        name="wgan-logos",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StridedGenerator(dims=dims, widths=widths[:count], strides=(2,) * count),
            "D": StridedDiscriminator(widths=widths[3::-1]),
        },
        prior=Uniform(dims),
        objective=SharedNoiseObjective(steps=critic_steps, after=Clip(clip)),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise),
        batch=per_step * critic_steps,
    )
