"""Tar files, plain or as webdataset shards: members read in order, never unpacked to disk."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lookalike.data.readers.base import (
    BYTE_LIMIT,
    PictureFile,
    PictureSource,
    clean_name,
    too_large,
)
from lookalike.data.readers.label_tables import TABLE_SUFFIXES
from lookalike.data.readers.labels import Texts, put_labels
from lookalike.data.readers.layout import is_system, is_text, passed_over
from lookalike.data.readers.sidecars import SIDE_LIMIT
from lookalike.errors import NoImagesError

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
"""How gzip, bzip2 and xz begin."""

_PROBLEMS = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError)


class TarSource(PictureSource):
    """The members of one tar (also compressed), or of several that are shards of one set.

    ``beside`` are text files that lie beside the shards and say something of what is in them.
    """

    def __init__(
        self, path: Path, shards: Sequence[Path] | None = None, beside: Texts | None = None
    ) -> None:
        super().__init__(path)
        self._shards = list(shards or [path])
        self._stems = {shard: self._stem(shard) for shard in self._shards}
        self._several_kinds = len(set(map(_unnumbered, self._stems.values()))) > 1
        self._folders: dict[str, str] = {}
        self._hidden: list[str] = []
        self._texts: dict[str, Callable[[], bytes]] = dict(beside or {})
        for shard in self._shards:
            try:
                with tarfile.open(shard) as archive:
                    for member in archive:
                        self._index(shard, archive, member)
                if ends_early(shard):
                    self._broken(shard, EOFError("no end of the archive"))
            except _PROBLEMS as problem:
                self._broken(shard, problem)
        put_labels(self, self._texts, [self._folders[file.name] for file in self.files])
        self.found += passed_over(self._hidden)

    def _broken(self, shard: Path, problem: Exception) -> None:
        """Keep what came before the damage; a tar with nothing in it is an error."""
        if len(self._shards) == 1 and not self.files:
            raise NoImagesError(
                f"{shard} cannot be read as a tar ({problem}). "
                "Name a folder of pictures, or download the archive again."
            ) from problem
        self.refused.append((shard.name, f"ends in the middle ({problem}); the rest is lost"))

    def _index(self, shard: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.isdir():
            return
        name = self._name(shard, member)
        if any(map(is_system, name.strip("/.").split("/"))):
            self._hidden.append(name)
        elif not member.isreg():
            self.refused.append((name, "is a link or a device in the archive"))
        elif member.size > BYTE_LIMIT:
            self.refused.append((name, too_large(member.size)))
        elif name in self._folders or name in self._texts:
            self.refused.append((name, "has the same name as another member of the tar"))
        elif is_text(name.rpartition("/")[2]):
            table = name.lower().endswith(TABLE_SUFFIXES)
            data = _member(archive, member) if table or member.size <= SIDE_LIMIT else b""
            self._texts[name] = lambda: data
        else:
            self._folders[name] = self._arranged(shard, name)
            self.files.append(PictureFile(name, member.size, int(member.mtime)))

    def _name(self, shard: Path, member: tarfile.TarInfo) -> str:
        name = clean_name(member.name).removeprefix("./")
        return f"{self._stems[shard]}/{name}" if len(self._shards) > 1 else name

    def _stem(self, shard: Path) -> str:
        """The path of a shard below the source, without the suffixes of tars."""
        name = clean_name(os.path.relpath(shard, self.path))
        suffix = next((s for s in TAR_SUFFIXES if name.lower().endswith(s)), shard.suffix)
        return name[: len(name) - len(suffix)]

    def _arranged(self, shard: Path, name: str) -> str:
        """The name as folders tell classes: numbered shards of one kind are none."""
        if len(self._shards) == 1:
            return name
        inside = name.removeprefix(f"{self._stems[shard]}/")
        kind = _unnumbered(self._stems[shard])
        return f"{kind}/{inside}" if self._several_kinds and kind else inside

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes, in the order of the archive."""
        waiting = {file.name: file for file in files}
        for shard in self._shards:
            try:
                with tarfile.open(shard) as archive:
                    for member in archive:
                        file = waiting.get(self._name(shard, member))
                        if file is not None and member.isreg():
                            data = _member(archive, member)
                            del waiting[file.name]
                            yield replace(file, data=data)
            except _PROBLEMS:
                continue
        self.refused += [(name, "cannot be taken out of the tar") for name in waiting]


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read(BYTE_LIMIT + 1) if file is not None else b""


def ends_early(tar: Path) -> bool:
    """Whether a plain tar lacks its last blocks of zeros: it is cut off.

    ``tarfile`` takes a cut between two members, or in a header, for the end. A cut in a compressed
    tar shows by itself.
    """
    with tar.open("rb") as file:
        packed = file.read(6).startswith(_COMPRESSED)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1024))
        return not packed and (size % 512 != 0 or any(file.read()))


def _unnumbered(stem: str) -> str:
    """``photos`` for ``photos-00017``, ``train`` for ``train/00017``."""
    return stem.rstrip("0123456789").rstrip("-_. /")
