"""Every error that a person can cause or meet, as one tree.

::

    LookalikeError
    ├── DataError                 something about the pictures
    │   ├── NoImagesError         nothing that can be read
    │   ├── TooFewImagesError     readable, but not enough to train on
    │   └── PackError             a pack that is missing, damaged or of another version
    ├── SourceError               a place where pictures come from refused or failed
    ├── RecipeError               a recipe that does not exist or settings that do not fit
    ├── RunError                  the run folder
    │   ├── RunLockedError        another process writes to it
    │   └── CheckpointError       a checkpoint is truncated, altered or of another recipe
    ├── TrainingError             the training itself
    │   ├── NotFiniteError        a loss or a weight became infinite or NaN
    │   └── RangeError            the generator's output range is not the data's
    ├── StorageError              a disk, a folder or a name that the system refuses
    └── MissingExtraError         an optional package is not installed

Each message says what was found, what was wanted and what to do.
"""

from __future__ import annotations

from importlib import import_module
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


class StorageError(LookalikeError):
    """A disk, a folder or a name that the system refuses."""


class MissingExtraError(LookalikeError):
    """An optional package is not installed."""


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
