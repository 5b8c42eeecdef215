"""Tar shards at a URL: fetched one after another, the next one while one is read.

What lies in a shard is noted when it is fetched for the first time, so that nobody has to fetch it
to know that. A note is named by the place and the shard as the store lists it, and so belongs to
no other shard, nor to the same one after a change.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from lookalike.checkpoints import write_whole
from lookalike.data.readers.tar import Shards, TarMember, read_members
from lookalike.errors import SourceError
from lookalike.sources.remote.cache import (
    CachedShard,
    NoRoomError,
    has_shard,
    index_folder,
    refuse_outside,
)
from lookalike.sources.remote.filesystem import RemoteFile, RemotePlace

_TOGETHER = 16
_FEW, _PART = 200, 8
"""So many files at most, which are less than such a part of a shard, are asked for as pieces."""

_DAMAGED = (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, RecursionError)

Entries = tuple[list[TarMember], str]
"""The members of a shard, and what is wrong with it or an empty text."""

Value = TypeVar("Value")


class RemoteShards(Shards):
    """The shards of a place, by number.

    ``indexes`` are folders with notes on them, beside that in the cache; one alone is completed.
    At most two are kept from leaving the cache: the one that was opened last, and the next.

    Raises:
        SourceError: a name would lead out of the cache.
    """

    apart = True

    def __init__(
        self, place: RemotePlace, files: Sequence[RemoteFile], indexes: Sequence[Path] = ()
    ) -> None:
        super().__init__([file.name for file in files])
        refuse_outside(place, self.names)
        self._place, self._files = place, tuple(files)
        own = index_folder(place)
        self._indexes = (*indexes, own)
        self._completed = self._indexes if len(indexes) == 1 else (own,)
        self._open: tuple[int, CachedShard] | None = None
        self._next: tuple[int, Future[CachedShard]] | None = None

    def members(self, number: int) -> Iterator[TarMember]:
        """The entries as they were noted; where they are not, the shard is fetched for them.

        Raises:
            SourceError: it cannot be had.
        """
        known = [(folder, self._noted(folder, number)) for folder in self._indexes]
        found = next((entries for _, entries in known if entries is not None), None)
        found = found or read_members(self.opened(number))
        for folder, entries in known:
            if entries is None and folder in self._completed:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / self._note(number), _written(*found))
        return _until(*found)

    def known(self, number: int) -> bool:
        """Whether there is a note."""
        return any((folder / self._note(number)).exists() for folder in self._indexes)

    def opened(self, number: int) -> Path:
        """One as a file of the cache; the one before may leave it.

        Raises:
            SourceError: it cannot be had.
            NoRoomError: it is larger than the cache.
        """
        if self._open is None or self._open[0] != number:
            self.let_go()
            self._open = number, self._fetched(number)
            self._fetch_next(number)
        return self._open[1].file

    def let_go(self) -> None:
        """The one that was opened last may leave the cache."""
        if self._open is not None:
            self._open[1].let_go()
            self._open = None

    def here(self, number: int) -> bool:
        """Whether it lies in the cache."""
        return has_shard(self._place, self._files[number])

    def few(self, number: int, sizes: Sequence[int]) -> bool:
        """Whether the shard is not here nor on its way, and parts of it can be asked for."""
        file = self._files[number]
        many = len(sizes) > _FEW or file.size is None or _PART * sum(sizes) > file.size
        if many or not file.listed or self.here(number):
            return False
        ahead = self._next is not None and self._next[0] == number
        return not ahead and self.known(number) and self._in_pieces(number)

    def _in_pieces(self, number: int) -> bool:
        """Whether files lie in the shard as they are."""
        notes = (self._noted(folder, number) for folder in self._indexes)
        members, _ = next(filter(None, notes), ([], ""))
        return all(member.place is not None for member in members if member.kind == "file")

    def pieces(self, number: int, members: Sequence[TarMember]) -> list[bytes] | None:
        """The bytes of some files, each asked for by itself; None where one does not come whole."""
        places = [(member.place, member.size) for member in members if member.place is not None]
        if len(places) < len(members):
            return None
        name = self._files[number].name
        with ThreadPoolExecutor(_TOGETHER, "lookalike-fetch") as pool:
            try:
                found = list(pool.map(lambda at: self._place.piece(name, *at), places))
            except SourceError:  # with the whole it is tried again, and said
                return None
        whole = all(len(data) == size for data, (_, size) in zip(found, places, strict=True))
        return found if whole else None

    def _fetched(self, number: int) -> CachedShard:
        """One that is in use from now on, or was fetched ahead."""
        ahead, self._next = self._next, None
        if ahead is not None and ahead[0] == number:
            with suppress(NoRoomError):  # beside the one before, which has been let go by now
                return ahead[1].result()
        elif ahead is not None:
            ahead[1].add_done_callback(_let_go)
        return CachedShard(self._place, self._files[number])

    def _fetch_next(self, number: int) -> None:
        """Begin to fetch the one that is expected after this one."""
        if number in self._expected:
            later = self._expected[self._expected.index(number) + 1 :]
        else:
            later = tuple(other for other in self._expected if other > number)
        if later:
            file = self._files[later[0]]
            self._next = later[0], _begun(lambda: CachedShard(self._place, file))

    def _note(self, number: int) -> str:
        words = f"{self._place.url} {self._files[number]!r}".encode()
        return f"{hashlib.blake2b(words, digest_size=16).hexdigest()}.json.gz"

    def _noted(self, folder: Path, number: int) -> Entries | None:
        """What a note says of a shard; None where there is none that is whole."""
        try:
            return _read((folder / self._note(number)).read_bytes())
        except _DAMAGED:
            return None


def _begun(work: Callable[[], Value]) -> Future[Value]:
    """Work that is done in a thread for which a process that ends does not wait."""
    future: Future[Value] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as problem:
            future.set_exception(problem)

    Thread(target=run, name="lookalike-fetch-shard", daemon=True).start()
    return future


def _let_go(fetched: Future[CachedShard]) -> None:
    """What was fetched ahead is not wanted next, after all."""
    if fetched.exception() is None:
        fetched.result().let_go()


def _until(members: Sequence[TarMember], problem: str) -> Iterator[TarMember]:
    """The members, and the damage behind them.

    Raises:
        EOFError: there is some.
    """
    yield from members
    if problem:
        raise EOFError(problem)


def _written(members: Sequence[TarMember], problem: str) -> bytes:
    """Members as JSON, packed; the bytes of texts are letters of Latin-1."""
    rows = [
        [*astuple(member)[:-1], None if member.text is None else member.text.decode("latin-1")]
        for member in members
    ]
    text = json.dumps({"members": rows, "problem": problem})
    return gzip.compress(text.encode(), 1, mtime=0)


def _read(note: bytes) -> Entries:
    """The inverse of :func:`_written`."""
    known = json.loads(gzip.decompress(note))
    rows: list[list[Any]] = known["members"]
    for row in rows:
        row[-1] = None if row[-1] is None else row[-1].encode("latin-1")
    return [TarMember(*row) for row in rows], str(known["problem"])
