"""What every reader gives: a list of files that may be pictures, whose bytes come when asked for.

Nothing is ever unpacked to disk, so the names inside an archive are labels and never places.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from lookalike.data.readers.label_tables import CLASS_COLUMNS, PART_COLUMNS, SPLITS, Table
from lookalike.errors import DataError

BYTE_LIMIT = 256 << 20
"""The most bytes that one file may have."""

_SILENT = {".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".html", ".yaml", ".yml", ".ini"}
_LITTER = {"thumbs.db", "desktop.ini", ".ds_store"}


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One file that may be a picture. ``stamp`` tells whether it changed since last time.

    ``place`` is where it lies under ``root``, when that differs from ``name``; ``data`` are its
    bytes, once they are loaded. ``names`` and ``values`` are what a table says of it.
    """

    name: str
    size: int
    stamp: int
    root: Path | None = None
    place: str = ""
    data: bytes | None = field(default=None, repr=False)
    class_name: str = ""
    names: tuple[str, ...] = field(default=(), repr=False)
    values: tuple[str, ...] = field(default=(), repr=False)

    @property
    def weight(self) -> int:
        """How many bytes travel with the file."""
        return len(self.data or b"")

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes by name; ``class_name`` and ``part`` have what says class and part."""
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

    def labeled(self, folder_class: str, table: Table, name: str) -> PictureFile:
        """The file with what a table says of ``name``; a class there goes before the folder's."""
        values = table.find(name)
        if not (folder_class or values):
            return self
        class_name = table.class_of(values) or folder_class
        return replace(self, class_name=class_name, names=table.names, values=values)


class PictureSource(ABC):
    """The files of one place, and those that were ``refused``, as (name, reason)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[PictureFile] = []
        self.refused: list[tuple[str, str]] = []

    @abstractmethod
    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The same files, ready to be sent to a worker; one that cannot be had is refused."""


def labeled_by_folder(files: Sequence[PictureFile], table: Table) -> list[PictureFile]:
    """The files in the order of their names, with classes and attributes."""
    ordered = sorted(files, key=lambda file: file.name)
    classes = folder_classes([file.name for file in ordered])
    return [
        file.labeled(name, table, file.name) for file, name in zip(ordered, classes, strict=True)
    ]


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
