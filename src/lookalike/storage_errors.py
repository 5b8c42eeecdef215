"""The edge where what a disk or a name refuses becomes place, cause and cure."""

from __future__ import annotations

import errno
import functools
import inspect
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from lookalike.errors import StorageError

P = ParamSpec("P")
R = TypeVar("R")
AnyPath = str | os.PathLike[str]
Near = Callable[[dict[str, Any]], AbstractContextManager[None]]
"""Around a verb: it may change the arguments that it is given, by their names."""

WRITTEN = ("to", "into", "page", "folder", "run")
"""What verbs call the places that they write to, the likeliest first."""

_AGAIN = "Make room there or name another place, and give the same command again"
_CAUSES = {
    errno.ENOSPC: ("the disk is full", _AGAIN),
    errno.EDQUOT: ("your share of the disk is used up", _AGAIN),
    errno.EFBIG: ("the disk takes no file of that size", "Name a place on another disk"),
    errno.EROFS: ("the disk is read-only", "Name a place that can be written"),
    errno.EACCES: ("permission was denied", "Change its permissions, or name another place"),
    errno.EPERM: ("permission was denied", "Change its permissions, or name another place"),
    errno.ENOENT: ("it does not exist", "Check the name"),
    errno.ENOTDIR: ("a part of the path is a file", "Name another place"),
    errno.EISDIR: ("it is a folder", "Name a file"),
    errno.EEXIST: ("something is there already", "Name another place, or move it away"),
    errno.ENOTEMPTY: ("something is there already", "Name another place, or move it away"),
    errno.ENAMETOOLONG: ("the name is too long", "Name a shorter one"),
    errno.ELOOP: ("its links lead in a circle", "Name the folder itself"),
    errno.EMFILE: ("too many files are open", "Raise the limit (ulimit -n 4096)"),
    errno.ENFILE: ("too many files are open", "Close other programs"),
    errno.EIO: ("the disk could not be read or written", "Check the disk"),
    errno.ENOMEM: ("there is no memory left", "Close other programs, or take fewer pictures"),
}
_STAGED = re.compile(r"(?<![^/\\])\.([^/\\]+?)(?:\.[a-z0-9_]{8})?\.(?:\d+\.)?part(?![^/\\])")
"""A hidden file or folder that something is written to before it gets its name."""

_NO_MORE = (
    "The system starts no more processes or threads for you. Close other programs, or raise the "
    "limit (ulimit -u 4096), and give the same command again."
)
_NO_MEMORY = re.compile(
    "allocate memory|not enough memory|out of memory|could not create a primitive|"
    "failed to map segment from shared object$",
    re.IGNORECASE,
)
"""How torch, oneDNN and the loader of libraries say that there is none left."""

_LOW = 1 << 20
"""With fewer free bytes than this a disk is what a write without a name has failed on."""


@contextmanager
def storage_errors(places: Sequence[AnyPath] = ()) -> Iterator[None]:
    """Every OSError and encoding error of the block as a StorageError: place, cause and cure.

    ``places`` are where the block writes: a full one is named where the system names none, or the
    first. That there is no memory is a MemoryError, whoever found it out.
    """
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed: no matter of disks
        raise
    except OSError as problem:
        words = _NO_MORE if _is_of_fork(problem) else _refusal(problem, places)
        raise StorageError(words) from problem
    except UnicodeError as problem:
        raise StorageError(
            f"A name or a text cannot be written as {getattr(problem, 'encoding', 'text')} "
            f"({_shown(problem)}). Rename the file or folder, or set LC_ALL=C.UTF-8."
        ) from problem
    except (RuntimeError, ImportError) as problem:
        if "start new thread" in str(problem):
            raise StorageError(_NO_MORE) from problem
        if _NO_MEMORY.search(str(problem)):
            raise MemoryError(str(problem)) from problem
        raise


def guarded(verb: Callable[P, R], near: Near = lambda _: nullcontext()) -> Callable[P, R]:
    """A function whose OSErrors and encoding errors are StorageErrors, inside of ``near``."""

    parameters = inspect.signature(verb)

    @functools.wraps(verb)
    def inner(*values: P.args, **named: P.kwargs) -> R:
        given = parameters.bind_partial(*values, **named)
        places = list(places_of(given.arguments))
        with storage_errors(places), near(given.arguments):
            return verb(*given.args, **given.kwargs)

    return inner


def places_of(arguments: Mapping[str, Any]) -> Iterator[AnyPath]:
    """Where a verb writes: an argument of its own, or one of its settings."""
    fields, settings = arguments.get("fields", {}), arguments.get("settings")
    for name in WRITTEN:
        value = arguments.get(name) or fields.get(name) or getattr(settings, name, None)
        if value and isinstance(value, str | os.PathLike):
            yield value


def _is_of_fork(problem: OSError) -> bool:
    """Whether a process could not be started; what is written to a full pipe has other words."""
    return problem.errno == errno.EAGAIN and problem.strerror == os.strerror(errno.EAGAIN)


def _refusal(problem: OSError, places: Sequence[AnyPath]) -> str:
    cause, cure = _CAUSES.get(problem.errno or 0, (_shown(problem), "Check the place"))
    place = problem.filename2 or problem.filename
    if place is None:
        scratch = tempfile.gettempdir()
        full = (one for one in (*places, scratch, ".") if _free(Path(one)) < _LOW)
        place = next(full, places[0] if places else None)
        if place == scratch:
            cure = "Make room there, or set TMPDIR to a folder on a larger disk"
    where = "A file" if place is None else _shown(_STAGED.sub(r"\1", os.fsdecode(place)))
    return f"{where} could not be read or written: {cause}. {cure}."


def _free(place: Path) -> int:
    """The bytes that are free where this is, or will be."""
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return _LOW


def _shown(text: object) -> str:
    """A text that every output takes: what is no character is written as its bytes."""
    return str(text).encode("utf-8", "backslashreplace").decode()
