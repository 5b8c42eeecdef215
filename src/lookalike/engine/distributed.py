"""Several processes as one trainer: plain torch.distributed, started by torchrun.

Every rank draws the whole batch's addresses and takes its own rows, what looks at several rows
looks at those of all ranks (:mod:`lookalike.parts.ranks`), and gradients are summed after the
backward pass, so N processes with the same total batch are one process, up to rounding.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lookalike.cluster.preflight import RankFacts, check_address, check_ranks, who_is_gone
from lookalike.errors import TrainingError
from lookalike.parts.networks.batch_norm import SharedLayers
from lookalike.parts.ranks import Ranks, sharing
from lookalike.parts.training.schedules import Tally
from lookalike.place import Place

T = TypeVar("T")


class ProcessGroup:
    """This process and its siblings; with one process nothing is sent anywhere."""

    def __init__(self, place: Place) -> None:
        self.rank, self.world = place.rank, place.world
        if self.world > 1 and not dist.is_initialized():
            # Flags and numbers travel from the CPU, gradients from where the weights are.
            backend = "cpu:gloo,cuda:nccl" if place.device.startswith("cuda") else "gloo"
            os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
            os.environ.setdefault("MASTER_PORT", "29500")
            check_address(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), self.rank)
            dist.init_process_group(backend, rank=self.rank, world_size=self.world)
        self._ranks = self._meet()

    def _meet(self) -> list[RankFacts]:
        """What every rank says of itself; nothing where there is one.

        Raises:
            TrainingError: they do not fit together.
        """
        if self.world == 1:
            return []
        ranks: list[Any] = [None] * self.world
        dist.all_gather_object(ranks, RankFacts.here(self.rank))
        check_ranks(ranks)
        return ranks

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Say who is gone where ranks that need one another cannot talk any more.

        Raises:
            TrainingError: a rank is gone.
        """
        try:
            yield
        except RuntimeError as problem:
            store = dist.distributed_c10d._get_default_store()
            gone = who_is_gone(
                self._ranks,
                self.rank,
                lambda name: store.set(name, "1"),
                lambda name: bool(store.check([name])),
            )
            why = str(problem).strip().splitlines()[0]
            raise TrainingError(
                f"{gone} is gone, so rank {self.rank} of {self.world} stops ({why}). What was "
                "saved last is kept: give the same command again to continue."
            ) from problem

    def micro_batches(self, batch: int, wanted: int) -> list[tuple[int, int]]:
        """The rows ``first, last`` of a batch's micro-batches, at most as many as ``wanted``.

        All ranks share each of them, so there are fewer where one would not suffice for a row each.
        """
        size = -(-batch // wanted)
        while (batch % size or size) < self.world:
            wanted -= 1
            size = -(-batch // wanted)
        return [(low, min(low + size, batch)) for low in range(0, batch, size)]

    def rows(self, first: int, last: int) -> tuple[int, int]:
        """This rank's rows of these, ``first, last``."""
        edges = self._edges(last - first)
        return first + edges[self.rank], first + edges[self.rank + 1]

    def _edges(self, count: int) -> list[int]:
        """Where the rows of each rank begin in so many, and where the last one's end."""
        return [count * rank // self.world for rank in range(self.world + 1)]

    def sharing(self, count: int, dropped: torch.Generator) -> AbstractContextManager[None]:
        """Inside, what looks at several rows of a batch of ``count`` looks at those of all ranks.

        ``dropped`` draws what modules drop, the same on every rank.
        """
        return nullcontext() if self.world == 1 else self._sharing(count, dropped)

    @contextmanager
    def _sharing(self, count: int, dropped: torch.Generator) -> Iterator[None]:
        counts = tuple(high - low for low, high in pairwise(self._edges(count)))
        with sharing(Ranks(self.rank, counts, self._add, dropped)), SharedLayers():
            yield

    def _add(self, numbers: Tensor) -> None:
        with self._together():
            dist.all_reduce(numbers)

    def sum_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Sum the gradients of all ranks."""
        if self.world == 1:
            return
        moved = [weight for weight in weights if weight.grad is not None]
        if not moved:
            return
        flat = torch.cat([w.grad.reshape(-1) for w in moved if w.grad is not None])
        self._add(flat)
        at = 0
        for weight in moved:
            assert weight.grad is not None
            weight.grad.copy_(flat[at : at + weight.numel()].view_as(weight))
            at += weight.numel()

    def agree_on(self, tally: Tally) -> Tally:
        """The sum of the ranks' numbers, each its part of a mean: the same tally on every rank."""
        if self.world == 1:
            return tally
        parts = [tally.totals, tally.terms, tally.facts]
        flat = torch.tensor([value for part in parts for value in part.values()])
        self._add(flat)
        total = iter(flat.tolist())
        return Tally(*[{name: next(total) for name in part} for part in parts])

    def any(self, yes: bool) -> bool:
        """Whether any rank says yes; every rank gets the same answer."""
        if self.world == 1:
            return yes
        flag = torch.tensor(float(yes))
        with self._together():
            dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())

    def wait(self) -> None:
        """Until every rank is here."""
        if self.world > 1:
            with self._together():
                dist.barrier()

    def agree(self, thing: T) -> T:
        """Rank 0's object on every rank."""
        if self.world == 1:
            return thing
        box: list[T] = [thing]
        with self._together():
            dist.broadcast_object_list(box, src=0)
        return box[0]

    def close(self) -> None:
        """Leave the group, together: a process that leaves early takes the connection with it."""
        if self.world > 1 and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()


def leave(status: int = 0) -> None:
    """End a process of a group at once, when all its files are written and closed.

    With gloo an ordinary exit sometimes aborts in a thread's destructor ("terminate called without
    an active exception", 1 of 6 endings with torch 2.13), and torchrun then reports a failure of a
    training that had succeeded. Alone, this does nothing.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
