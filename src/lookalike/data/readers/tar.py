"""Tar files, plain or as webdataset shards: members read in order, never unpacked to disk."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from lookalike.data.readers.base import (
    BYTE_LIMIT,
    PictureFile,
    PictureSource,
    clean_name,
    folder_classes,
    is_litter,
    shared_root,
)
from lookalike.data.readers.label_tables import CLASS_COLUMNS, TABLE_NAMES, find_table, flat
from lookalike.errors import NoImagesError

_SIDE_LIMIT = 1 << 20
_PROBLEMS = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError)


@dataclass
class _Side:
    """What the small files beside a picture of a webdataset say."""

    class_name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


class TarSource(PictureSource):
    """The members of one tar (also compressed), or of several that are shards of one set.

    ``key.cls`` beside ``key.jpg`` is its class, ``key.json`` its attributes, as in webdataset.
    """

    def __init__(self, path: Path, shards: Sequence[Path] | None = None) -> None:
        super().__init__(path)
        self._shards = list(shards or [path])
        self._names: set[str] = set()
        sides: dict[str, _Side] = {}
        self._tables: dict[str, str] = {}
        for shard in self._shards:
            try:
                with tarfile.open(shard) as archive:
                    for member in archive:
                        self._index(shard, archive, member, sides)
            except _PROBLEMS as problem:
                self._broken(shard, problem)
        if sides:
            self.files = [
                _labeled(picture, sides.get(_key(picture.name))) for picture in self.files
            ]
        else:
            self._label()

    def _label(self) -> None:
        """Classes by folders, and the table that lies beside them; shards are no folders."""
        root = shared_root([*self._tables, *(picture.name for picture in self.files)])
        table = find_table(lambda name: self._tables.get(root + name))
        names = [picture.name for picture in self.files]
        if len(self._shards) > 1 and len({_unnumbered(one) for one in self._shards}) == 1:
            names = [name.partition("/")[2] for name in names]
        pairs = zip(list(self.files), folder_classes(names), strict=True)
        self.files = [
            picture.labeled(group, table, picture.name.removeprefix(root))
            for picture, group in pairs
        ]

    def _broken(self, shard: Path, problem: Exception) -> None:
        """Keep what came before the damage; a tar with nothing in it is an error."""
        if len(self._shards) == 1 and not self.files:
            raise NoImagesError(
                f"{shard} cannot be read as a tar ({problem}). "
                "Name a folder of pictures, or download the archive again."
            ) from problem
        self.refused.append((shard.name, f"ends in the middle ({problem}); the rest is lost"))

    def _index(
        self,
        shard: Path,
        archive: tarfile.TarFile,
        member: tarfile.TarInfo,
        sides: dict[str, _Side],
    ) -> None:
        name = self._name(shard, member)
        if PurePosixPath(name).name in TABLE_NAMES and member.size <= BYTE_LIMIT:
            if member.isreg() and (file := archive.extractfile(member)) is not None:
                self._tables[name] = file.read().decode("utf-8-sig", "replace")
            return
        if member.isdir() or (is_litter(PurePosixPath(name).name) and not name.endswith(".json")):
            return
        if not member.isreg():
            self.refused.append((name, "is a link or a device in the archive"))
            return
        if name.endswith((".cls", ".json")):
            if member.size <= _SIDE_LIMIT and (file := archive.extractfile(member)) is not None:
                _read_side(sides.setdefault(_key(name), _Side()), name, file.read())
            return
        if name in self._names:
            self.refused.append((name, "has the same name as another member of the tar"))
            return
        self._names.add(name)
        self.files.append(PictureFile(name, member.size, int(member.mtime)))

    def _name(self, shard: Path, member: tarfile.TarInfo) -> str:
        name = clean_name(member.name).removeprefix("./")
        return f"{shard.stem}/{name}" if len(self._shards) > 1 else name

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes, in the order of the archive."""
        waiting = {picture.name: picture for picture in files}
        for shard in self._shards:
            try:
                with tarfile.open(shard) as archive:
                    for member in archive:
                        picture = waiting.get(self._name(shard, member))
                        if picture is not None and member.isreg():
                            file = archive.extractfile(member)
                            data = file.read(BYTE_LIMIT + 1) if file is not None else b""
                            del waiting[picture.name]
                            yield replace(picture, data=data)
            except _PROBLEMS:
                continue
        self.refused += [(name, "cannot be taken out of the tar") for name in waiting]


def _unnumbered(shard: Path) -> str:
    """``photos-`` for ``photos-00017.tar``."""
    return shard.stem.rstrip("0123456789")


def _key(name: str) -> str:
    """The part of a webdataset name that belongs together: up to the first dot of the file."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{file.partition('.')[0]}"


def _read_side(side: _Side, name: str, data: bytes) -> None:
    text = data.decode("utf-8", "replace").strip()
    if name.endswith(".cls"):
        side.class_name = text
        return
    try:
        told = json.loads(text)
    except ValueError:
        return
    if isinstance(told, dict):
        side.attributes |= flat(told)


def _labeled(picture: PictureFile, side: _Side | None) -> PictureFile:
    if side is None:
        return picture
    named = next((side.attributes[one] for one in CLASS_COLUMNS if one in side.attributes), "")
    names = tuple(side.attributes)
    values = tuple(side.attributes.values())
    return replace(picture, class_name=side.class_name or named, names=names, values=values)
