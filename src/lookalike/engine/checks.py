"""What stops a training: numbers that are none, and pictures in another range than the data's."""

from __future__ import annotations

import torch
from torch import Tensor

from lookalike import seeds
from lookalike.engine.batches import BatchSource
from lookalike.engine.sampler import Sampler
from lookalike.errors import NotFiniteError, RangeError
from lookalike.parts.losses.base import Phase, Terms
from lookalike.parts.networks.base import Networks
from lookalike.parts.training.schedules import Clock
from lookalike.recipe import Recipe


def check_terms(phase: Phase, terms: Terms, clock: Clock) -> None:
    """Refuse terms that are not numbers, before they reach a weight.

    Raises:
        NotFiniteError: naming the term, the players and the step.
    """
    for name, term in terms.items():
        if not bool(torch.isfinite(term).all()):
            raise NotFiniteError(
                f"The term {name!r} of {'+'.join(phase.players)} became infinite or NaN at "
                f"step {clock.step} ({clock.images} images). Nothing after the last "
                "checkpoint was kept. Try a lower rate "
                f"(--set optimizers.{phase.players[0]}.rate=1e-4), --precision fp32, or "
                "another recipe; 'lookalike show' prints the curves so far."
            )


def check_weights(networks: Networks, clock: Clock) -> None:
    """Refuse weights that are not numbers: asked before each save, so that none keeps them.

    A finite loss can have an infinite gradient (the root of 0), which the next loss would show.

    Raises:
        NotFiniteError: naming the player.
    """
    for player, network in networks.items():
        if not all(bool(torch.isfinite(weight).all()) for weight in network.parameters()):
            raise NotFiniteError(
                f"A weight of {player} became infinite or NaN before step {clock.step} "
                f"({clock.images} images), though every loss was finite. Nothing after "
                "the last checkpoint was kept. Try a lower rate "
                f"(--set optimizers.{player}.rate=1e-4) or --precision fp32."
            )


def check_range(recipe: Recipe, source: BatchSource, sampler: Sampler) -> None:
    """Compare the generator's output range with the data's, once, before the first step.

    Raises:
        RangeError: they cannot agree; a person would see grey blacks or an invalid score.
    """
    data = source.some(64).images
    made = sampler.raw(recipe.seed, 0, 16)
    if data.ndim != 4:  # points in the plane have no range
        return
    if tuple(made.shape[1:]) != tuple(data.shape[1:]):
        raise RangeError(
            f"The generator makes pictures {tuple(made.shape[1:])}, the data are "
            f"{tuple(data.shape[1:])}. Set size and channels to the data's."
        )
    low, high = float(made.min()), float(made.max())
    if float(data.min()) < -1.001 or float(data.max()) > 1.001 or low < -1.5 or high > 1.5:
        raise RangeError(
            f"Pictures must lie in [-1, 1]: the data span {float(data.min()):.2f} to "
            f"{float(data.max()):.2f}, the generator {low:.2f} to {high:.2f}. End it in tanh."
        )
    if low >= 0 and float(data.mean()) < 0.98 and float(_far_off(recipe, sampler).min()) >= 0:
        raise RangeError(
            f"The generator gives {low:.2f} to {high:.2f} and never a negative number, but the "
            "data span [-1, 1]: blacks would come out grey. End it in tanh, not in a sigmoid."
        )


@torch.no_grad()
def _far_off(recipe: Recipe, sampler: Sampler) -> Tensor:
    """Pictures of far-off z: some number is below 0 unless the last layer forbids it.

    With its first weights a linear end may give a little more than 0 for every usual z.
    """
    generator = seeds.generator(recipe.seed, "range", 0)
    z = 1000 * sampler.prior.draw(generator, recipe.batch, sampler.learned)[:16]
    labels = None if sampler.labels is None else sampler.labels[:1].expand(len(z), -1)
    return sampler.generate(
        z.to(sampler.device), None if labels is None else labels.to(sampler.device)
    )
