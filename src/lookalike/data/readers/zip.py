"""A zip of pictures, and the one way in which any zip is opened here: with limits."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lookalike.data.readers.base import (
    BYTE_LIMIT,
    PictureFile,
    PictureSource,
    clean_name,
    shared_root,
)
from lookalike.data.readers.encodings import guess_encoding
from lookalike.data.readers.labels import Texts, put_labels
from lookalike.data.readers.layout import is_system, is_text, passed_over
from lookalike.errors import DataError

DIRECTORY_LIMIT = 64 << 20
"""The most bytes that the directory of a zip may have (about 700,000 pictures)."""

_ENCRYPTED, _UTF8 = 0x1, 0x800
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


def member_names(members: Sequence[zipfile.ZipInfo], encoding: str = "") -> tuple[list[str], str]:
    """The names of members as they were meant, and the encoding that was taken for some, or "".

    Programs that do not mark their names as UTF-8 wrote them in it anyway (macOS), or in the
    encoding of their country (Windows). One encoding is taken for all of a zip.

    Raises:
        DataError: there is no encoding of this name, or it does not fit.
    """
    old = [member for member in members if not member.flag_bits & _UTF8]
    raw = {id(member): member.filename.encode("cp437", "replace") for member in old}
    if all(name.isascii() for name in raw.values()):
        return [clean_name(member.filename) for member in members], ""
    taken = encoding or guess_encoding(list(raw.values()))
    try:
        names = [
            clean_name(raw[id(m)].decode(taken) if id(m) in raw else m.filename) for m in members
        ]
    except (LookupError, UnicodeDecodeError) as problem:
        raise DataError(
            f"the names in the zip cannot be read as {taken!r} ({problem}). "
            "Name another --zip-encoding, such as utf-8, cp1252, cp932 or gbk."
        ) from problem
    return names, taken


class ZipSource(PictureSource):
    """The members of a zip, read one by one and never unpacked to disk.

    ``beside`` are text files that lie beside the zip and say something of what is in it.
    """

    def __init__(self, path: Path, beside: Texts | None = None, encoding: str = "") -> None:
        super().__init__(path)
        self._zip = open_zip(path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._texts: dict[str, Callable[[], bytes]] = dict(beside or {})
        members = [member for member in self._zip.infolist() if not member.is_dir()]
        names, taken = member_names(members, encoding)
        self._check_password(members)
        if taken:
            self.found.append(f"Names in the zip were read as {taken}; --zip-encoding changes it.")
        seen = [not any(map(is_system, name.split("/"))) for name in names]
        root = shared_root([name for name, meant in zip(names, seen, strict=True) if meant])
        hidden = [name for name, meant in zip(names, seen, strict=True) if not meant]
        for name, member, meant in zip(names, members, seen, strict=True):
            if meant:
                self._add(name.removeprefix(root), member)
        self.files.sort(key=lambda file: file.name)
        put_labels(self, self._texts)
        self.found += passed_over(hidden)

    def _check_password(self, members: Sequence[zipfile.ZipInfo]) -> None:
        closed = sum(bool(member.flag_bits & _ENCRYPTED) for member in members)
        if closed and closed == len(members):
            raise DataError(
                f"{self.path} is protected by a password (all {closed} files in it). Unpack it "
                "with its password and name the folder."
            )

    def _add(self, name: str, member: zipfile.ZipInfo) -> None:
        if is_text(name.rpartition("/")[2]):
            self._texts[name] = lambda: read_text_member(self._zip, member)
        elif name in self._members:
            self.refused.append((name, "has the same name as another member of the zip"))
        else:
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


def read_text_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a table or note in a zip.

    Raises:
        DataError: with its name and the reason.
    """
    try:
        return read_member(archive, member)
    except DataError as problem:
        raise DataError(f"{member.filename} {problem}.") from problem
