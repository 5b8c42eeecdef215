"""A pool of worker processes that survives what strangers' files do to a decoder.

A file that crashes its worker, or keeps it busy for too long, costs that one file and nothing else.
The workers are fresh interpreters (not forks), so threads of the caller do not matter and a script
that calls us needs no ``if __name__ == "__main__"``.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Generic, TypeVar

Job = TypeVar("Job")
Answer = TypeVar("Answer")
Task = Callable[[Sequence[Job]], list[Answer]]

_LENGTH = 8


@dataclass(frozen=True)
class Lost:
    """Stands in place of an answer when a job crashed its worker or took too long."""

    reason: str


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _send(pipe: IO[bytes], thing: Any) -> None:
    data = pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    pipe.write(len(data).to_bytes(_LENGTH, "little"))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    header = pipe.read(_LENGTH)
    if len(header) < _LENGTH:
        raise EOFError
    data = pipe.read(int.from_bytes(header, "little"))
    return pickle.loads(data)


class _Worker:
    """One process, asked one thing at a time."""

    def __init__(self) -> None:
        path = os.pathsep.join(one for one in sys.path if one)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )

    def ask(self, task: Any, jobs: Sequence[Any], seconds: float) -> list[Any] | Lost:
        """The answers, or why there are none. After a crash or a kill the worker is used up."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        started = time.monotonic()
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            _send(self._process.stdin, (task, jobs))
            fine, answer = _receive(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            late = time.monotonic() - started >= seconds
            code = self._process.wait()
            return Lost(
                f"took longer than {seconds:g} s to read"
                if late
                else f"crashed the decoder (exit code {code})"
            )
        finally:
            timer.cancel()
        return answer if fine else Lost(str(answer))

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Workers(Generic[Job, Answer]):
    """Runs one task over many jobs, in order, with a bounded number in flight.

    ``task`` is a module-level function (or a ``functools.partial`` of one) from a list of jobs to
    the list of their answers. ``count`` 0 runs it in this process, without protection.
    """

    def __init__(
        self,
        task: Task[Job, Answer],
        *,
        count: int | None = None,
        chunk: int = 16,
        seconds: float = 20.0,
    ) -> None:
        self._task = task
        self.count = cores() if count is None else count
        self._chunk = chunk
        self._seconds = seconds
        self._mine = threading.local()
        self._all: list[_Worker] = []
        self._pool = ThreadPoolExecutor(max(1, self.count), "lookalike-worker")

    def __enter__(self) -> Workers[Job, Answer]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            for worker in self._all:
                worker._process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for worker in self._all:
            worker.close()

    def map(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Answer | Lost]]:
        """Each job with its answer, in the order of the jobs."""
        waiting: deque[tuple[list[Job], Future[list[Answer | Lost]]]] = deque()
        for chunk in _chunks(jobs, self._chunk):
            if self.count == 0:
                yield from zip(chunk, self._task(chunk), strict=True)
                continue
            waiting.append((chunk, self._pool.submit(self._run, chunk)))
            if len(waiting) > 2 * self.count:
                done, future = waiting.popleft()
                yield from zip(done, future.result(), strict=True)
        while waiting:
            done, future = waiting.popleft()
            yield from zip(done, future.result(), strict=True)

    def _run(self, chunk: list[Job]) -> list[Answer | Lost]:
        answers = self._worker().ask(self._task, chunk, self._seconds * (1 + len(chunk) / 4))
        if not isinstance(answers, Lost):
            return answers
        found: list[Answer | Lost] = []
        for job in chunk:
            answer = self._worker().ask(self._task, [job], self._seconds)
            found.append(answer if isinstance(answer, Lost) else answer[0])
        return found

    def _worker(self) -> _Worker:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None or not worker.alive:
            worker = self._mine.worker = _Worker()
            self._all.append(worker)
        return worker


def _chunks(jobs: Iterable[Job], most: int, heavy: int = 1 << 25) -> Iterator[list[Job]]:
    """Group jobs; a job with a ``weight`` in bytes ends its group early when it grows heavy."""
    group: list[Job] = []
    weight = 0
    for job in jobs:
        group.append(job)
        weight += getattr(job, "weight", 0)
        if len(group) >= most or weight >= heavy:
            yield group
            group, weight = [], 0
    if group:
        yield group


def _serve() -> None:
    """The life of a worker: until the pipe from the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            task, jobs = _receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            told = (True, task(jobs))
        except Exception as problem:
            told = (False, f"{type(problem).__name__}: {problem}")
        _send(answers, told)


if __name__ == "__main__":
    _serve()
