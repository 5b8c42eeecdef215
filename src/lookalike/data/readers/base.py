"""Where pictures lie: a folder or a zip as a list of items, with classes and attributes.

Nothing is ever unpacked to disk, so the names inside an archive are labels and never places.
"""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from lookalike.data.decode.decode import BYTE_LIMIT
from lookalike.data.readers.label_tables import (
    CELEBA_TABLES,
    CLASS_COLUMNS,
    PART_COLUMNS,
    SPLITS,
    Table,
    find_table,
    folder_table,
    is_table,
)
from lookalike.errors import DataError, NoImagesError

CELEBA_ZIPS = ("img_align_celeba.zip", "Img/img_align_celeba.zip")
DIRECTORY_LIMIT = 64 << 20
"""The most bytes that the directory of a zip may have (about 700,000 pictures)."""

_MEMBER_PROBLEMS = (
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
)
_SILENT = {".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".html", ".yaml", ".yml", ".ini"}
_LITTER = {"thumbs.db", "desktop.ini", ".ds_store"}


@dataclass(frozen=True, slots=True)
class Item:
    """One file that may be a picture. ``stamp`` tells whether it changed since last time.

    ``place`` is where it lies under ``root``, when that differs from ``name``.
    """

    name: str
    size: int
    stamp: int
    root: Path | None = None
    place: str = ""
    data: bytes | None = field(default=None, repr=False)
    group: str = ""
    names: tuple[str, ...] = field(default=(), repr=False)
    values: tuple[str, ...] = field(default=(), repr=False)

    @property
    def weight(self) -> int:
        """How many bytes travel with the item."""
        return len(self.data or b"")

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes by name; ``group`` and ``part`` have what says class and part."""
        return {
            name: value
            for name, value in zip(self.names, self.values, strict=False)
            if name.lower() not in CLASS_COLUMNS + PART_COLUMNS
        }

    @property
    def part(self) -> str:
        """The part of the set that the source puts the picture in (train, test …), or ""."""
        for name, value in zip(self.names, self.values, strict=False):
            if name.lower() in PART_COLUMNS:
                return value
        first = self.name.partition("/")[0]
        return first if first in SPLITS else ""

    def read(self) -> bytes:
        """The bytes of the file.

        Raises:
            DataError: it cannot be read; the message is the reason alone.
        """
        if self.data is not None:
            return self.data
        assert self.root is not None
        if self.size > BYTE_LIMIT:
            raise DataError(f"has {self.size >> 20} MB, the limit is {BYTE_LIMIT >> 20} MB")
        try:
            with (self.root / (self.place or self.name)).open("rb") as file:
                # No more than it has: reading sets memory aside for what is asked.
                return file.read(min(self.size, BYTE_LIMIT) + 1)
        except OSError as problem:
            raise DataError(f"cannot be opened ({problem.strerror or problem})") from problem


class PictureSource:
    """A list of items whose bytes come when they are asked for. Final subclasses only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.items: list[Item] = []
        self.refused: list[tuple[str, str]] = []

    def loaded(self, items: Sequence[Item]) -> Iterator[Item]:
        """The same items, ready to be sent to a worker."""
        yield from items

    def _complete(self, table: Table) -> None:
        """Sort by name, and put classes and attributes on the items."""
        self.items.sort(key=lambda item: item.name)
        groups = folder_classes([item.name for item in self.items])
        for index, (item, group) in enumerate(zip(self.items, groups, strict=True)):
            self.items[index] = labelled(item, group, table, item.name)


class FolderSource(PictureSource):
    """Every file under a folder, hidden ones and plain tables aside."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        seen: set[str] = set()
        for place, folders, files in os.walk(path, followlinks=True):
            real = os.path.realpath(place)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            if "pack.json" in files and Path(place) != path:
                folders.clear()
                continue
            folders[:] = sorted(one for one in folders if not one.startswith((".", "__MACOSX")))
            for name in sorted(files):
                self._add(Path(place) / name)
        self._complete(folder_table(path))

    def _add(self, file: Path) -> None:
        if is_litter(file.name):
            return
        name = file.relative_to(self.path).as_posix()
        try:
            state = file.stat()
        except OSError as problem:
            self.refused.append(
                (clean_name(name), f"cannot be opened ({problem.strerror or problem})")
            )
            return
        if not stat.S_ISREG(state.st_mode):
            self.refused.append((clean_name(name), "is not a plain file"))
            return
        clean = clean_name(name)
        place = name if clean != name else ""
        self.items.append(Item(clean, state.st_size, state.st_mtime_ns, self.path, place))


class ZipSource(PictureSource):
    """The members of a zip, read one by one and never unpacked to disk."""

    def __init__(self, path: Path, table: Table | None = None) -> None:
        super().__init__(path)
        _check_directory(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as problem:
            raise NoImagesError(
                f"{path} cannot be read as a zip ({problem}). "
                "Name a folder of pictures, or download the zip again."
            ) from problem
        self._members: dict[str, zipfile.ZipInfo] = {}
        tables: dict[str, str] = {}
        infos = [one for one in self._zip.infolist() if not one.is_dir()]
        shared = shared_root([one.filename for one in infos])
        for info in infos:
            name = clean_name(info.filename)[len(shared) :]
            if is_table(name):
                tables[name] = self._read(info).decode("utf-8-sig", "replace")
            elif not is_litter(PurePosixPath(name).name) and not name.startswith("__MACOSX/"):
                if name in self._members:
                    self.refused.append((name, "has the same name as another member of the zip"))
                    continue
                self._members[name] = info
                self.items.append(Item(name, info.file_size, info.CRC))
        self._complete(table or find_table(tables.get))

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        with self._zip.open(info) as member:
            return member.read(BYTE_LIMIT + 1)

    def loaded(self, items: Sequence[Item]) -> Iterator[Item]:
        """The items with their bytes; a member that cannot be taken out is refused."""
        for item in items:
            try:
                data = self._read(self._members[item.name])
            except _MEMBER_PROBLEMS as problem:
                self.refused.append((item.name, f"cannot be taken out of the zip ({problem})"))
                continue
            yield replace(item, data=data)


def labelled(item: Item, group: str, table: Table, name: str) -> Item:
    """The item with what a table says of its name; a class there goes before that of its folder."""
    values = table.find(name)
    if not (group or values):
        return item
    pairs = zip(table.names, values, strict=False)
    given = next((value for one, value in pairs if one.lower() in CLASS_COLUMNS and value), "")
    return replace(item, group=given or group, names=table.names, values=values)


def open_source(path: Path) -> PictureSource:
    """The items of a folder, a zip, a tar, a list (CSV, JSONL, Parquet) or idx files.

    Raises:
        NoImagesError: there is nothing there, or nothing of these kinds.
    """
    if not path.exists():
        raise NoImagesError(
            f"{path} does not exist. Name a folder of pictures, a zip of them, or a pack."
        )
    if path.is_dir():
        return _open_folder(path)
    if zipfile.is_zipfile(path):
        return ZipSource(path)
    from lookalike.data.readers import idx, tables
    from lookalike.data.readers import tar as archives

    if path.suffix.lower() in tables.SUFFIXES:
        return tables.open_table(path)
    if tarfile.is_tarfile(path):
        return archives.TarSource(path)
    if "idx3-ubyte" in path.name:
        return idx.IdxSource(path, [path])
    raise NoImagesError(
        f"{path} is a single file and no archive or list. Name a folder of pictures, a zip or tar "
        "of them, a list (.csv, .jsonl, .parquet), or a pack."
    )


def _open_folder(path: Path) -> PictureSource:
    from lookalike.data.readers import idx, tables
    from lookalike.data.readers import tar as archives

    packed = next((path / name for name in CELEBA_ZIPS if (path / name).is_file()), None)
    if packed is not None and any((path / name).is_file() for name in CELEBA_TABLES):
        return ZipSource(packed, folder_table(path))
    files = idx.idx_files(path)
    if files:
        return idx.IdxSource(path, files)
    shards = _only(path, ".tar")
    if shards:
        return archives.TarSource(path, shards)
    parquet = _only(path, ".parquet") or _only(path / "data", ".parquet")
    if parquet:
        return tables.open_parquet(path, parquet)
    return FolderSource(path)


def _only(path: Path, suffix: str) -> list[Path]:
    """The files of this kind, when the folder holds nothing else that could be meant."""
    meant = [one for one in path.iterdir() if not is_litter(one.name)] if path.is_dir() else []
    fitting = sorted(one for one in meant if one.suffix == suffix)
    return fitting if len(fitting) == len(meant) else []


def is_litter(name: str) -> bool:
    """Files that nobody means as pictures: hidden ones, tables, notes."""
    return (
        name.startswith(".")
        or name.lower() in _LITTER
        or PurePosixPath(name).suffix.lower() in _SILENT
        or name.upper().startswith(("LICENCE", "LICENSE", "README"))
    )


def folder_classes(names: Sequence[str]) -> list[str]:
    """The class of each picture: its first folder, when all are in one of two or more; else "".

    One folder that all have in common, and folders that are called train, test …, are passed over.
    """
    firsts = _firsts(names)
    while firsts and "" not in firsts and (len(set(firsts)) == 1 or set(firsts) <= SPLITS):
        names = [name.partition("/")[2] for name in names]
        firsts = _firsts(names)
    return firsts if firsts and "" not in firsts else [""] * len(names)


def _firsts(names: Sequence[str]) -> list[str]:
    return [name.partition("/")[0] if "/" in name else "" for name in names]


def shared_root(names: Sequence[str]) -> str:
    """``photos/`` when every member lies in that one folder (a zipped folder), else ""."""
    real = [clean_name(name) for name in names if not name.startswith("__MACOSX/")]
    firsts = {name.partition("/")[0] for name in real}
    return f"{firsts.pop()}/" if len(firsts) == 1 and all("/" in name for name in real) else ""


def clean_name(name: str) -> str:
    """A name that can be written anywhere: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8").replace("\\", "/")


def _check_directory(path: Path) -> None:
    """Refuse a zip whose directory alone would fill the memory."""
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - (1 << 16) - 128)
        file.seek(start)
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    wide = tail.rfind(b"PK\x06\x06")
    if size == 0xFFFFFFFF and wide >= 0:
        size = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    if size > DIRECTORY_LIMIT:
        raise DataError(
            f"the directory of {path} has {size >> 20} MB, more than fits in memory safely "
            f"(the limit is {DIRECTORY_LIMIT >> 20} MB). Unpack it and name the folder."
        )
