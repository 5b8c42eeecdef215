"""Parts of work on dask's workers: its own on this machine, or those of a scheduler somewhere.

dask does what it is good at: it finds workers, gives each a part after the other, and gives the
part of a worker that was lost to another one. Because a part is a pure function that goes on where
it was cut off, that needs no trust in dask.
"""

from __future__ import annotations

import logging
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from traceback import walk_tb
from typing import Any

from lookalike.data.decode.worker_pool import cores
from lookalike.errors import LookalikeError, RunLockedError, need
from lookalike.progress import Listener, Tell

_log = logging.getLogger(__name__)

Call = Callable[[Listener], Any]
"""One part of the work; it tells how far it is."""

_LOST = 4
"""So many workers may be lost with one part before it is given up."""

_PATIENCE = 30.0
"""Seconds until a scheduler without workers is given up, or a part that a dying worker holds."""

_ALONE = 5.0
"""Seconds without any worker until that is said."""

_EVERY = 0.5

_FRAMES = 100
"""An error comes with its frames; with so many without them: of a thousand dask never tells."""


class DaskWorkers:
    """Workers at ``on`` ("dask" or "dask://host:port"); use it as a context.

    Raises:
        MissingExtraError: dask is not installed.
        LookalikeError: no scheduler or no worker is there.
    """

    def __init__(self, on: str) -> None:
        self._on = on
        self._address = on.removeprefix("dask://")
        self._where = "on this machine" if on == "dask" else f"at {self._address}"
        self._distributed = need("distributed", "cluster", "--on dask")
        self._stack = ExitStack()
        self._client: Any = None

    def __enter__(self) -> DaskWorkers:
        for name in ("distributed", "distributed.client"):  # its workers are lost without a page
            logging.getLogger(name).setLevel(logging.CRITICAL)
        here = self._on == "dask"
        try:
            with _without_interrupts() if here else nullcontext():
                there = self._stack.enter_context(self._here()) if here else self._address
                client = self._distributed.Client(there, timeout=_PATIENCE, set_as_default=False)
                self._client = self._stack.enter_context(client)
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError) as problem:
            self._close()
            raise LookalikeError(
                f"No dask worker answers at {self._address} ({problem or type(problem).__name__}). "
                f"Start 'dask scheduler' there and 'dask worker {self._address}' on every machine, "
                "or say --on dask for workers on this one."
            ) from problem
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *problem: object) -> None:
        self._close()

    def _close(self) -> None:
        with _letting_go():
            self._stack.close()

    @property
    def count(self) -> int:
        """How many workers there are now."""
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def run(self, calls: Sequence[Call], listener: Listener) -> list[Any]:
        """The answers of all calls, in order; with Ctrl-C or an error what is running is canceled.

        Raises:
            LookalikeError: a call failed, one cost several workers, or the scheduler is gone.
        """
        topic = f"lookalike-{uuid.uuid4().hex}"
        progress = _Progress(len(calls), listener.tell)
        attendance = _Attendance(self._where, lambda: self.count, listener.say)
        self._client.subscribe_topic(topic, lambda event: progress.note(event[1]))
        here = str(Path.cwd())
        futures = [
            self._client.submit(_do, call, (topic, number, here), key=f"{topic}-{number}")
            for number, call in enumerate(calls)
        ]
        try:
            while not all(future.done() for future in futures):
                if any(future.status == "error" for future in futures):
                    break
                progress.show()
                attendance.look()
                time.sleep(_EVERY / 5)
            failed = [future for future in futures if future.status == "error"]
            if not failed:
                progress.finish()
            return [self._answer(future) for future in failed or futures]
        except CancelledError as problem:  # of a client that has lost its scheduler
            raise LookalikeError(
                f"The scheduler {self._where} is gone or let the work go "
                f"({getattr(problem, 'reason', problem)}). Finished parts are kept: when it and "
                f"workers are there again, the same command with --parts {len(calls)} goes on."
            ) from problem
        finally:
            with _letting_go():
                self._client.cancel(futures, force=True)
                self._client.unsubscribe_topic(topic)

    def _answer(self, future: Any) -> Any:
        try:
            return future.result()
        except (ImportError, RuntimeError) as problem:
            missing = problem.__cause__ if isinstance(problem.__cause__, ImportError) else problem
            if not isinstance(missing, ImportError):
                raise
            raise LookalikeError(
                f"The scheduler or a worker at {self._on} lacks a package ({missing}). Install "
                "'lookalike[cluster]' there, in the same version as here."
            ) from problem
        except self._distributed.KilledWorker as problem:
            raise LookalikeError(
                f"One part cost {_LOST} workers: their processes ended while they did it. Most "
                "often memory was short; take more parts (--parts) or fewer workers a machine."
            ) from problem

    def _here(self) -> Any:
        """A scheduler and a worker for each core on this machine, gone at the end."""
        return self._distributed.deploy.subprocess.SubprocessCluster(
            n_workers=cores(),
            threads_per_worker=1,
            scheduler_kwargs={"dashboard": False, "idle_timeout": "1 hour"},
            worker_class="lookalike.cluster.local_worker.LocalWorker",
            worker_kwargs={"memory_limit": 0, "death_timeout": _PATIENCE, "dashboard": False},
            silence_logs=logging.CRITICAL,
        )


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ctrl-C waits until this is over, and is blocked in the processes that are begun in it.

    So the scheduler never gets it, which a terminal sends to all, and a worker not before it
    ignores it; multiprocessing unblocks it there. A half begun cluster could not be ended.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _letting_go() -> Iterator[None]:
    """What fails while workers are let go is logged only: what came before it is the answer."""
    try:
        yield
    except Exception:
        _log.debug("workers could not be let go in order", exc_info=True)


