"""Codes of :mod:`lookalike.data.augment.transforms` as a rule for a whole set.

At prepare, every training picture gets a copy for each chain of codes. In training, each picture
that is shown is left as it is or changed by one of the chains; which one, and what is random in it,
depends on the seed and on the position alone, so that a run that is continued shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookalike import seeds
from lookalike.data.augment.transforms import Chain, parse
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.sizes import shape_of


def chains(codes: Sequence[str]) -> tuple[Chain, ...]:
    """The chains of ``("fliph", "rot_10,blur_1")``.

    Raises:
        DataError: a code that does not exist, does not fit, or is named twice.
    """
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise DataError(f"{', '.join(twice)} is named twice. Name each code once.")
    return tuple(parse(code) for code in codes)


def fitting(codes: Sequence[str], size: int, channels: int) -> tuple[Chain, ...]:
    """The chains, tried on a blank picture of this size first: a corner may lie outside of it.

    Raises:
        DataError: as :func:`chains`, or a code that leaves nothing of such a picture.
    """
    found = chains(codes)
    blank = np.zeros((*shape_of(size), channels), np.uint8)
    for chain in found:
        chain.apply(blank, np.random.default_rng(0))
    return found


@dataclass(frozen=True)
class Policy:
    """One of "nothing" and the chains for each position, all equally often."""

    chains: tuple[Chain, ...]
    seed: int

    def apply(self, pictures: Pixels, at: int) -> Pixels:
        """The pictures that stand at ``at`` and after, uint8 ``[N, H, W, C]``; not in place."""
        if not self.chains:
            return pictures
        changed = pictures.copy()
        for index in range(len(pictures)):
            chosen = seeds.number(self.seed, "policy", at + index) % (1 + len(self.chains))
            if chosen:
                draw = seeds.array_generator(self.seed, "policy draw", at + index)
                changed[index] = self.chains[chosen - 1].apply(pictures[index], draw)
        return changed


@dataclass(frozen=True)
class Original:
    """A picture of the training split that is to be copied: its row, an address, its pixels."""

    row: int
    address: str
    pixels: Pixels

    @property
    def weight(self) -> int:
        """How many bytes travel with it."""
        return self.pixels.nbytes


@dataclass(frozen=True)
class Copying:
    """Makes the changed copies of some originals, one for each chain. Runs in workers."""

    chains: tuple[Chain, ...]
    seed: int

    def __call__(self, originals: Sequence[Original]) -> list[list[Pixels]]:
        """uint8 ``[S, S, C]`` for each chain, for each original."""
        return [[self._copy(one, chain) for chain in self.chains] for one in originals]

    def _copy(self, one: Original, chain: Chain) -> Pixels:
        draw = seeds.array_generator(self.seed, f"augment/{one.address}{chain.suffix}")
        return chain.apply(one.pixels, draw)
