"""The same work by so many ranks of one machine: forked, joined by gloo, each result read back."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist


def by_ranks(world: int, work: Callable[[int], Any]) -> list[Any]:
    """What ``work(rank)`` gives on each rank of such a world, in their order; tensors welcome.

    The work runs in forks of this process, so that it may be any function. A rank that fails, or
    takes more than two minutes, is an error here.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        fork = multiprocessing.get_context("fork")
        ranks = [
            fork.Process(target=_rank, args=(place, rank, world, work)) for rank in range(world)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(120)
        for process in ranks:
            process.kill()
        problems = [path.read_text() for path in sorted(place.glob("*.problem"))]
        assert not problems, problems[0]
        assert len(list(place.glob("*.result"))) == world, "a rank did not end"
        return [torch.load(place / f"{r}.result", weights_only=False) for r in range(world)]


def _rank(place: Path, rank: int, world: int, work: Callable[[int], Any]) -> None:
    torch.set_num_threads(1)
    try:
        dist.init_process_group(
            "gloo", init_method=f"file://{place / 'meeting'}", rank=rank, world_size=world
        )
        torch.save(work(rank), place / f"{rank}.result")
        dist.barrier()
    except BaseException:
        (place / f"{rank}.problem").write_text(traceback.format_exc())
    os._exit(0)  # gloo sometimes aborts in an ordinary exit
