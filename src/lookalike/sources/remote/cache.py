"""Packs and archives that lie at a URL, kept on the disk: checked by digest, up to a size.

``LOOKALIKE_CACHE`` names the folder (default ``~/.cache/lookalike``), ``LOOKALIKE_CACHE_GB`` how
much it may hold (default 50). What was used longest ago goes first; what a living process uses
stays.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from lookalike.data.pack.atomic_folder import fcntl
from lookalike.errors import PackError, SourceError
from lookalike.sources.remote.filesystem import RemoteFile, RemotePlace

log = logging.getLogger(__name__)

PACK, DIGESTS, USED = "pack.json", "digests.json", "used"
_TRIES = 3
_held: list[IO[bytes]] = []
"""Locks on what this process uses, until it ends."""

Wanted = dict[str, tuple[int, str]]
"""Files by name: bytes, and digest or an empty text where nobody knows it."""


def cached_pack(url: str) -> Path | None:
    """The pack at a URL as a folder of the cache, whole and checked; None where no pack is.

    Raises:
        SourceError: the store does not answer.
        PackError: what it gives is not what was written there, or is larger than the cache.
    """
    place = RemotePlace(url)
    if not place.has(PACK):
        return None
    there = {file.name: file.size for file in place.files() if not _aside(file.name)}
    told = json.loads(place.read(DIGESTS)) if place.has(DIGESTS) else {}
    wanted = {name: (size, told.get(name, "")) for name, size in there.items() if name != DIGESTS}
    folder = folder_of(url)
    _hold(folder)
    missing = {name: one for name, one in wanted.items() if not _is(folder / name, *one)}
    _make_room(sum(size for size, _ in missing.values()), url)
    # pack.json comes last: a pack that was not fetched to the end is none.
    for name in sorted(missing, key=lambda one: one == PACK):
        _fetched(place, name, missing[name], folder / name)
    return folder


def place_for(url: str) -> Path:
    """A folder of the cache for what is to be at a URL."""
    folder = folder_of(url)
    _hold(folder)
    return folder


def store_pack(folder: Path, url: str) -> None:
    """Write a folder to a URL; of a pack, pack.json comes last, and only what changed is written.

    Raises:
        SourceError: it cannot be written.
    """
    place = RemotePlace(url)
    own = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [path.relative_to(folder).as_posix() for path in own]
    names = [name for name in names if not _aside(name) and name != DIGESTS]
    digests = {name: _digest(folder / name) for name in names}
    before = json.loads(place.read(DIGESTS)) if place.has(DIGESTS) else {}
    changed = [name for name in names if before.get(name) != digests[name]]
    if changed and before:
        place.remove(PACK)  # from here on it is no pack, until it is whole again
    for name in sorted(changed, key=lambda one: one == PACK):
        if name == PACK:
            _put_digests(place, folder, digests)
        place.put(name, folder / name)
    if changed and PACK not in changed:
        _put_digests(place, folder, digests)
        if PACK in digests:
            place.put(PACK, folder / PACK)


def mirrored(place: RemotePlace, files: Sequence[RemoteFile]) -> Path:
    """Archives of a place as files of the cache; a single one is given itself.

    Raises:
        SourceError: one cannot be had whole.
        PackError: they are larger than the cache.
    """
    stamp = hashlib.blake2b(repr(files).encode(), digest_size=6).hexdigest()
    folder = folder_of(f"{place.url}#{stamp}", place.url)
    _hold(folder)
    missing = [file for file in files if not _is(folder / file.name, file.size, "")]
    _make_room(sum(file.size for file in missing), place.url)
    for file in missing:
        _fetched(place, file.name, (file.size, ""), folder / file.name)
    return folder / files[0].name if len(files) == 1 else folder


def folder_of(url: str, named: str = "") -> Path:
    """Where something of this address is kept; the folder has its own last name."""
    home = Path(os.environ.get("LOOKALIKE_CACHE") or Path.home() / ".cache" / "lookalike")
    key = hashlib.blake2b(url.rstrip("/").encode(), digest_size=8).hexdigest()
    return home / "remote" / key / (named or url).rstrip("/").rpartition("/")[2]


def _fetched(place: RemotePlace, name: str, wanted: tuple[int, str], to: Path) -> None:
    """One file, whole and checked; what a store gives wrongly is asked for again.

    Raises:
        SourceError: it cannot be had.
        PackError: it is not what was written.
    """
    part = to.with_name(f".{to.name}.part")
    problem: SourceError | None = None
    for _ in range(_TRIES):
        try:
            problem = None
            place.fetch(name, part)
        except SourceError as refusal:
            problem = refusal
        if problem is None and _is(part, *wanted):
            os.replace(part, to)
            return
        log.warning("%s/%s did not come whole; asking again", place.url, name)
    found = part.stat().st_size if part.exists() else 0
    part.unlink(missing_ok=True)
    raise problem or PackError(
        f"{place.url}/{name} is not what was written there: {found} of {wanted[0]} bytes came, or "
        f"their digest is another, {_TRIES} times. Write it there again."
    )


def _is(file: Path, size: int, digest: str) -> bool:
    if not file.is_file() or file.stat().st_size != size:
        return False
    return not digest or _digest(file) == digest


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, partial(hashlib.blake2b, digest_size=16)).hexdigest()


def _put_digests(place: RemotePlace, folder: Path, digests: dict[str, str]) -> None:
    file = folder / DIGESTS
    file.write_text(json.dumps(digests), "utf-8")
    place.put(DIGESTS, file)
    file.unlink()


def _aside(name: str) -> bool:
    """Whether a file is no part of what is kept elsewhere: our own caches."""
    return any(step.startswith(".") for step in name.split("/"))


def _hold(folder: Path) -> None:
    """Note the use, and keep others from removing it while this process lives."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder.parent / USED).open("ab")
    os.utime(file.fileno())
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as problem:
            log.info("%s is used without a lock: %s", folder, problem)
    _held.append(file)


def _make_room(needed: int, url: str) -> None:
    """Remove what was used longest ago, until so many bytes more are within the limit.

    Raises:
        PackError: they are not, with all that may be removed gone.
    """
    limit = float(os.environ.get("LOOKALIKE_CACHE_GB") or 50) * 1e9
    home = folder_of(url).parent.parent
    sizes = {entry: _size(entry.rglob("*")) for entry in home.iterdir()}
    total = sum(sizes.values()) + needed
    for entry in sorted(sizes, key=_used):
        if total <= limit:
            break
        if _free(entry):
            shutil.rmtree(entry, ignore_errors=True)
            total -= sizes[entry]
    if total > limit and needed:
        raise PackError(
            f"{url} needs {needed / 1e9:.2f} GB in {home}, which may hold {limit / 1e9:g} GB. Set "
            "LOOKALIKE_CACHE_GB higher, or LOOKALIKE_CACHE to a larger disk."
        )


def _used(entry: Path) -> float:
    file = entry / USED
    return file.stat().st_mtime if file.exists() else 0.0


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file())


def _free(entry: Path) -> bool:
    """Whether no living process uses it."""
    if fcntl is None:
        return False
    with (entry / USED).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
