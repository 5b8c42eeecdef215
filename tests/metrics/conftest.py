"""Small pictures with classes, drawn in milliseconds, and sets of vectors with known answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Draw = Callable[..., NDArray[np.uint8]]


def smooth(random: np.random.Generator, count: int, side: int, coarse: int) -> NDArray[np.float64]:
    """Random pictures ``[count, side, side, 3]`` with detail at all scales above side / coarse."""
    grid = np.linspace(0, 1, side)
    waves = np.arange(coarse)
    basis = np.cos(np.pi * np.outer(grid, waves))
    fall = 1 / (1 + waves[:, None] + waves[None, :])
    weights = random.standard_normal((count, coarse, coarse, 3)) * fall[None, :, :, None]
    return np.einsum("yi,nijc,xj->nyxc", basis, weights, basis, optimize=True)


@pytest.fixture(scope="session")
def draw() -> Draw:
    """``draw(count, seed, classes=(0, 1, 2, 3))`` -> uint8 ``[count, 32, 32, 3]``.

    A class is one of ten fixed pictures; each drawn picture adds its own shapes, with hard edges of
    that height.
    """

    def make(
        count: int,
        seed: int,
        classes: tuple[int, ...] = (0, 1, 2, 3),
        side: int = 32,
        edges: int = 0,
    ) -> NDArray[np.uint8]:
        fixed = smooth(np.random.default_rng(99), 10, side, 6)
        random = np.random.default_rng(seed)
        of = random.choice(classes, count)
        own = smooth(random, count, side, 12)
        values = 128 + 45 * fixed[of] + 30 * own + edges * np.sign(own)
        return values.clip(0, 255).round().astype(np.uint8)

    return make


@pytest.fixture
def normal() -> Callable[..., NDArray[np.float32]]:
    """``normal(count, dim, seed, shift=0, scale=1)`` -> float32 Gaussian vectors."""

    def make(
        count: int, dim: int, seed: int, shift: float = 0.0, scale: float = 1.0
    ) -> NDArray[np.float32]:
        drawn = np.random.default_rng(seed).standard_normal((count, dim))
        return (drawn * scale + shift).astype(np.float32)

    return make
