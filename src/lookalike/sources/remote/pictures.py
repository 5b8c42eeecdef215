"""Pictures that lie at a URL: listed once, fetched some ahead, never kept on the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from lookalike.data.readers.base import (
    BYTE_LIMIT,
    PictureFile,
    PictureSource,
    clean_name,
    too_large,
)
from lookalike.data.readers.labels import put_labels
from lookalike.data.readers.layout import counted, is_system, is_text, listed, passed_over
from lookalike.data.readers.open import archives_among, not_used, open_source, tars_among
from lookalike.data.readers.tables import SUFFIXES
from lookalike.data.readers.tar import TarSource
from lookalike.errors import NoImagesError, SourceError
from lookalike.sources.remote.cache import cache_home, mirrored
from lookalike.sources.remote.filesystem import RemoteFile, RemotePlace, in_a_line
from lookalike.sources.remote.shards import RemoteShards

_TOGETHER = 16
_AHEAD = 64 << 20
_UNKNOWN = 16 << 20
"""What a file counts of the bytes ahead whose size nobody knows."""


def open_url(url: str, zip_encoding: str = "", indexes: Sequence[Path] = ()) -> PictureSource:
    """The pictures of a folder at a URL.

    Several tars are the shards of one set and are fetched when they are needed; other archives are
    copied to the cache here, and read as files. ``indexes`` are as in
    :func:`lookalike.data.readers.open.open_place`.

    Raises:
        NoImagesError: nothing lies there.
        SourceError: it cannot be listed, or an archive cannot be had.
    """
    place = RemotePlace(url)
    files = place.files()
    if not files:
        raise NoImagesError(
            f"{url} holds no file. Check the name (it is matched letter by letter)."
        )
    names = set(archives_among([file.name for file in files]))
    alone = len(files) == 1 and files[0].name.lower().endswith(SUFFIXES)
    archives = [file for file in files if alone or file.name in names]
    shards, others = tars_among(sorted((file.name for file in archives), key=_on_a_disk))
    if len(shards) > 1:
        by_name = {file.name: file for file in archives}
        tars = [by_name[name] for name in shards]
        remarks = [*not_used(others), *_undated(tars, f"remove {cache_home()}")]
        remote = RemoteShards(place, tars, indexes)
        return TarSource(Path(place.url), remote, _texts(place, files), remarks)
    if archives:
        return _open_archives(place, archives, files, zip_encoding)
    return RemoteSource(place, files)


def _on_a_disk(name: str) -> list[tuple[bool, str]]:
    """Sorts names as a folder is walked: its files first, then its folders."""
    *folders, base = name.split("/")
    return [*((True, folder) for folder in folders), (False, base)]


def _texts(place: RemotePlace, files: Sequence[RemoteFile]) -> dict[str, Callable[[], bytes]]:
    """The text files beside archives, as far as they are looked at on a disk."""
    return {
        _label(place, file): partial(_read, place, file)
        for file in files
        if file.name.count("/") < 2 and is_text(file.name.rpartition("/")[2])
    }


def _open_archives(
    place: RemotePlace,
    archives: Sequence[RemoteFile],
    files: Sequence[RemoteFile],
    zip_encoding: str,
) -> PictureSource:
    """The pictures of archives, copied to the cache; text files beside them stay where they are."""
    folder = mirrored(place, archives)
    path = folder / archives[0].name if len(files) == 1 else folder
    source = open_source(path, zip_encoding, _texts(place, files))
    source.path = Path(place.url)
    source.found += _undated(archives, f"remove {folder.parent}")
    return source


def _label(place: RemotePlace, file: RemoteFile) -> str:
    """The name of a file as a person writes it; pages write ``a%20b.png`` for ``a b.png``."""
    return clean_name(unquote(file.name) if place.url.startswith("http") else file.name)


def _read(place: RemotePlace, file: RemoteFile) -> bytes:
    """The bytes of a file; of one that was not listed no more than it promised, or may have.

    Raises:
        SourceError: it cannot be had.
    """
    promised = BYTE_LIMIT if file.size is None else file.size
    return place.read(file.name, None if file.listed else promised)


def _undated(files: Sequence[RemoteFile], anew: str) -> Iterator[str]:
    """A sentence about files of which nothing is told that changes with them, if there are any."""
    names = [file.name for file in files if not file.dated]
    sized = all(file.size is not None for file in files if not file.dated)
    if names:
        yield (
            f"{counted(len(names), 'file')} of which no time of change is told "
            f"({listed(names, 3)}): one that is replaced{' by one of its size' if sized else ''} "
            f"is not noticed. To fetch all anew, {anew}."
        )


class RemoteSource(PictureSource):
    """Every file below a place; hidden and system files and text files aside."""

    def __init__(self, place: RemotePlace, files: Sequence[RemoteFile]) -> None:
        super().__init__(Path(place.url))
        self._place = place
        self._there: dict[str, RemoteFile] = {}
        texts: dict[str, Callable[[], bytes]] = {}
        hidden = []
        for file in files:
            name = _label(place, file)
            if any(map(is_system, name.split("/"))):
                hidden.append(name)
            elif is_text(name.rpartition("/")[2]):
                texts[name] = partial(_read, place, file)
            else:
                self._there[name] = file
                self.files.append(PictureFile(name, file.size or 0, file.stamp))
        put_labels(self, texts)
        self.found += passed_over(hidden)
        self.found += _undated(list(self._there.values()), "prepare to a new place")

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes, some fetched ahead; one that cannot be had is refused."""
        waiting: deque[tuple[PictureFile, Future[bytes]]] = deque()
        with ThreadPoolExecutor(_TOGETHER, "lookalike-fetch") as pool:
            try:
                for file in files:
                    waiting.append((file, pool.submit(self._fetch, file)))
                    while len(waiting) >= 2 * _TOGETHER or self._bytes(waiting) > _AHEAD:
                        yield from self._taken(*waiting.popleft())
                while waiting:
                    yield from self._taken(*waiting.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _taken(self, file: PictureFile, future: Future[bytes]) -> Iterator[PictureFile]:
        try:
            yield replace(file, data=future.result())
        except SourceError as problem:
            self.refused.append((file.name, str(problem)))

    def _fetch(self, file: PictureFile) -> bytes:
        """The bytes of one file.

        Raises:
            SourceError: the message is the reason alone.
        """
        there = self._there[file.name]
        if file.size > BYTE_LIMIT:
            raise SourceError(too_large(file.size))
        try:
            data = _read(self._place, there)
        except SourceError as problem:
            cause = problem.__cause__ or problem
            why = in_a_line(cause) or type(cause).__name__  # those of time have no words
            raise SourceError(f"cannot be opened ({why})") from problem
        if file.size and len(data) != file.size:
            raise SourceError(
                f"cannot be opened (the store promised {file.size} bytes and gave {len(data)})"
            )
        if len(data) > BYTE_LIMIT:
            raise SourceError(f"has more than {BYTE_LIMIT >> 20} MB")
        return data

    def _bytes(self, waiting: Sequence[tuple[PictureFile, Future[bytes]]]) -> int:
        """About how many bytes are on their way or wait, where it is more than one file."""
        sizes = [self._there[file.name].size for file, _ in waiting] if len(waiting) > 1 else []
        return sum(_UNKNOWN if size is None else size for size in sizes)
