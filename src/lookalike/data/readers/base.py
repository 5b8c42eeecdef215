"""What every reader gives: a list of files that may be pictures, whose bytes come when asked for.

Nothing is ever unpacked to disk, so the names inside an archive are labels and never places.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.data.readers.encodings import guess_encoding
from lookalike.errors import DataError
from lookalike.progress import Tell, silent

BYTE_LIMIT = 256 << 20
"""The most bytes that one file may have."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One file that may be a picture. ``stamp`` tells whether it changed since last time.

    ``place`` is where it lies under ``root``, when that differs from ``name``; ``data`` are its
    bytes, once they are loaded. ``part`` is the part of the set that the source puts it in (train,
    test …), ``names`` and ``values`` are its attributes.
    """

    name: str
    size: int
    stamp: int
    root: Path | None = None
    place: str = ""
    data: bytes | None = field(default=None, repr=False)
    class_name: str = ""
    part: str = ""
    names: tuple[str, ...] = field(default=(), repr=False)
    values: tuple[str, ...] = field(default=(), repr=False)

    @property
    def weight(self) -> int:
        """How many bytes travel with the file."""
        return len(self.data or b"")

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes by name; class and part aside."""
        return dict(zip(self.names, self.values, strict=True))

    def key(self) -> tuple[str, list[int]]:
        """What it is called, and what tells whether it is still the same."""
        return self.name, [self.size, self.stamp]

    def read(self) -> bytes:
        """The bytes of the file.

        Raises:
            DataError: it cannot be read; the message is the reason alone.
        """
        if self.data is not None:
            return self.data
        assert self.root is not None
        if self.size > BYTE_LIMIT:
            raise DataError(too_large(self.size))
        try:
            with (self.root / (self.place or self.name)).open("rb") as file:
                # No more than it has: reading sets memory aside for what is asked.
                return file.read(min(self.size, BYTE_LIMIT) + 1)
        except OSError as problem:
            raise DataError(f"cannot be opened ({problem.strerror or problem})") from problem


class PictureSource(ABC):
    """The files of one place, and those that were ``refused``, as (name, reason).

    ``found`` are sentences about what was read as what; ``unmatched`` is the message about a table
    that looks like labels and names no picture, or "".
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[PictureFile] = []
        self.refused: list[tuple[str, str]] = []
        self.found: list[str] = []
        self.beside: frozenset[str] = frozenset()
        self.unmatched = ""

    by_shard = False
    """Whether the files come in shards that are fetched one after another."""

    @property
    def unread(self) -> bool:
        """Whether more has to be fetched before the list is complete."""
        return False

    def complete(self, tell: Tell = silent) -> None:
        """Fetch what it takes to have the whole list, with labels."""
        assert not self.unread

    def division(self, file: PictureFile) -> str:
        """What decides the part of divided work to which a file belongs."""
        return file.name

    def batches(self, owns: Callable[[str], bool]) -> Iterator[list[PictureFile]]:
        """The files whose division a part ``owns``, in the order in which they are best read."""
        yield [file for file in self.files if owns(self.division(file))]

    def handy(self, files: Sequence[PictureFile]) -> list[PictureFile]:
        """Those of some files that can be had without fetching a whole archive for them."""
        return list(files)

    def expected(self, count: int) -> int:
        """How many files the batches will have, with so many in those that came."""
        return count

    @abstractmethod
    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The same files, ready to be sent to a worker; one that cannot be had is refused."""


def shared_root(names: Sequence[str]) -> str:
    """``photos/`` when everything lies in that one folder (a zipped folder), else ""."""
    firsts = {name.partition("/")[0] for name in names}
    return f"{firsts.pop()}/" if len(firsts) == 1 and all("/" in name for name in names) else ""


def too_large(size: int) -> str:
    """Why a file of so many bytes is refused."""
    return f"has {size >> 20} MB, the limit is {BYTE_LIMIT >> 20} MB"


def clean_name(name: str) -> str:
    """A name that can be written anywhere, with slashes; bytes that are no UTF-8 are guessed."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape" if _escaped(name) else "replace")
        name = raw.decode(guess_encoding([raw]), "replace")
    return name.replace("\\", "/")


def _escaped(name: str) -> bool:
    """Whether all surrogates in a name stand for bytes, as the system gives them."""
    return all(not 0xD800 <= ord(one) <= 0xDFFF or 0xDC80 <= ord(one) <= 0xDCFF for one in name)
