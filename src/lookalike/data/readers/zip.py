"""A zip of pictures, and the one way in which any zip is opened here: with limits."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lookalike.data.readers.base import (
    BYTE_LIMIT,
    PictureFile,
    PictureSource,
    clean_name,
    is_litter,
    labeled_by_folder,
    shared_root,
)
from lookalike.data.readers.label_tables import Table, find_table, is_table
from lookalike.errors import DataError

DIRECTORY_LIMIT = 64 << 20
"""The most bytes that the directory of a zip may have (about 700,000 pictures)."""

_ENCRYPTED = 0x1
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_ENDS_WITHIN = (1 << 16) + 128
_PROBLEMS = (
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
)


def open_zip(path: Path) -> zipfile.ZipFile:
    """A zip, opened to be read by :func:`read_member`; close it, or use it as a context.

    Raises:
        DataError: it is no zip or damaged, or its directory alone would fill the memory.
    """
    try:
        size = _directory_size(path)
        if size <= DIRECTORY_LIMIT:
            return zipfile.ZipFile(path)
    except _PROBLEMS as problem:
        raise DataError(
            f"{path} cannot be read as a zip ({problem}). "
            "Name a folder of pictures, or download the zip again."
        ) from problem
    raise DataError(
        f"the directory of {path} has {size >> 20} MB, more than fits in memory safely "
        f"(the limit is {DIRECTORY_LIMIT >> 20} MB). Unpack it and name the folder."
    )


def read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int = BYTE_LIMIT
) -> bytes:
    """The bytes of a member, never more than ``limit`` whatever its header says.

    Raises:
        DataError: it is encrypted, damaged or larger; the message is the reason alone.
    """
    if member.flag_bits & _ENCRYPTED:
        raise DataError("is protected by a password; unpack the zip with it and name the folder")
    try:
        with archive.open(member) as file:
            data = file.read(limit + 1)
    except _PROBLEMS as problem:
        raise DataError(f"cannot be taken out of the zip ({problem})") from problem
    if len(data) > limit:
        raise DataError(f"has more than {limit >> 20} MB when it is unpacked")
    return data


def _directory_size(path: Path) -> int:
    """The bytes of a zip's directory as its end says, without reading the directory."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _ENDS_WITHIN))
        tail = file.read()
    at, wide = tail.rfind(_END), tail.rfind(_END64)
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if size == 0xFFFFFFFF and wide >= 0:
        return int.from_bytes(tail[wide + 40 : wide + 48], "little")
    return size


class ZipSource(PictureSource):
    """The members of a zip, read one by one and never unpacked to disk."""

    def __init__(self, path: Path, table: Table | None = None) -> None:
        super().__init__(path)
        self._zip = open_zip(path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        tables: dict[str, str] = {}
        members = [member for member in self._zip.infolist() if not member.is_dir()]
        root = shared_root([member.filename for member in members])
        for member in members:
            name = clean_name(member.filename)[len(root) :]
            if is_table(name):
                tables[name] = read_member(self._zip, member).decode("utf-8-sig", "replace")
            elif not is_litter(PurePosixPath(name).name) and not name.startswith("__MACOSX/"):
                self._add(name, member)
        self.files = labeled_by_folder(self.files, table or find_table(tables.get))

    def _add(self, name: str, member: zipfile.ZipInfo) -> None:
        if name in self._members:
            self.refused.append((name, "has the same name as another member of the zip"))
            return
        self._members[name] = member
        self.files.append(PictureFile(name, member.file_size, member.CRC))

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes; a member that cannot be taken out is refused."""
        for file in files:
            try:
                data = read_member(self._zip, self._members[file.name])
            except DataError as problem:
                self.refused.append((file.name, str(problem)))
                continue
            yield replace(file, data=data)
