"""Packs and archives that lie at a URL, kept on the disk: checked by digest, up to a size.

``LOOKALIKE_CACHE`` names the folder (default ``~/.cache/lookalike``), ``LOOKALIKE_CACHE_GB`` how
much it may hold (default 50). What was used longest ago goes first; what a living process uses
stays.

::

    remote/1a2b3c4d5e6f7a8b/   one address, or one shard there
      photos/                  what lies there, under its own name
      used                     locked by all who use it, until they end; its time says when
      fetching                 locked by the one who fetches, while others wait
      compared.json            the digests of files that were compared, and how those looked
    remote.lock                locked while a use is noted or something is removed
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from lookalike import checkpoints, locks
from lookalike.errors import DataError, PackError, SourceError
from lookalike.sources.remote.filesystem import RemoteFile, RemotePlace

log = logging.getLogger(__name__)

PACK, DIGESTS = "pack.json", "digests.json"
USED, FETCHING, COMPARED = "used", "fetching", "compared.json"
_TRIES = 3
_STRANGE = "\\\0:" if os.name == "nt" else "\\\0"
_held: list[IO[bytes]] = []
"""Locks on what this process uses, until it ends."""

Wanted = dict[str, tuple[int | None, str]]
"""Files by name: bytes and digest, None and an empty text where nobody knows them."""


def cached_pack(url: str) -> Path | None:
    """The pack at a URL as a folder of the cache, whole and checked; None where no pack is.

    Raises:
        SourceError: the store does not answer.
        PackError: what it gives is not what was written there, or is larger than the cache.
    """
    place = RemotePlace(url)
    if not place.has(PACK):
        return None
    wanted = _there(place)
    folder = folder_of(url)
    _hold(folder)
    _bring(place, wanted, folder)
    silent = [name for name, (size, digest) in wanted.items() if size is None and not digest]
    if any((folder / name).stat().st_size for name in silent):
        log.warning(
            "%s tells neither sizes nor digests, so what changes there is not noticed. To fetch it "
            "anew, remove %s",
            place.url,
            folder,
        )
    return folder


def place_for(url: str) -> Path:
    """A folder of the cache for what is to be at a URL, where no pack is.

    What this machine wrote there lies in the folder, so that whoever writes to it finds it as on a
    disk. A pack that was not written to the end is written again.

    Raises:
        SourceError: the store does not answer.
        DataError: something else lies there, which would be overwritten.
    """
    folder = folder_of(url)
    _hold(folder)
    if not (folder / PACK).exists():
        place = RemotePlace(url)
        strange = sorted(_Compared(folder).missing(_there(place)))
        if strange:
            more = ", …" if len(strange) > 1 else ""
            raise DataError(
                f"{place.url} is not empty: {strange[0]}{more} ({len(strange):,} in all) are not "
                "what this machine wrote there, and nothing is ever overwritten. Name a place "
                "where nothing lies, or move this away."
            )
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
    compared = _Compared(folder)
    digests = {name: compared.digest(name) for name in names}
    compared.keep()
    before = _told(place)
    changed = [name for name in names if before.get(name) != digests[name]]
    if changed and before and PACK in digests:
        if place.has(PACK):
            place.remove(PACK)  # from here on it is no pack, until it is whole again
        for name in before.keys() - digests.keys():
            if place.has(name):
                place.remove(name)
    for name in sorted(changed, key=lambda one: one == PACK):
        if name == PACK:
            _put_digests(place, folder, digests)
        place.put(name, folder / name)
    if changed and PACK not in changed:
        _put_digests(place, folder, digests)
        if PACK in digests:
            place.put(PACK, folder / PACK)


def mirrored(place: RemotePlace, files: Sequence[RemoteFile]) -> Path:
    """Archives of a place as files of a folder of the cache.

    Raises:
        SourceError: one cannot be had whole.
        PackError: they are larger than the cache.
    """
    stamp = hashlib.blake2b(repr(files).encode(), digest_size=6).hexdigest()
    folder = folder_of(f"{place.url}#{stamp}", place.url)
    _hold(folder)
    _bring(place, {file.name: (file.size, "") for file in files}, folder)
    return folder


class CachedShard:
    """One archive of a place as a ``file`` of the cache, which stays until it is let go.

    Raises:
        SourceError: it cannot be had whole.
        NoRoomError: it does not fit into the cache.
    """

    def __init__(self, place: RemotePlace, file: RemoteFile) -> None:
        folder, name = _shard_place(place, file)
        self._lock = _use(folder)
        try:
            _bring(place, {name: (file.size, "")}, folder)
        except BaseException:
            self._lock.close()
            raise
        self.file = folder / name

    def let_go(self) -> None:
        """It may leave the cache."""
        self._lock.close()


def has_shard(place: RemotePlace, file: RemoteFile) -> bool:
    """Whether an archive of a place lies in the cache."""
    folder, name = _shard_place(place, file)
    return _is(folder / name, file.size, "", str)


def index_folder(place: RemotePlace) -> Path:
    """Where it is kept what lies in the archives of a place; it stays while this process lives."""
    folder = folder_of(f"{place.url}#index", place.url)
    _hold(folder)
    return folder


def _shard_place(place: RemotePlace, file: RemoteFile) -> tuple[Path, str]:
    """The folder of an archive, and its name in there."""
    return folder_of(f"{place.url}#{file!r}", place.url), file.name


def folder_of(url: str, named: str = "") -> Path:
    """Where something of this address is kept; the folder has its own last name."""
    key = hashlib.blake2b(url.rstrip("/").encode(), digest_size=8).hexdigest()
    return cache_home() / key / (named or url).rstrip("/").rpartition("/")[2]


def cache_home() -> Path:
    """The folder of all addresses."""
    home = Path(os.environ.get("LOOKALIKE_CACHE") or Path.home() / ".cache" / "lookalike")
    return home / "remote"


def _bring(place: RemotePlace, wanted: Wanted, folder: Path) -> None:
    """Fetch what is not in a folder yet; one process does it, and others wait and find it there.

    Raises:
        SourceError: a file cannot be had, or would not lie in the folder.
        PackError: it is not what was written there, or is larger than the cache.
    """
    refuse_outside(place, wanted)
    compared = _Compared(folder)
    if compared.missing(wanted):
        with locks.alone(folder.parent / FETCHING):
            missing = compared.missing(wanted)
            room = _make_room(sum(size or 0 for size, _ in missing.values()), place.url)
            # pack.json comes last: a pack that was not fetched to the end is none.
            for name in sorted(missing, key=lambda one: one == PACK):
                size, digest = missing[name]
                _fetched(place, name, missing[name], folder / name, room if size is None else size)
                compared.note(name, digest)
                if size is None:
                    room = _make_room(0, place.url)
    compared.keep()


def refuse_outside(place: RemotePlace, names: Iterable[str]) -> None:
    """Refuse names by which a store would have a file written to a place of its own choice.

    Raises:
        SourceError: one has steps that lead elsewhere, or signs that do on some system.
    """
    for name in names:
        if {"", ".", ".."} & set(name.split("/")) or any(sign in name for sign in _STRANGE):
            raise SourceError(
                f"{place.url} holds a file named {name!r}, which could be written outside of the "
                "cache on this disk. Nothing was fetched. Rename it there."
            )


def _fetched(
    place: RemotePlace, name: str, wanted: tuple[int | None, str], to: Path, most: int
) -> None:
    """One file, whole and checked; what a store gives wrongly is asked for again.

    Raises:
        SourceError: it cannot be had.
        PackError: it is not what was written, or its size was not known and is more than ``most``.
    """
    part = to.with_name(f".{to.name}.part")
    problem: SourceError | None = None
    for _ in range(_TRIES):
        try:
            problem = None
            place.fetch(name, part, most)
        except SourceError as refusal:
            problem = refusal
        if problem is None and wanted[0] is None and part.stat().st_size > most:
            part.unlink()
            raise _no_room(f"{place.url}/{name}", f"more than {most / 1e9:.2f}")
        if problem is None and _is(part, *wanted, partial(_digest, part)):
            os.replace(part, to)
            return
        log.warning("%s/%s did not come whole; asking again", place.url, name)
    found = part.stat().st_size if part.exists() else 0
    part.unlink(missing_ok=True)
    of = "" if wanted[0] is None else f" of {wanted[0]}"
    raise problem or PackError(
        f"{place.url}/{name} is not what was written there: {found}{of} bytes came, or "
        f"their digest is another, {_TRIES} times. Write it there again."
    )


class _Compared:
    """The digests of a folder's files, kept beside it: none is read again while it is as it was."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder.parent / COMPARED
        known = checkpoints.read_json(self._file).get("files")
        self._known = dict(known) if isinstance(known, dict) else {}
        self._new = False

    def missing(self, wanted: Wanted) -> Wanted:
        """Those that are not there as they are wanted."""
        return {
            name: one
            for name, one in wanted.items()
            if not _is(self._folder / name, *one, partial(self.digest, name))
        }

    def digest(self, name: str) -> str:
        """The digest of a file that is there."""
        known = self._known.get(name)
        if not isinstance(known, list) or known[:-1] != self._state(name):
            return self.note(name, _digest(self._folder / name))
        return str(known[-1])

    def note(self, name: str, digest: str) -> str:
        """The digest of a file that was read just now."""
        if digest:
            self._known[name] = [*self._state(name), digest]
            self._new = True
        return digest

    def _state(self, name: str) -> list[int]:
        about = (self._folder / name).stat()
        return [about.st_size, about.st_mtime_ns]

    def keep(self) -> None:
        """Write down what was found."""
        if self._new:
            checkpoints.write_json(self._file, {"files": self._known})


