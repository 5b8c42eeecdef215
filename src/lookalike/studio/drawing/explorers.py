"""Runs that are opened to draw from, the last few of them, with their maps as they become ready.

Everything here but :meth:`Explorers.map_of` belongs to the thread of the worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from lookalike.editing.explore.explorer import Explorer
from lookalike.editing.explore.picture_map import MapPlan, PictureMap, Progress, mapped
from lookalike.errors import LookalikeError
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.storage_errors import storage_errors
from lookalike.studio.library import Library
from lookalike.studio.worker import Worker

MOST_OPEN = 2
TOLD_BY = ("recipe.json", "env.json", "checkpoints", "editing", "editing/editor.safetensors")
"""What changes in a run when it is trained further or has learned something."""

log = logging.getLogger(__name__)


@dataclass
class MapWork:
    """A map that is being made: how far it is, and what became of it."""

    explorer: Explorer
    progress: Progress = ("opening the run", 0, 1)
    map: PictureMap | None = None
    problem: str = ""


class Explorers:
    """Explorers by the id of their run; one whose run has changed on disk is opened anew."""

    def __init__(self, library: Library, worker: Worker) -> None:
        self._library, self._worker = library, worker
        self._opened: OrderedDict[str, tuple[object, Explorer]] = OrderedDict()
        self._maps: dict[str, MapWork] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, id_: str) -> Explorer:
        """The explorer of a run.

        Raises:
            UnknownError: there is no such run.
            CheckpointError: it has no whole state yet.
        """
        run = self._library.run(id_)
        state = _state_of(run)
        known = self._opened.pop(id_, None)
        if known is None or known[0] != state:
            known = state, Explorer.open(run, Device(threads=1).place())
        self._opened[id_] = known
        while len(self._opened) > MOST_OPEN:
            self._opened.popitem(last=False)
        explorer = known[1]
        work = self._maps.get(id_)
        if work is not None and work.map is not None and explorer.map is None:
            if work.explorer.images_seen == explorer.images_seen:
                explorer.map = work.map
            else:
                del self._maps[id_]
        return explorer

    async def map_of(self, id_: str, plan: MapPlan) -> MapWork:
        """The map of a run, or how far it is; it is begun when it is first asked for."""
        explorer = await self._worker.run(lambda: self.open(id_))
        work = self._maps.get(id_)
        if work is None or work.problem or work.explorer.images_seen != explorer.images_seen:
            for other in [key for key in self._maps if key not in self._opened]:
                del self._maps[other]
            work = self._maps[id_] = MapWork(explorer)
            task = asyncio.create_task(self._make(work, plan))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return work

    async def _make(self, work: MapWork, plan: MapPlan) -> None:
        """Piece by piece, so that pictures are drawn in between."""
        explorer = work.explorer
        pieces = mapped(explorer.generator, explorer.sampler, explorer.pack, plan)
        try:
            with storage_errors():
                while isinstance(step := await self._worker.run(lambda: _next(pieces)), tuple):
                    work.progress = step
            work.map = step
        except LookalikeError as problem:
            work.problem = str(problem)
        except Exception as problem:  # a mistake of ours: the page must not wait for ever
            log.exception("The map of %s failed", explorer.run.path)
            work.problem = f"The map failed ({type(problem).__name__}). The terminal says where."


def _next(pieces: Generator[Progress, None, PictureMap]) -> Progress | PictureMap:
    try:
        return next(pieces)
    except StopIteration as end:
        found: PictureMap = end.value
        return found


def _state_of(run: Run) -> tuple[Any, ...]:
    """What is different once the run has changed."""
    files = [run.path / name for name in TOLD_BY]
    taught = sorted((run.path / "editing").glob("taught-*")) if files[3].is_dir() else []
    return tuple(
        (str(file), file.stat().st_mtime_ns) for file in [*files, *taught] if file.exists()
    )
