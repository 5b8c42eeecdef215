"""A pool of worker processes that survives what strangers' files do to a decoder.

A file that crashes its worker, or keeps it busy for too long, costs that one file and nothing else.
The workers are fresh interpreters (not forks), so threads of the caller do not matter and a script
that calls us needs no ``if __name__ == "__main__"``.
"""

from __future__ import annotations

import math
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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from lookalike.data.decode import memory_limits as alone

Job = TypeVar("Job")
Answer = TypeVar("Answer")
Task = Callable[[Sequence[Job]], list[Answer]]

_LENGTH = 8
_START = 20.0
_GLANCE = 0.1
_IN_FLIGHT = 1 << 26


@dataclass(frozen=True)
class Lost:
    """Stands in place of an answer when a job crashed its worker or took too long."""

    reason: str


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_seconds(process: int) -> float:
    """The processor time of a process so far, in seconds; infinite where it cannot be known."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("ascii", "replace").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return math.inf


def _send(pipe: IO[bytes], thing: Any) -> None:
    data = pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    pipe.write(len(data).to_bytes(_LENGTH, "little"))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    header = pipe.read(_LENGTH)
    if len(header) < _LENGTH:
        raise EOFError
    length = int.from_bytes(header, "little")
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)


class _Worker:
    """One process, asked one group of jobs at a time. It answers after each job."""

    def __init__(self, turnstile: IO[bytes] | None) -> None:
        path = os.pathsep.join(one for one in sys.path if one)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "OMP_NUM_THREADS": "1",
                **alone.environment(turnstile),
            },
        )
        self._deadline, self._seconds, self._before = math.inf, 0.0, 0.0
        self._asked = self._late = False

    def ask(self, task: Any, jobs: Sequence[Any], seconds: float) -> Iterator[Any]:
        """The answers; after a ``Lost`` by a crash or a kill there are no more of them."""
        assert self._process.stdin is not None
        # The first answer waits for the interpreter and its imports, too.
        self._begin(seconds, 0 if self._asked else _START)
        try:
            _send(self._process.stdin, (task, jobs))
            for _ in jobs:
                fine, answer = self._answer(seconds)
                self._deadline = math.inf
                self._asked = True
                yield answer if fine else Lost(str(answer))
                self._begin(seconds)
        except (EOFError, OSError, pickle.UnpicklingError):
            code = self._process.wait()
            yield Lost(
                f"took longer than {seconds:g} s to read"
                if self._late
                else f"crashed the decoder (exit code {code})"
            )
        finally:
            self._deadline = math.inf

    def _answer(self, seconds: float) -> tuple[bool, Any]:
        """The next answer. While the worker waits for its turn, the clock stands still."""
        assert self._process.stdout is not None
        while True:
            what, answer = _receive(self._process.stdout)
            if what is not None:
                return what, answer
            self._deadline = math.inf
            if answer:
                self._begin(seconds)

    def watch(self) -> None:
        """End the process when its time for one job is over.

        On a machine that is busy with other things, a worker that hardly got a processor is given
        up to six times as long.
        """
        over = time.monotonic() - self._deadline
        if over > 0 and (over > 5 * self._seconds or self._worked() > self._seconds / 2):
            self._late = True
            self._process.kill()

    def _worked(self) -> float:
        """Seconds of processor time since this job began; infinite where that cannot be known."""
        return _processor_seconds(self._process.pid) - self._before

    def _begin(self, seconds: float, more: float = 0.0) -> None:
        self._seconds = seconds
        self._before = min(_processor_seconds(self._process.pid), 1e9)
        self._deadline = time.monotonic() + seconds + more

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def dismiss(self) -> None:
        """Tell the process that there is no more work."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def leave(self) -> None:
        """Wait until the process has ended."""
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Workers(Generic[Job, Answer]):
    """Runs one task over many jobs, in order, with a bounded number in flight.

    ``task`` is a module-level function (or a ``functools.partial`` of one) from a list of jobs to
    the list of their answers; workers call it with one job at a time, so that each job has its own
    ``seconds``. ``count`` 0 runs it in this process, without protection.
    """

    def __init__(
        self,
        task: Task[Job, Answer],
        *,
        count: int | None = None,
        chunk: int = 16,
        seconds: float = 10.0,
    ) -> None:
        self._task = task
        self.count = cores() if count is None else count
        self._chunk = chunk
        self._seconds = seconds
        self._mine = threading.local()
        self._all: list[_Worker] = []
        self._over = threading.Event()
        self._turnstile = alone.turnstile()
        self._pool = ThreadPoolExecutor(max(1, self.count), "lookalike-worker")

    def __enter__(self) -> Workers[Job, Answer]:
        threading.Thread(target=self._watch, name="lookalike-watch", daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        if problem[0] is not None:
            for worker in self._all:
                worker._process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for worker in self._all:
            worker.dismiss()
        for worker in self._all:
            worker.leave()
        self._over.set()
        if self._turnstile is not None:
            self._turnstile.close()

    def _watch(self) -> None:
        while not self._over.wait(_GLANCE):
            for worker in tuple(self._all):
                worker.watch()

    def map(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Answer | Lost]]:
        """Each job with its answer, in the order of the jobs."""
        waiting: deque[tuple[list[Job], Future[list[Answer | Lost]]]] = deque()
        for chunk in _chunks(jobs, self._chunk):
            if self.count == 0:
                yield from zip(chunk, self._task(chunk), strict=True)
                continue
            waiting.append((chunk, self._pool.submit(self._run, chunk)))
            while len(waiting) > 2 * self.count or (
                len(waiting) > 1 and sum(_weight(group) for group, _ in waiting) > _IN_FLIGHT
            ):
                done, future = waiting.popleft()
                yield from zip(done, future.result(), strict=True)
        while waiting:
            done, future = waiting.popleft()
            yield from zip(done, future.result(), strict=True)

    def _run(self, chunk: list[Job]) -> list[Answer | Lost]:
        found: list[Answer | Lost] = []
        while len(found) < len(chunk):
            found += self._worker().ask(self._task, chunk[len(found) :], self._seconds)
        return found

    def _worker(self) -> _Worker:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None or not worker.alive:
            worker = self._mine.worker = _Worker(self._turnstile)
            self._all.append(worker)
        return worker


def _chunks(jobs: Iterable[Job], most: int, heavy: int = 1 << 25) -> Iterator[list[Job]]:
    """Group jobs; a group ends before the job with whose ``weight`` in bytes it would grow heavy.

    So a job that is more than its worker can take costs that job alone.
    """
    group: list[Job] = []
    weight = 0
    for job in jobs:
        if group and (len(group) >= most or weight + _weight([job]) > heavy):
            yield group
            group, weight = [], 0
        group.append(job)
        weight += _weight([job])
    if group:
        yield group


def _weight(jobs: Sequence[Any]) -> int:
    return sum(getattr(job, "weight", 0) for job in jobs)


def _serve() -> None:
    """The life of a worker: until there is no more work, or its parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    alone.bound_memory()
    alone.tell = lambda mine: _send(answers, (None, mine))
    try:
        while True:
            task, jobs = _receive(sys.stdin.buffer)
            for job in jobs:
                try:
                    told = (True, task([job])[0])
                except Exception as problem:
                    told = (False, f"{type(problem).__name__}: {problem}")
                _send(answers, told)
                alone.tidy()
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody waits for us, and taking an interpreter down takes a while


if __name__ == "__main__":
    _serve()
