"""The files that a pack's pictures were made from, where they still lie as they did."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from lookalike.data.pack.pack import Pack, Row
from lookalike.errors import DataError


class Originals:
    """Finds the file of a picture by its line of the manifest."""

    def __init__(self, pack: Pack) -> None:
        self.root = Path(str(pack.info.get("plan", {}).get("source", "")))
        self._pack = pack.name

    def of(self, row: Row) -> Path:
        """The file, after comparing its bytes with those that were read when the pack was made.

        Raises:
            DataError: it is gone or another, or the picture was never a file of its own.
        """
        name = str(row.get("source", ""))
        file = self.root / name
        if not self.root.is_dir() or "frame" in row or not row.get("sha256"):
            raise DataError(self._none(f"{name or 'a picture'} was no file of its own in a folder"))
        try:
            same = hashlib.sha256(file.read_bytes()).hexdigest() == row["sha256"]
        except OSError:
            raise DataError(self._none(f"{file} is not there any more")) from None
        if not same:
            raise DataError(self._none(f"{file} has changed since the pack was made"))
        return file

    def all(self, rows: Iterable[Row]) -> None:
        """Ask for every one of them, so that a missing one is known before any work.

        Raises:
            DataError: as :meth:`of`, or several pictures came from one file.
        """
        seen: set[Path] = set()
        for row in rows:
            file = self.of(row)
            if file in seen:
                raise DataError(self._none(f"{file} gave several pictures"))
            seen.add(file)

    def _none(self, why: str) -> str:
        return (
            f"the original files of {self._pack} cannot be linked or copied: {why}. Leave --real "
            "out: the real pictures are then written from the pack, at its size."
        )
