"""Tar files, plain or as webdataset shards: members read in order, never unpacked to disk."""

from __future__ import annotations

import os
import tarfile
import zlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath

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
from lookalike.progress import Tell, silent

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
"""How gzip, bzip2 and xz begin."""

_PROBLEMS = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError)


@dataclass(frozen=True, slots=True)
class TarMember:
    """One entry of a tar: a ``file``, a ``folder``, or something else (a link, a device).

    ``text`` are the bytes of a table or a note. ``place`` is where the bytes of a file begin in the
    tar, None where they are not found there as they are.
    """

    name: str
    size: int
    modified: int
    kind: str
    place: int | None = None
    text: bytes | None = field(default=None, repr=False)


class Shards(ABC):
    """The tars of one set: what is in each, and each as a file of this disk, by number.

    ``names`` are their paths below the place of the set. ``apart`` says that each has to be fetched
    first, so that they are read one after another, and pictures belong to the part of their shard.
    """

    apart = False

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._expected: tuple[int, ...] = ()

    @abstractmethod
    def members(self, number: int) -> Iterator[TarMember]:
        """The entries of one tar; one that is damaged ends with an error of ``tarfile``'s."""

    @abstractmethod
    def opened(self, number: int) -> Path:
        """One tar as a file, which stays there until another one is asked for."""

    @abstractmethod
    def let_go(self) -> None:
        """Be told that the tar that was opened last is done with."""

    def known(self, number: int) -> bool:
        """Whether the entries of a tar are known without fetching it."""
        return True

    def expect(self, numbers: Sequence[int]) -> None:
        """Be told which tars will be opened, in order: the next one may be fetched ahead."""
        self._expected = tuple(numbers)

    def pieces(self, number: int, members: Sequence[TarMember]) -> list[bytes] | None:
        """The bytes of a few files of a tar; None where the whole has to be opened for them."""
        return None

    def here(self, number: int) -> bool:
        """Whether a tar can be opened without fetching it."""
        return True

    def few(self, number: int, sizes: Sequence[int]) -> bool:
        """Whether files of so many bytes each are worth asking for as pieces."""
        return False


class LocalShards(Shards):
    """Tars that lie on this disk."""

    def __init__(self, folder: Path, paths: Sequence[Path]) -> None:
        super().__init__([clean_name(os.path.relpath(path, folder)) for path in paths])
        self._paths = tuple(paths)

    def members(self, number: int) -> Iterator[TarMember]:
        """The entries as they are read."""
        return members_of(self._paths[number])

    def opened(self, number: int) -> Path:
        """It is a file."""
        return self._paths[number]

    def let_go(self) -> None:
        """It stays where it is."""


