"""One thread that owns torch: whatever draws or measures for the page is done there in turn.

Sliders ask faster than pictures are drawn. So a request of :meth:`Worker.latest` takes the place of
the one of the same name that still waits, and only the newest is drawn.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from lookalike.studio.errors import OverloadedError, SupersededError

T = TypeVar("T")

MOST_WAITING = 64
CLOSING = 30.0
"""Seconds that the end waits for the work that is being done."""


@dataclass(frozen=True, eq=False)
class _Task:
    work: Callable[[], Any]
    future: Future[Any]
    name: str = ""


class Worker:
    """The thread and what waits for it; at most ``most`` tasks wait."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._waiting: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, when its turn has come.

        Raises:
            OverloadedError: too much waits already.
        """
        return await asyncio.wrap_future(self.submit(work))

    async def latest(self, name: str, work: Callable[[], T]) -> T:
        """The same for work of which only the newest of a name counts.

        Raises:
            SupersededError: a newer one of this name came while it waited.
        """
        return await asyncio.wrap_future(self.submit(work, name))

    def submit(self, work: Callable[[], T], name: str = "") -> Future[T]:
        """A promise of what ``work`` gives."""
        task = _Task(work, Future(), name)
        with self._changed:
            if not (name and self._replace(task)):
                if len(self._waiting) >= self._most:
                    raise OverloadedError("The studio is busy; try again in a moment.")
                self._waiting.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="studio", daemon=True)
                self._thread.start()
            self._changed.notify()
        return task.future

    def close(self) -> None:
        """Forget what waits, and wait for what is being done: torch must not be cut off."""
        with self._changed:
            self._closed = True
            while self._waiting:
                self._waiting.popleft().future.cancel()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSING)

    def _replace(self, task: _Task) -> bool:
        """Put a task where one of its name waits."""
        for place, other in enumerate(self._waiting):
            if other.name == task.name:
                self._waiting[place] = task
                other.future.set_exception(SupersededError("A newer picture was asked for."))
                return True
        return False

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                task = self._waiting.popleft()
            if not task.future.set_running_or_notify_cancel():
                continue
            try:
                task.future.set_result(task.work())
            except BaseException as problem:  # it belongs to whoever asked, and the thread lives on
                task.future.set_exception(problem)
