"""Which reader opens a place: folder, zip, tar, list or idx files."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from lookalike.data.readers.base import PictureSource
from lookalike.data.readers.folder import FolderSource, made_here, texts_of
from lookalike.data.readers.idx import IdxSource, idx_files
from lookalike.data.readers.labels import Texts
from lookalike.data.readers.layout import is_picture_name, is_system, is_text, listed
from lookalike.data.readers.tables import SUFFIXES, ParquetSource, open_table
from lookalike.data.readers.tar import TAR_SUFFIXES, LocalShards, TarSource
from lookalike.data.readers.zip import ZipSource
from lookalike.errors import DataError, NoImagesError
from lookalike.settings.options import url_of

CELEBA_ZIPS = ("img_align_celeba.zip", "Img/img_align_celeba.zip")
CELEBA_TABLES = ("list_attr_celeba.txt", "Anno/list_attr_celeba.txt")
_ARCHIVES = (*TAR_SUFFIXES, ".parquet", ".zip")
_DEEP = 3


UrlOpener = Callable[[str, str, Sequence[Path]], PictureSource]
"""Opens the pictures at a URL; the others are as in :func:`open_place`."""

_url_openers: list[UrlOpener] = []


def open_urls_with(opener: UrlOpener) -> None:
    """Have URLs opened by this function: this room knows of no network."""
    _url_openers[:] = [opener]


def open_place(path: Path, zip_encoding: str = "", indexes: Sequence[Path] = ()) -> PictureSource:
    """As :func:`open_source`; but what has to be fetched to know all files is not fetched yet.

    ``indexes`` are folders in which it is noted, and kept, what is in the shards at a URL.
    """
    url = url_of(path)
    if url is not None and _url_openers:
        return _url_openers[0](url, zip_encoding, indexes)
    return open_source(path, zip_encoding)


def open_source(path: Path, zip_encoding: str = "", texts: Texts | None = None) -> PictureSource:
    """The files of a folder, a zip, a tar, a list (CSV, JSONL, Parquet) or idx files.

    ``zip_encoding`` is how the names in a zip were written, if not as they look; ``texts`` are the
    text files beside the archives of a folder, where they do not lie in it.

    Raises:
        NoImagesError: there is nothing there, or nothing of these kinds.
        DataError: an archive or a list that cannot be read.
        SourceError: a shard at a URL cannot be had.
    """
    if url_of(path) is not None and _url_openers:
        there = open_place(path, zip_encoding)
        there.complete()
        return there
    path = path.expanduser()
    try:
        path.stat()
        if path.is_dir():
            return _open_folder(path, zip_encoding, texts)
        return _open_file(path, zip_encoding)
    except FileNotFoundError:
        raise NoImagesError(
            f"{path} does not exist. Name a folder of pictures, a zip of them, or a pack."
        ) from None
    except OSError as problem:
        raise NoImagesError(
            f"{path} cannot be opened ({problem.strerror or problem}). "
            "Give yourself the right to read it, or name another place."
        ) from problem


def _open_file(path: Path, zip_encoding: str) -> PictureSource:
    if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        return ZipSource(path, encoding=zip_encoding)
    if path.suffix.lower() in SUFFIXES:
        return open_table(path)
    if tarfile.is_tarfile(path) or path.name.lower().endswith(TAR_SUFFIXES):
        return TarSource(path)
    if "idx3-ubyte" in path.name:
        return IdxSource(path, [path])
    one = "is one picture" if is_picture_name(path.name) else "is a single file"
    raise NoImagesError(
        f"{path} {one} and no archive or list that is read here. Name a folder of pictures, a zip "
        "or tar of them, a list (.csv, .jsonl, .parquet), or a pack."
    )


def _open_folder(path: Path, zip_encoding: str, texts: Texts | None) -> PictureSource:
    zips = [path / name for name in CELEBA_ZIPS if (path / name).is_file()]
    celeba = zips and any(
        name in (texts or ()) or (path / name).is_file() for name in CELEBA_TABLES
    )
    archives = zips[:1] if celeba else [path / name for name in archives_among(_names(path))]
    if archives and texts is None:
        texts = texts_of(path)
    idx = idx_files(path)
    if idx:
        return IdxSource(path, idx)
    if len(archives) == 1 and archives[0].suffix.lower() == ".zip":
        source: PictureSource = ZipSource(archives[0], texts, zip_encoding)
        source.found.insert(0, f"The pictures are those in {archives[0].name}.")
        return source
    shards, others = tars_among([file.as_posix() for file in archives])
    if shards:
        return TarSource(path, LocalShards(path, list(map(Path, shards))), texts, not_used(others))
    if others:
        return ParquetSource(path, list(map(Path, others)))
    if made_here({file.name for file in path.iterdir()}) == "a run":
        raise DataError(f"{path} is a run, not pictures. Name the folder of pictures or a pack.")
    return FolderSource(path)


def archives_among(names: Iterable[str]) -> list[str]:
    """The archives among the files of a place, where nothing else lies there but texts.

    Hidden and system files count for nothing. Beside a picture, or an archive more than three
    folders deep, no file is an archive.
    """
    found = []
    for name in names:
        *folders, base = name.split("/")
        if is_text(base) or any(map(is_system, (*folders, base))):
            continue
        if not base.lower().endswith(_ARCHIVES) or len(folders) > _DEEP:
            return []
        found.append(name)
    return found


def tars_among(archives: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tars that are shards of one set, and the Parquet files beside them, which are not read.

    Neither where archives of another kind lie there, too.
    """
    shards = [name for name in archives if name.lower().endswith(TAR_SUFFIXES)]
    parquet = [name for name in archives if name.lower().endswith(".parquet")]
    return (shards, parquet) if len(shards) + len(parquet) == len(archives) else ([], [])


def not_used(parquet: Sequence[str]) -> Iterator[str]:
    """A sentence about Parquet files beside shards, if there are any."""
    if parquet:
        names = listed([name.rpartition("/")[2] for name in parquet], 3)
        yield f"{names} beside the archives not used."


def _names(path: Path) -> Iterator[str]:
    """The names of all files below a folder, hidden folders aside, as they are come upon."""
    for place, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not is_system(name))
        inside = Path(place).relative_to(path)
        yield from ((inside / name).as_posix() for name in sorted(names))
