"""Pictures that lie at a URL: listed once, fetched some ahead, never kept on the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from lookalike.data.readers.base import BYTE_LIMIT, PictureFile, PictureSource, clean_name
from lookalike.data.readers.labels import put_labels
from lookalike.data.readers.layout import is_system, is_text, passed_over
from lookalike.data.readers.open import open_source
from lookalike.errors import NoImagesError, SourceError
from lookalike.sources.remote.cache import mirrored
from lookalike.sources.remote.filesystem import RemoteFile, RemotePlace

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".parquet", ".csv", ".jsonl")
_TOGETHER = 16
_AHEAD = 64 << 20


def open_url(url: str, zip_encoding: str = "") -> PictureSource:
    """The pictures of a folder at a URL; archives there are copied to the cache and read as files.

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
    if all(file.name.lower().endswith(ARCHIVES) for file in files):
        source = open_source(mirrored(place, files), zip_encoding)
        source.path = Path(url)
        return source
    return RemoteSource(place, files)


class RemoteSource(PictureSource):
    """Every file below a place; hidden and system files and text files aside."""

    def __init__(self, place: RemotePlace, files: Sequence[RemoteFile]) -> None:
        super().__init__(Path(place.url))
        self._place = place
        self._there: dict[str, str] = {}
        texts: dict[str, Callable[[], bytes]] = {}
        hidden = []
        for file in files:
            name = clean_name(file.name)
            if any(map(is_system, name.split("/"))):
                hidden.append(name)
            elif is_text(name.rpartition("/")[2]):
                texts[name] = partial(place.read, file.name)
            else:
                self._there[name] = file.name
                self.files.append(PictureFile(name, file.size, file.stamp))
        put_labels(self, texts)
        self.found += passed_over(hidden)

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes, some fetched ahead; one that cannot be had is refused."""
        waiting: deque[tuple[PictureFile, Future[bytes]]] = deque()
        with ThreadPoolExecutor(_TOGETHER, "lookalike-fetch") as pool:
            try:
                for file in files:
                    waiting.append((file, pool.submit(self._fetch, file)))
                    while len(waiting) >= 2 * _TOGETHER or _bytes(waiting) > _AHEAD:
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
        if file.size > BYTE_LIMIT:
            raise SourceError(f"has {file.size >> 20} MB, the limit is {BYTE_LIMIT >> 20} MB")
        try:
            data = self._place.read(self._there[file.name])
        except SourceError as problem:
            raise SourceError(f"cannot be opened ({problem.__cause__ or problem})") from problem
        if file.size and len(data) != file.size:
            raise SourceError(
                f"cannot be opened (the store promised {file.size} bytes and gave {len(data)})"
            )
        return data


def _bytes(waiting: Sequence[tuple[PictureFile, Future[bytes]]]) -> int:
    return sum(file.size for file, _ in waiting) if len(waiting) > 1 else 0