def _is(file: Path, size: int | None, digest: str, found: Callable[[], str]) -> bool:
    """Whether a file is there and as it is wanted; its digest is asked for where one is known."""
    if not file.is_file() or size not in (None, file.stat().st_size):
        return False
    return not digest or found() == digest


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


def _there(place: RemotePlace) -> Wanted:
    """The files at a place, with their digests where it tells them; our own caches aside."""
    files = {file.name: file.size for file in place.files() if not _aside(file.name)}
    digests = _told(place)
    return {name: (size, digests.get(name, "")) for name, size in files.items() if name != DIGESTS}


def _told(place: RemotePlace) -> Mapping[str, str]:
    """The digests that a place tells of its files, by name; none where it tells nothing.

    Raises:
        PackError: it tells something else.
    """
    if not place.has(DIGESTS):
        return {}
    try:
        told = json.loads(place.read(DIGESTS))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise PackError(
            f"{place.url}/{DIGESTS} is damaged, so nobody can tell whether the rest is whole. "
            "Write the pack there again from where it was made, into an empty place."
        )
    return {name: str(digest) for name, digest in told.items()}


def _hold(folder: Path) -> None:
    """Note the use, and keep others from removing it while this process lives."""
    _held.append(_use(folder))


def _use(folder: Path) -> IO[bytes]:
    """Note the use, and keep others from removing it until the lock is closed."""
    home = folder.parent.parent
    home.mkdir(parents=True, exist_ok=True)
    with locks.alone(home.with_name(f"{home.name}.lock")):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder.parent / USED).open("ab")
        os.utime(file.fileno())
        with suppress(BlockingIOError):  # on Windows another process holds it for both
            if not locks.take(file, shared=True):
                log.info("%s is used without a lock: the disk knows none", folder)
    return file


