"""Work that is divided: which part of it is done here, and which machines do the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from lookalike.errors import DataError


@dataclass(frozen=True)
class Part:
    """Part ``number`` (from 1) of ``of``, written ``3/8``."""

    number: int
    of: int

    @staticmethod
    def read(text: str) -> Part:
        """The part that a text such as ``3/8`` names.

        Raises:
            DataError: it names none.
        """
        found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise DataError(f"--part takes i/N with i from 1 to N, like 3/8, not {text!r}.")
        return Part(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def owns(self, key: str | int) -> bool:
        """Whether what has this name or number belongs to the part."""
        return part_of(key, self.of) == self.number


def part_of(key: str | int, of: int) -> int:
    """The part, 1 to ``of``, that a thing belongs to: the only place where that is decided.

    Names (paths, addresses) go by their hash, so that nothing depends on how many others there
    are; numbers (blocks of samples, classes) are dealt out in turn.
    """
    if isinstance(key, int):
        return key % of + 1
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % of + 1


@Parameter(name="*", group=Group("Many machines", sort_key=95))
@dataclass(frozen=True, kw_only=True)
class Machines:
    """How work is divided; the default does all of it here.

    ``merged`` are the folders of all parts, when they are put together.
    """

    part: Annotated[str | None, Parameter(metavar="I/N")] = None
    "Do only part I of N (3/8); 'lookalike merge' makes the whole of all N."

    on: Annotated[str, Parameter(metavar="WHERE")] = "local"
    "local; dask: its workers on this machine; dask://HOST:PORT: those of a scheduler."

    parts: int | None = None
    "With --on: into how many parts. Default: four a worker."

    merged: Annotated[tuple[Path, ...], Parameter(parse=False)] = ()

    @property
    def only(self) -> Part | None:
        """The one part that is done here, or None."""
        return None if self.part is None else Part.read(self.part)

    @property
    def elsewhere(self) -> bool:
        """Whether other processes do the work."""
        return self.on != "local"

    def refuse(self, what: str) -> None:
        """Refuse to divide work that cannot be.

        Raises:
            DataError: it is to be divided.
        """
        if self.part is not None or self.elsewhere:
            raise DataError(f"{what} cannot be divided: leave part and on out.")

    def __post_init__(self) -> None:
        if self.part is not None:
            Part.read(self.part)
            if self.elsewhere:
                raise DataError("--part does one part here, --on divides it. Give one of them.")
        if self.on not in ("local", "dask") and not re.fullmatch(r"dask://[^/\s]+:\d+", self.on):
            raise DataError(
                f"--on is {self.on!r}. Choose local, dask, or dask://HOST:PORT (a scheduler)."
            )
        if self.parts is not None and self.parts < 1:
            raise DataError(f"--parts is {self.parts}; there is at least 1.")