class TarSource(PictureSource):
    """The members of one tar (also compressed), or of several that are shards of one set.

    ``beside`` are text files that lie beside the shards and say something of what is in them, and
    ``remarks`` are sentences about the shards. Where no shard has to be fetched to know what is in
    it, the list is complete at once.
    """

    def __init__(
        self,
        path: Path,
        shards: Shards | None = None,
        beside: Texts | None = None,
        remarks: Iterable[str] = (),
    ) -> None:
        super().__init__(path)
        self._shards = shards or LocalShards(path, [path])
        self._stems = [_stem(name) for name in self._shards.names]
        self._several_kinds = len(set(map(_unnumbered, self._stems))) > 1
        self._numbers: dict[str, int] = {}
        self._spans: dict[int, slice] = {}
        self._own = len(self._stems)
        self._labeled = False
        self._remarks = tuple(remarks)
        self._hidden: list[str] = []
        self._texts: dict[str, Callable[[], bytes]] = dict(beside or {})
        self.by_shard = self._shards.apart and len(self._stems) > 1
        if not self.unread:
            self.complete()

    @property
    def unread(self) -> bool:
        """Whether a shard has to be fetched before the list is complete."""
        numbers = range(len(self._stems))
        return not all(n in self._spans or self._shards.known(n) for n in numbers)

    def complete(self, tell: Tell = silent) -> None:
        """Look into every shard, and label the files."""
        if self._labeled:
            return
        count = len(self._stems)
        self._shards.expect([n for n in range(count) if not self._shards.known(n)])
        for number in range(count):
            fetched = not (number in self._spans or self._shards.known(number))
            self._look_into(number)
            if fetched:
                tell("looking into shards", number + 1, count)
        self._shards.let_go()
        put_labels(self, self._texts, [self._arranged(file.name) for file in self.files])
        self.found += [*passed_over(self._hidden), *self._remarks]
        self._labeled = True

    def division(self, file: PictureFile) -> str:
        """The path of its shard, without the suffix, where shards are fetched; else its name."""
        return self._stems[self._numbers[file.name]] if self.by_shard else file.name

    def batches(self, owns: Callable[[str], bool]) -> Iterator[list[PictureFile]]:
        """The files that a part owns; shard by shard where these are fetched.

        Nothing but these shards is looked into. Unless the list is complete, files have no labels.
        """
        if not self.by_shard:
            yield from super().batches(owns)
            return
        own = [number for number, stem in enumerate(self._stems) if owns(stem)]
        self._own = len(own)
        self._shards.expect([n for n in own if not self._shards.known(n)] or own)
        for number in own:
            self._look_into(number)
            yield self.files[self._spans[number]]
        self._shards.let_go()

    def expected(self, count: int) -> int:
        """How many files there will be; the shards to come are taken to be like those known."""
        return count * self._own // max(1, min(self._own, len(self._spans)))

    def _look_into(self, number: int) -> None:
        """Add the files of one shard to the list; what comes before damage is kept."""
        if number in self._spans:
            return
        start, members = len(self.files), self._shards.members(number)
        try:
            for member in members:
                self._index(number, member)
        except _PROBLEMS as problem:
            self._broken(number, problem)
        self._spans[number] = slice(start, len(self.files))

    def _broken(self, number: int, problem: Exception) -> None:
        """Note the damage; a tar with nothing in it is an error."""
        why = str(problem).partition("\n")[0].rstrip(":")  # tarfile tells of every kind it tried
        if len(self._stems) == 1 and not self.files:
            raise NoImagesError(
                f"{self._shards.opened(number)} cannot be read as a tar ({why}). "
                "Name a folder of pictures, or download the archive again."
            ) from problem
        base = self._shards.names[number].rpartition("/")[2]
        self.refused.append((base, f"ends in the middle ({why}); the rest is lost"))

    def _index(self, number: int, member: TarMember) -> None:
        if member.kind == "folder":
            return
        name = self._name(number, member.name)
        if any(map(is_system, name.strip("/.").split("/"))):
            self._hidden.append(name)
        elif member.kind != "file":
            self.refused.append((name, "is a link or a device in the archive"))
        elif member.size > BYTE_LIMIT:
            self.refused.append((name, too_large(member.size)))
        elif name in self._numbers or name in self._texts:
            self.refused.append((name, "has the same name as another member of the tar"))
        elif member.text is not None:
            self._texts[name] = partial(bytes, member.text)
        else:
            self._numbers[name] = number
            self.files.append(PictureFile(name, member.size, member.modified))

    def _name(self, number: int, written: str) -> str:
        name = clean_name(written).removeprefix("./")
        return f"{self._stems[number]}/{name}" if len(self._stems) > 1 else name

    def _arranged(self, name: str) -> str:
        """The name as folders tell classes: numbered shards of one kind are none."""
        if len(self._stems) == 1:
            return name
        stem = self._stems[self._numbers[name]]
        inside, kind = name.removeprefix(f"{stem}/"), _unnumbered(stem)
        return f"{kind}/{inside}" if self._several_kinds and kind else inside

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes, in the order of the archive."""
        waiting: dict[int, dict[str, PictureFile]] = defaultdict(dict)
        for file in files:
            waiting[self._numbers[file.name]][file.name] = file
        whole = [n for n in sorted(waiting) if not self._few(n, waiting[n])]
        if len(whole) > 1:
            self._shards.expect(whole)
        for number, own in sorted(waiting.items()):
            if self._few(number, own):
                yield from self._pieces(number, own)
            if own:
                yield from self._read(number, own)
        self._shards.let_go()
        left = [file.name for file in files if file.name in waiting[self._numbers[file.name]]]
        self.refused += [(name, "cannot be taken out of the tar") for name in left]

    def handy(self, files: Sequence[PictureFile]) -> list[PictureFile]:
        """Those of a shard that is here, or of which single files can be had."""
        numbers = [self._numbers[file.name] for file in files]
        return [
            file
            for number, file in zip(numbers, files, strict=True)
            if self._shards.here(number) or self._shards.few(number, [file.size])
        ]

    def _few(self, number: int, own: Mapping[str, PictureFile]) -> bool:
        return self._shards.few(number, [file.size for file in own.values()])

    def _pieces(self, number: int, own: dict[str, PictureFile]) -> Iterator[PictureFile]:
        """Files of a shard that is not opened for them, taken out of ``own``."""
        members: dict[str, TarMember] = {}
        with suppress(*_PROBLEMS):
            for member in self._shards.members(number):
                name = self._name(number, member.name)
                if name in own and member.kind == "file":
                    members.setdefault(name, member)
        pieces = self._shards.pieces(number, list(members.values()))
        for name, data in zip(members, pieces or (), strict=False):
            yield replace(own.pop(name), data=data)

    def _read(self, number: int, own: dict[str, PictureFile]) -> Iterator[PictureFile]:
        """Files of a shard in its order, taken out of ``own``."""
        tar = self._shards.opened(number)
        with suppress(*_PROBLEMS), tarfile.open(tar) as archive:
            for entry in archive:
                file = own.get(self._name(number, entry.name))
                if file is not None and entry.isreg():
                    data = _bytes(archive, entry)
                    del own[file.name]
                    yield replace(file, data=data)


def members_of(tar: Path) -> Iterator[TarMember]:
    """The entries of a tar, one after the other.

    Raises:
        tarfile.TarError, OSError, EOFError, zlib.error, ValueError: it is damaged from here on.
    """
    plain = not _packed(tar)
    with tarfile.open(tar) as archive:
        for entry in archive:
            yield _as_member(archive, entry, plain=plain)
    if ends_early(tar):
        raise EOFError("no end of the archive")


def read_members(tar: Path) -> tuple[list[TarMember], str]:
    """All entries of a tar up to its end or to where it is damaged, and what the damage is."""
    found: list[TarMember] = []
    try:
        found.extend(members_of(tar))
    except _PROBLEMS as problem:
        return found, str(problem) or "no end of the archive"
    return found, ""


def _as_member(archive: tarfile.TarFile, entry: tarfile.TarInfo, *, plain: bool) -> TarMember:
    kind = "folder" if entry.isdir() else "file" if entry.isreg() else ""
    base = clean_name(entry.name).rpartition("/")[2]
    text = None
    if kind == "file" and entry.size <= BYTE_LIMIT and is_text(base):
        table = base.lower().endswith(TABLE_SUFFIXES)
        text = _bytes(archive, entry) if table or entry.size <= SIDE_LIMIT else b""
    place = entry.offset_data if plain and not entry.issparse() else None
    return TarMember(entry.name, entry.size, int(entry.mtime), kind, place, text)


def _bytes(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    return file.read(BYTE_LIMIT + 1) if file is not None else b""


def ends_early(tar: Path) -> bool:
    """Whether a plain tar lacks its last blocks of zeros: it is cut off.

    ``tarfile`` takes a cut between two members, or in a header, for the end. A cut in a compressed
    tar shows by itself.
    """
    with tar.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1024))
        return not _packed(tar) and (size % 512 != 0 or any(file.read()))


def _packed(tar: Path) -> bool:
    with tar.open("rb") as file:
        return file.read(6).startswith(_COMPRESSED)


def _stem(name: str) -> str:
    """The path of a shard below its source, without the suffixes of tars."""
    suffix = next((s for s in TAR_SUFFIXES if name.lower().endswith(s)), PurePath(name).suffix)
    return name[: len(name) - len(suffix)]


def _unnumbered(stem: str) -> str:
    """``photos`` for ``photos-00017``, ``train`` for ``train/00017``."""
    return stem.rstrip("0123456789").rstrip("-_. /")
