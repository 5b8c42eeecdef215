"""Labels for new pictures: a training picture's row, or a cross of two where a row stands for one.

Where attributes say everything, hardly two pictures share their labels, and a generator that obeys
them makes of a whole row the very picture that had it. A row is said to stand for a picture when
fewer than k share it (k-anonymity, Sweeney 2002). Such a row gets some attributes of another one
(uniform crossover, Syswerda 1989), as far as every two of its values occur together somewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LabelCrossover:
    """Which label rows are crossed, and how.

    ``groups`` counts the columns of each attribute, in order: several are a choice of one, a single
    one is a value. The first ``fixed`` of them stay what they are, and so does a row that at least
    ``shared`` training pictures have. Of any other, ``exchanged`` attributes come from one of the
    ``nearest`` rows that are the same where it is fixed, and differ in twice as many attributes, so
    that the cross is far from both. A cross with two values that no training picture has together,
    or that stands for a training picture itself, is not taken; after ``tries`` of them the row
    stays.
    """

    groups: tuple[int, ...]
    fixed: int = 0
    exchanged: int = 2
    shared: int = 5
    nearest: int = 16
    tries: int = 8

    def rows(self, labels: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Rows to draw with ``[N, L]`` for training pictures ``[N]`` with these labels ``[M, L]``.

        Nothing but the crosses is drawn from the generator, row after row.
        """
        codes = self._codes(labels)
        return torch.stack([self._row(labels, codes, number, generator) for number in chosen])

    def _row(
        self, labels: Tensor, codes: Tensor, number: Tensor, generator: torch.Generator
    ) -> Tensor:
        own, alike = labels[number], _alike(codes, codes[number])
        distances = (~alike).sum(1) * alike[:, : self.fixed].all(1)
        count = min(self.exchanged, int(distances.max()) // 2)
        if count < 1 or not self._stands_for_some(alike):
            return own
        donors = self._donors(distances, 2 * count)
        for _ in range(self.tries):
            donor = donors[torch.randint(len(donors), (), generator=generator)]
            differing = torch.nonzero(~alike[donor])[:, 0]
            moving = differing[torch.randperm(len(differing), generator=generator)[:count]]
            crossed = codes[number].index_put((moving,), codes[donor, moving])
            if self._sensible(_alike(codes, crossed)):
                return torch.where(torch.isin(self._owners(), moving), labels[donor], own)
        return own

    def _codes(self, labels: Tensor) -> Tensor:
        """One number for each attribute, ``[M, L]`` -> ``[M, G]``: which of a choice, or the value.

        A choice of which no column is 1 is 0.
        """
        places = torch.cat([torch.arange(1.0, size + 1) for size in self.groups])
        owned = torch.eye(len(self.groups))[self._owners()]
        return labels.float() @ (places[:, None] * owned)

    def _owners(self) -> Tensor:
        """The attribute of each column, ``[L]``."""
        return torch.repeat_interleave(torch.arange(len(self.groups)), torch.tensor(self.groups))

    def _donors(self, distances: Tensor, least: int) -> Tensor:
        """The nearest rows that differ in so many attributes, and all that are as near."""
        able = distances >= least
        limit = distances[able].kthvalue(min(self.nearest, int(able.sum()))).values
        return torch.nonzero(able & (distances <= limit))[:, 0]

    def _stands_for_some(self, alike: Tensor) -> bool:
        """Whether training pictures have the row, but fewer than ``shared``."""
        return 0 < int(alike.all(1).sum()) < self.shared

    def _sensible(self, alike: Tensor) -> bool:
        """Whether every two values of a row occur together, and it stands for no picture."""
        together = alike.float().T @ alike.float()
        return bool((together > 0).all()) and not self._stands_for_some(alike)


def _alike(codes: Tensor, row: Tensor) -> Tensor:
    """Which attributes of each picture ``[M, G]`` are those of a row ``[G]``, bool ``[M, G]``.

    Numbers, in units of their deviation, are alike within a half.
    """
    return (codes - row).abs() < 0.5
