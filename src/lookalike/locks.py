"""Locks that end with the process that holds them: how one is taken, and whether one is.

A disk that knows no locks (some network disks) refuses nobody: work goes on there as if alone.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, Any

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, where a lock has one holder and a file that is open stays
    fcntl = None

_TAKEN = (errno.EAGAIN, errno.EACCES)
_FAR = 1 << 30
"""The byte that is locked on Windows: far behind what is read and written."""

_EVERY = 0.05


def take(file: IO[Any] | int, *, shared: bool = False) -> bool:
    """Lock a file that is open, until it is closed or the process ends; never waits.

    Several processes may hold a ``shared`` lock, and no other beside it. False where the disk knows
    no locks, so that nobody can tell whether another process has it.

    Raises:
        BlockingIOError: somebody has it.
    """
    handle = file if isinstance(file, int) else file.fileno()
    try:
        if fcntl is not None:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        else:
            _take_far(handle)
    except OSError as problem:
        if problem.errno in _TAKEN:
            raise BlockingIOError(problem.errno, problem.strerror) from None
        return False
    return True


def _take_far(handle: int) -> None:  # pragma: no cover
    import msvcrt

    at = os.lseek(handle, 0, os.SEEK_CUR)
    os.lseek(handle, _FAR, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    finally:
        os.lseek(handle, at, os.SEEK_SET)


def taken(path: Path) -> bool:
    """Whether a process holds the lock of this file, which is only read; False without a file."""
    try:
        with open(path, "rb") as file:
            take(file, shared=True)
    except BlockingIOError:
        return True
    except OSError:  # there is none, or it may not be read
        return False
    return False


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of this file, which is made; waits until others have let it go."""
    with open(path, "ab") as file:
        while True:
            try:
                take(file)
                break
            except BlockingIOError:
                time.sleep(_EVERY)
        yield
