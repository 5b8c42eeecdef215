"""The law that costs the most: every recipe moves towards a tiny set of pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from pictures import discs
from smallest import EVERY, small, trainer_of
from torch import Tensor
from torch.nn import functional


def _looks(pictures: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(pictures, 4).flatten(1)


def _energy(first: Tensor, second: Tensor) -> float:
    """The energy distance of two sets of pictures at 4x4 (Szekely & Rizzo 2013); 0 when equal."""
    a, b = _looks(first), _looks(second)
    across, within = torch.cdist(a, b).mean(), torch.cdist(a, a).mean() + torch.cdist(b, b).mean()
    return float(2 * across - within)


@pytest.mark.slow
@EVERY
def test_a_recipe_learns_a_toy_set(name: str) -> None:
    steps, batch = 800, 8
    chosen = replace(small(name), batch=batch, images=steps * batch)
    trainer = trainer_of(chosen)
    real = discs(48, chosen.size, chosen.channels)
    untrained = _energy(trainer.sampler().raw(0, 0, 48), real)
    best = untrained
    while trainer.clock.step < steps and best > 0.6 * untrained:
        for _ in range(40):
            trainer.step()
        best = min(best, _energy(trainer.sampler().raw(0, 0, 48), real))
    assert best <= 0.6 * untrained
