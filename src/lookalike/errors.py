"""Every error that a person can cause or meet, as one tree.

::

    LookalikeError
    ├── DataError                 something about the pictures
    │   ├── NoImagesError         nothing that can be read
    │   ├── TooFewImagesError     readable, but not enough to train on
    │   └── PackError             a pack that is missing, damaged or of another version
    ├── DiskError                 a disk is full, or a place may not be read or written
    ├── SourceError               a place where pictures come from refused or failed
    ├── RecipeError               a recipe that does not exist or settings that do not fit
    ├── RunError                  the run folder
    │   ├── RunLockedError        another process writes to it
    │   └── CheckpointError       a checkpoint is truncated, altered or of another recipe
    ├── TrainingError             the training itself
    │   ├── NotFiniteError        a loss or a weight became infinite or NaN
    │   └── RangeError            the generator's output range is not the data's
    └── MissingExtraError         an optional package is not installed

Each message says what was found, what was wanted and what to do.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType


class LookalikeError(Exception):
    """The root of the tree: catch this to catch everything that is not a bug."""


class DataError(LookalikeError):
    """Something about the pictures."""


class NoImagesError(DataError):
    """Nothing that can be read as a picture."""


class TooFewImagesError(DataError):
    """Readable pictures, but not enough of them."""


class PackError(DataError):
    """A pack that is missing, damaged or of another version."""


class DiskError(LookalikeError):
    """A disk is full, or a place may not be read or written."""


class SourceError(LookalikeError):
    """A place where pictures come from refused or failed."""


class RecipeError(LookalikeError):
    """A recipe that does not exist, or settings that do not fit it."""


class RunError(LookalikeError):
    """Something about a run folder."""


class RunLockedError(RunError):
    """Another process writes to this run folder."""


class CheckpointError(RunError):
    """A checkpoint is truncated, altered, or belongs to another recipe."""


class TrainingError(LookalikeError):
    """Something about the training itself."""


class NotFiniteError(TrainingError):
    """A loss or a weight became infinite or NaN."""


class RangeError(TrainingError):
    """The generator's output range is not the data's."""


class MissingExtraError(LookalikeError):
    """An optional package is not installed."""


_AGAIN = "and run the same command again"
_RIGHTS = "Give yourself the right (chmod), or name another place."
_CAUSES = {
    errno.ENOSPC: ("the disk is full", f"Free some space there, or name another disk, {_AGAIN}."),
    errno.EDQUOT: ("your share of the disk is used up", f"Free some space there, {_AGAIN}."),
    errno.EACCES: (
        "you have no right to do that",
        "Give yourself the right (chmod), or name another place.",
    ),
    errno.EPERM: (
        "you have no right to do that",
        "Give yourself the right (chmod), or name another place.",
    ),
    errno.EROFS: ("the disk can only be read", "Name a place on another disk."),
    errno.ENAMETOOLONG: ("the name is too long", "Name a shorter one."),
    errno.EIO: ("the disk does not answer", f"Look at the disk and its cable, {_AGAIN}."),
    errno.EMFILE: ("too many files are open", f"Allow more (ulimit -n 4096), {_AGAIN}."),
    errno.ENOTDIR: ("a part of the path is a file", "Name another place."),
    errno.EISDIR: ("it is a folder", "Name a file."),
    errno.ENOENT: ("it is not there", "Look at the name, or make the folder first."),
}


def disk_error(problem: OSError, place: Path | str = "") -> DiskError:
    """What the system says about a disk, as place, cause and cure.

    ``place`` is named where the system names none.
    """
    name = problem.filename if isinstance(problem.filename, str | Path) else place
    if Path(name).name.startswith(".") and str(place):
        name = place  # a hidden file of ours, on its way to the place
    number = problem.errno or 0
    cause, cure = _CAUSES.get(number, (str(problem.strerror or problem), f"See to it, {_AGAIN}."))
    where = f"{name} cannot be used" if str(name) else "A file cannot be used"
    return DiskError(f"{where}: {cause}. {cure}")


@contextmanager
def on_disk(place: Path | str) -> Iterator[None]:
    """Inside, whatever the system says about a disk becomes a :class:`DiskError`.

    Raises:
        DiskError: with the place, the cause and the cure.
    """
    try:
        yield
    except (BrokenPipeError, InterruptedError):
        raise
    except OSError as problem:
        raise disk_error(problem, place) from problem


def need(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or raise an error with the line that installs it.

    Raises:
        MissingExtraError: the module is not installed.
    """
    try:
        return import_module(module)
    except ImportError as problem:
        raise MissingExtraError(
            f"{purpose} needs the package {module.partition('.')[0]!r}, which is not installed. "
            f"Install it with: pip install 'lookalike[{extra}]'"
        ) from problem