class _Attendance:
    """Says when no worker is left, which dask waits for without a word, and when there is one."""

    def __init__(self, where: str, count: Callable[[], int], say: Callable[[str], None]) -> None:
        self._where, self._count, self._say = where, count, say
        self._looked = self._present = time.monotonic()
        self._missed = False

    def look(self) -> None:
        """Count them, at most twice a second."""
        now = time.monotonic()
        if now - self._looked < _EVERY:
            return
        self._looked = now
        if self._count():
            if self._missed:
                self._say(f"A worker is there again {self._where}; the work goes on.")
            self._present, self._missed = now, False
        elif not self._missed and now - self._present >= _ALONE:
            self._missed = True
            self._say(
                f"No worker is left {self._where}; waiting for one. Ctrl-C keeps what is finished."
            )


class _Progress:
    """One bar from what the parts say: how much is done of how much, as far as it is known."""

    def __init__(self, calls: int, tell: Tell) -> None:
        self._calls, self._tell = calls, tell
        self._said: dict[int, tuple[str, int, int]] = {}

    def note(self, words: tuple[int, str, int, int]) -> None:
        """What one part said last; runs in a thread of dask's."""
        number, what, done, total = words
        self._said[number] = (what, done, total)

    def show(self) -> None:
        """Tell the sum; parts that have said nothing yet are as large as the others."""
        said = list(self._said.values())
        if said:
            total = sum(one[2] for one in said) * self._calls // len(said)
            self._tell(said[-1][0], sum(one[1] for one in said), total)

    def finish(self) -> None:
        """All is done: what a part says last may come behind its answer, or not at all."""
        self._said = {
            number: (what, total or done, total)
            for number, (what, done, total) in self._said.copy().items()
        }
        self.show()


def _do(call: Call, about: tuple[str, int, str]) -> Any:
    """One part, on a worker.

    Raises:
        LookalikeError: the place where the work was begun is not there on this machine.
    """
    topic, number, place = about
    worker = need("distributed", "cluster", "a worker").get_worker()
    _go_to(place, worker.address)
    last = 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY or done == total:
            last = time.monotonic()
            worker.log_event(topic, (number, what, done, total))

    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return call(Listener(tell))
        except RunLockedError:  # the process of a lost worker may take a moment to go
            if time.monotonic() > until:
                raise
            time.sleep(_EVERY)
        except Exception as problem:
            if sum(1 for _ in walk_tb(problem.__traceback__)) < _FRAMES:
                raise
            raise problem.with_traceback(None) from problem.__cause__


def _go_to(place: str, address: str) -> None:
    try:
        os.chdir(place)
    except OSError as problem:
        raise LookalikeError(
            f"The worker {address} does not see {place} ({problem.strerror}). Workers need the "
            "disk with the pictures under the same path; begin the work in a place that all have."
        ) from problem
