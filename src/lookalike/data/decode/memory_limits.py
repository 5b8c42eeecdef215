"""Large pictures are decoded one at a time, and a worker may use only so much memory.

Both keep the memory of all processes together under a gigabyte, whatever the files claim.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

try:
    import fcntl
    import resource
except ImportError:  # Windows has neither: large pictures may then meet
    fcntl = None  # type: ignore[assignment]
    resource = None  # type: ignore[assignment]

LARGE_PIXELS = 12_000_000
LARGE_BYTES = 16 << 20
"""From here on a picture waits until no other worker of the pool holds a large one."""

MEMORY = 560 << 20
"""The most bytes of data that a worker may hold; beyond it, decoding ends with a MemoryError."""

CALLER, ORDINARY = 256 << 20, 160 << 20
"""Bytes of the process that has the workers, and of a worker with a picture that is not large."""

_VARIABLE = "LOOKALIKE_TURNSTILE"
_open: dict[str, IO[bytes]] = {}
_depth = 0


tell: Callable[[bool], None] = lambda mine: None  # noqa: E731
"""Called before waiting for the turn (False) and when it has come (True); workers set it."""


def turnstile() -> IO[bytes] | None:
    """The file that the workers of one pool lock, for :func:`environment`; gone when closed.

    None where there is no folder for temporary files: large pictures may then meet.
    """
    try:
        return tempfile.NamedTemporaryFile(prefix="lookalike-turnstile-")
    except OSError:
        return None


def environment(file: IO[bytes] | None) -> dict[str, str]:
    """The variables that tell a worker which file it is, and to give freed memory back at once.

    What has less than 4 MB (a photograph of a megapixel) is kept for the next one: pages that are
    given back and taken again cost a fifth of the time of a PNG.
    """
    return {
        **({_VARIABLE: file.name} if file is not None else {}),
        "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
    }


@contextmanager
def alone(large: bool) -> Iterator[None]:
    """Inside, no other worker of this pool is in here with something large.

    The lock belongs to the process, so one that is killed lets the next one in.
    """
    global _depth
    path = os.environ.get(_VARIABLE)
    if not large or path is None or fcntl is None or _depth or not Path(path).exists():
        yield
        return
    if path not in _open:
        _open[path] = open(path, "rb")
    tell(False)
    fcntl.flock(_open[path], fcntl.LOCK_EX)
    tell(True)
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        fcntl.flock(_open[path], fcntl.LOCK_UN)


def tidy() -> None:
    """Free what only cycles hold (Pillow's pictures may) as soon as this process holds much."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[5])
    except (OSError, ValueError, IndexError):
        return
    if pages * os.sysconf("SC_PAGE_SIZE") > MEMORY // 4:
        gc.collect()


def workers_within(limit: int) -> int:
    """How many workers, one at least, hold no more than so many bytes together with their caller.

    One of them at a time has a large picture.
    """
    return 1 + max(limit - CALLER - MEMORY, 0) // ORDINARY


def bound_memory(limit: int = MEMORY) -> None:
    """Let this process hold no more than so many bytes of data (Linux; elsewhere nothing)."""
    if resource is None or not hasattr(resource, "RLIMIT_DATA"):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
