"""Folders that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import DataError


def refuse_full(to: Path) -> None:
    """Refuse a place where something is, or that a new folder cannot take.

    Raises:
        DataError: it is a file, a folder that is not empty, or has no name of its own (".").
    """
    _refuse_here(to)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DataError(
            f"{to} is not empty, and nothing is ever overwritten. Name a folder that does not "
            "exist yet, or move this one away."
        )


def _refuse_here(to: Path) -> None:
    if to.name in ("", ".."):
        raise DataError(
            f"{to} has no name of its own: a new folder is written beside its place and then "
            "renamed. Name one that does not exist yet, such as ./new"
        )


def beside(to: Path) -> Path:
    """A new hidden folder next to this place, on the same disk; its parents are made.

    Who may read it is what the person's umask says, as for any folder they make.

    Raises:
        DataError: the place has no name of its own (".").
    """
    _refuse_here(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".part", dir=to.parent))
    part.chmod(0o777 & ~_umask())
    return part


def into_place(part: Path, to: Path) -> None:
    """Rename a finished folder to its place, where nothing or an empty folder is."""
    if to.exists():
        to.rmdir()
    part.rename(to)


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A folder to write into; in its place when the block ends, gone when it fails."""
    part = beside(to)
    try:
        yield part
        into_place(part, to)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def folder_name(group: str) -> str:
    """A class name as a folder's name: what no file system takes becomes ``_``."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", group).strip(". ") or "_"
