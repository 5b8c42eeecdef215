"""What is learned about latents: encodings of training pictures, and a prior fitted to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lookalike import seeds
from lookalike.engine.batches import BatchSource, some_blocks
from lookalike.parts.training.schedules import Clock
from lookalike.place import Place
from lookalike.recipe import Recipe

MOST = 4_000
"""Training pictures that a prior is fitted to."""


def fit(
    recipe: Recipe, encoder: nn.Module, source: BatchSource, place: Place, clock: Clock
) -> dict[str, Tensor]:
    """What the recipe's prior learns from encodings of up to 4,000 training pictures."""
    generator = seeds.generator(recipe.seed, "fit", clock.step)
    encoded = encodings(encoder, source, place, MOST)
    # Work that is worth doing only once (a flow) waits for the last fit, which is told the length.
    spent = clock.images if clock.done >= 1 else None
    return dict(recipe.prior.fit(encoded, generator, labels_of(source, MOST), spent))


@torch.no_grad()
def encodings(encoder: nn.Module, source: BatchSource, place: Place, most: int) -> Tensor:
    """Means of the encoder for up to ``most`` training pictures, float32 ``[N, Z]``."""
    means = []
    for block in some_blocks(source, most):
        pictures = block.to(place.device)
        with place.autocast("E"):
            mean, _ = encoder(pictures.images, pictures.labels)
        means.append(mean.float().cpu())
    return torch.cat(means)


def labels_of(source: BatchSource, most: int) -> Tensor | None:
    """Label rows of up to ``most`` training pictures ``[N, L]``, or None where there are none."""
    labels = [block.labels for block in some_blocks(source, most) if block.labels is not None]
    return torch.cat(labels) if labels else None
