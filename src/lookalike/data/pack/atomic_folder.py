"""Folders that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import DataError

try:
    import fcntl
except ImportError:  # Windows: what a killed process left stays until it is removed by hand
    fcntl = None  # type: ignore[assignment]


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
    _clear_left_over(to)
    part = _hidden(to, _PART)
    part.chmod(0o777 & ~_umask())
    return part


_PART, _OLD = ".part", ".old"
_locks: dict[Path, int] = {}
"""The folders that this process writes to, each with the open file that locks it."""


def _hidden(to: Path, suffix: str) -> Path:
    """A new hidden folder beside a place, locked for as long as this process lives."""
    folder = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=suffix, dir=to.parent))
    lock = _lock(folder)
    if lock is not None:
        _locks[folder] = lock
    return folder


def _lock(folder: Path) -> int | None:
    """Lock a folder; None where somebody holds it, or the system cannot."""
    try:
        opened = os.open(folder, os.O_RDONLY)  # Windows does not open folders
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened


def _release(folder: Path) -> None:
    lock = _locks.pop(folder, None)
    if lock is not None:
        os.close(lock)


def _clear_left_over(to: Path) -> None:
    """Remove what a process left beside this place that was killed, and put back what it moved."""
    for suffix in (_OLD, _PART):
        for folder in to.parent.glob(f".{glob.escape(to.name)}.*{suffix}"):
            lock = _lock(folder)
            if lock is None:
                continue
            if not to.exists() and (folder / "it").is_dir():
                (folder / "it").rename(to)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def into_place(part: Path, to: Path) -> None:
    """Rename a finished folder to its place, where nothing or an empty folder is."""
    if to.exists():
        to.rmdir()
    part.rename(to)
    _release(part)


def replace_folder(part: Path, to: Path) -> None:
    """Rename a finished folder to its place; what was there goes away after the new one is in."""
    old = _hidden(to, _OLD)
    to.rename(old / "it")
    part.rename(to)
    _release(part)
    discard(old)


def discard(part: Path) -> None:
    """Remove a folder of :func:`beside` with all that is in it."""
    shutil.rmtree(part, ignore_errors=True)
    _release(part)


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A folder to write into; in its place when the block ends, gone when it fails."""
    part = beside(to)
    try:
        yield part
        into_place(part, to)
    finally:
        discard(part)


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
