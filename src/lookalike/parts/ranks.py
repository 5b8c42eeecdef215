"""The rows of a batch that other ranks hold, for what is computed or drawn over the whole batch.

Several processes ("ranks") share a batch by its rows. What looks at each row alone needs nothing
of this. What looks at several (batch statistics, permutations, means that are no term's) asks here
for the rows of the others, and what draws for each row draws for all and keeps its own, so that
the numbers are those of one process. Alone, everything here returns what it is given.

Gradients pass through, twice where a penalty asks: the sum over ranks is its own derivative when
what is minimized is the sum of all ranks' losses, each weighed by its share of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from itertools import accumulate
from typing import Any, ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


@dataclass(frozen=True)
class Ranks:
    """How many rows of a batch each rank holds, one behind the other, and how ranks are summed.

    ``add`` sums a tensor over all ranks, in place; every rank calls it in the same order.
    ``dropped`` draws what modules drop, in the same order on every rank.
    """

    rank: int
    counts: tuple[int, ...]
    add: Callable[[Tensor], None]
    dropped: torch.Generator

    @property
    def count(self) -> int:
        """The rows of this rank."""
        return self.counts[self.rank]

    @property
    def whole(self) -> int:
        """The rows of all ranks."""
        return sum(self.counts)

    @property
    def first(self) -> int:
        """The first row of this rank."""
        return [0, *accumulate(self.counts)][self.rank]

    def holding(self, count: int) -> Ranks:
        """The same ranks over other rows, of which this one has so many."""
        counts = torch.zeros(len(self.counts), dtype=torch.int64)
        counts[self.rank] = count
        self.add(counts)
        return replace(self, counts=tuple(counts.tolist()))

    def own(self, rows: Tensor) -> Tensor:
        """This rank's rows of all rows."""
        return rows[self.first : self.first + self.count]

    def all(self, rows: Tensor) -> Tensor:
        """The rows of all ranks, of this rank's rows."""
        after = self.whole - self.first - self.count
        shape = rows.shape[1:]
        parts = [rows.new_zeros(self.first, *shape), rows, rows.new_zeros(after, *shape)]
        return self.sum(torch.cat(parts))

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over ranks, on every rank, with its gradient."""
        total: Tensor = _Sum.apply(numbers, self.add)  # type: ignore[no-untyped-call]
        return total


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, numbers: Tensor, add: Callable[[Tensor], None]) -> Tensor:
        ctx.add = add
        total = numbers.detach().clone(memory_format=torch.contiguous_format)
        add(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Sum.apply(gradients[0], ctx.add), None  # type: ignore[no-untyped-call]


_NOW: ContextVar[Ranks | None] = ContextVar("ranks", default=None)


def current() -> Ranks | None:
    """The ranks that share the batch of this moment; None where there is one."""
    return _NOW.get()


@contextmanager
def sharing(ranks: Ranks | None) -> Iterator[None]:
    """Inside, a batch is shared by these ranks; None is a process alone."""
    before = _NOW.set(ranks)
    try:
        yield
    finally:
        _NOW.reset(before)


@contextmanager
def holding(count: int) -> Iterator[None]:
    """Inside, a batch has other rows, of which this rank holds so many."""
    ranks = current()
    with sharing(None if ranks is None else ranks.holding(count)):
        yield


def whole_count(count: int) -> int:
    """How many rows all ranks have where this one has so many."""
    ranks = current()
    return count if ranks is None else ranks.holding(count).whole


def part(count: int) -> slice:
    """This rank's part of so many rows that belong to no row of the batch."""
    ranks = current()
    if ranks is None:
        return slice(0, count)
    world = len(ranks.counts)
    return slice(count * ranks.rank // world, count * (ranks.rank + 1) // world)


def whole_batch(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """A function from rows to rows ``[N, ...]`` that looks at several of them: at those of all.

    Its tensors given by position are gathered, and of what it returns this rank's rows are kept.
    """

    @wraps(function)
    def over_all(*args: P.args, **settings: P.kwargs) -> Tensor:
        ranks = current()
        if ranks is None:
            return function(*args, **settings)
        gathered: Any = [ranks.all(a) if isinstance(a, Tensor) else a for a in args]
        with sharing(None):
            return ranks.own(function(*gathered, **settings))

    return over_all


def per_row(draw: Callable[[int], Tensor], count: int) -> Tensor:
    """What ``draw`` gives for so many rows, ``[count, ...]``: this rank's of what all get.

    A multiple of the batch counts as batches one behind the other (reals, then fakes).
    """
    ranks = current()
    if ranks is None:
        return draw(count)
    blocks, left = divmod(count, max(ranks.count, 1))
    if left or (ranks.count == 0 and count):
        ranks, blocks = ranks.holding(count), 1
    drawn = draw(max(blocks, 1) * ranks.whole)
    if blocks <= 1:
        return ranks.own(drawn)
    return torch.cat([ranks.own(block) for block in drawn.chunk(blocks)])


def weighed(values: Tensor, count: int) -> Tensor:
    """Numbers ``[M]`` of some rows whose mean stands for theirs in a term of ``count`` rows.

    Ranks may hold more or fewer of such rows than is their share of the batch, and none.
    """
    ranks = current()
    if ranks is None:
        return values
    share = ranks.holding(count).whole / (ranks.holding(len(values)).whole * count)
    return (values.sum() * share).expand(count)
