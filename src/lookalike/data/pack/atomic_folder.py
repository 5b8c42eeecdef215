"""Folders that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lookalike import locks
from lookalike.errors import DataError

_ASIDE = "pack"
"""What a folder that is being replaced is called meanwhile."""


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


@contextmanager
def staging(to: Path) -> Iterator[Path]:
    """A new hidden folder next to this place, on the same disk, gone when the block ends.

    Its parents are made, and what killed processes left beside the place is removed. Who may read
    it is what the person's umask says, as for any folder they make.

    Raises:
        DataError: the place has no name of its own (".").
    """
    _refuse_here(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    sweep(to)
    part = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".part", dir=to.parent))
    lock = _lock(part)
    try:
        part.chmod(0o777 & ~_umask())
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep(to: Path) -> None:
    """Remove what killed processes left beside a place; a folder that was moved aside comes back.

    A living process holds a lock on its folder, and those are left alone.
    """
    name = re.compile(rf"\.{re.escape(to.name)}\.[a-z0-9_]{{8}}\.(part|old)")
    for place in to.parent.iterdir():
        if not name.fullmatch(place.name) or not place.is_dir():
            continue
        lock = _lock(place)
        if lock is None:
            continue
        aside = place / _ASIDE
        if aside.is_dir() and not to.exists():
            aside.rename(to)
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def _lock(folder: Path) -> int | None:
    """A lock that the system drops when this process ends; None where it cannot be had."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return None
    handle = os.open(folder, os.O_RDONLY)
    with suppress(BlockingIOError):  # another process lives
        if locks.take(handle):
            return handle
    os.close(handle)
    return None


def into_place(part: Path, to: Path) -> None:
    """Rename a finished folder to its place, where nothing or an empty folder is."""
    if to.exists():
        to.rmdir()
    part.rename(to)


def replace(part: Path, to: Path) -> None:
    """Rename a finished folder to its place; what was there goes away after the new one is in."""
    old = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".old", dir=to.parent))
    lock = _lock(old)
    try:
        to.rename(old / _ASIDE)
        try:
            part.rename(to)
        except OSError:
            (old / _ASIDE).rename(to)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
        if lock is not None:
            os.close(lock)


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A folder to write into; in its place when the block ends, gone when it fails."""
    with staging(to) as part:
        yield part
        into_place(part, to)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def folder_name(group: str) -> str:
    """A class name as a folder's name: what no file system takes becomes ``_``."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", group).strip(". ") or "_"


def folder_names(groups: Iterable[str]) -> dict[str, str]:
    """A folder's name for each class, in order; two that would share one get a number."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for group in dict.fromkeys(groups):
        name = plain = folder_name(group)
        while name.casefold() in taken:  # some disks do not tell capitals apart
            name = f"{plain} ({len(names) + 1})"
        taken.add(name.casefold())
        names[group] = name
    return names