def _make_room(needed: int, url: str) -> int:
    """Remove what was used longest ago, until so many bytes more are within the limit.

    Returns how many bytes would still fit beside these, with all removed that may be.

    Raises:
        PackError: they are not, with all that may be removed gone.
    """
    limit = _limit()
    home = cache_home()
    with locks.alone(home.with_name(f"{home.name}.lock")):
        sizes = {entry: _size(entry.rglob("*")) for entry in home.iterdir() if entry.is_dir()}
        total = sum(sizes.values()) + needed
        free = 0
        for entry in filter(_free, sorted(sizes, key=_used)):
            if total > limit:
                shutil.rmtree(entry, ignore_errors=True)
                total -= sizes[entry]
            else:
                free += sizes[entry]
    if total > limit and needed:
        raise _no_room(url, f"{needed / 1e9:.2f}")
    return max(0, int(min(limit, sys.maxsize) - total) + free)


class NoRoomError(PackError):
    """Something is larger than what the cache may hold beside all that is in use."""


def _no_room(url: str, needed: str) -> NoRoomError:
    """The error about something that needs so many gigabytes and does not fit."""
    home = cache_home()
    return NoRoomError(
        f"{url} needs {needed} GB in {home}, which may hold {_limit() / 1e9:g} GB. Set "
        "LOOKALIKE_CACHE_GB higher, or LOOKALIKE_CACHE to a larger disk."
    )


def _limit() -> float:
    """How many bytes the cache may hold.

    Raises:
        PackError: LOOKALIKE_CACHE_GB is no number.
    """
    text = os.environ.get("LOOKALIKE_CACHE_GB") or "50"
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not limit >= 0:
        raise PackError(
            f"LOOKALIKE_CACHE_GB is {text!r}, and a number of gigabytes is wanted, such as 50."
        )
    return limit * 1e9


def _used(entry: Path) -> float:
    file = entry / USED
    return file.stat().st_mtime if file.exists() else 0.0


def _size(files: Iterable[Path]) -> int:
    """Bytes of those files that are there: one that another process fetches gets its name now."""
    total = 0
    for file in files:
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def _free(entry: Path) -> bool:
    """Whether no living process uses it."""
    if os.name != "posix":  # where a lock has one holder, others may use it as well
        return False
    with (entry / USED).open("ab") as file, suppress(BlockingIOError):
        return locks.take(file)
    return False
