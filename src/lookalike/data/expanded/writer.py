"""Writing real and synthetic pictures together so that nobody can mistake one for the other.

A synthetic picture says what it is in its file's name, in its PNG text and in the manifest. Only
real pictures are ever held out. Everything is written beside its place and renamed when whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self, TextIO

import numpy as np

from lookalike import images
from lookalike.data.pack.atomic_folder import folder_names, into_place, staging
from lookalike.data.pack.pack import Pack, Row, Split
from lookalike.data.pack.writer import ChangedCopies, PackWriter
from lookalike.errors import DataError
from lookalike.images import Pixels


class Originals:
    """Finds the files that a pack's pictures were made from, where they lie as they did."""

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


class EnlargedFolder:
    """An ImageFolder: ``train/CLASS/real-….png``, ``train/CLASS/synthetic-….png``, ``holdout/…``.

    ``manifest.jsonl`` has one line a file. With ``originals`` the real ones are those files
    themselves, linked or (``copied``) copied, whatever their size.
    """

    def __init__(
        self, to: Path, originals: Originals | None = None, *, copied: bool = False
    ) -> None:
        self.to, self.originals, self.copied = to, originals, copied
        self._staging = ExitStack()
        self._part = Path()
        self._counts: dict[str, int] = {}
        self._folders: dict[str, str] = {}
        self._lines: TextIO

    def __enter__(self) -> Self:
        self._part = self._staging.enter_context(staging(self.to))
        self._lines = (self._part / "manifest.jsonl").open("w", encoding="utf-8")
        return self

    def __exit__(self, *problem: object) -> None:
        with suppress(OSError):  # a full disk refuses again; what it holds is thrown away
            self._lines.close()
        self._staging.close()

    def real(self, picture: Pixels, row: Row, split: str, group: str) -> None:
        """Add a real picture, uint8 ``[S, S, C]``, with its line of the pack's manifest.

        ``SPLIT/CLASS/real-NUMBER.png``, or the original file with its own suffix.
        """
        told = {k: v for k, v in row.items() if k not in {"split", "class"}}
        if self.originals is None:
            images.write_png(self._next("real", split, group, told), picture)
            return
        file = self.originals.of(row)
        place = self._next("real", split, group, told, file.suffix.lower())
        if self.copied:
            shutil.copyfile(file, place)
        else:
            place.symlink_to(file.resolve())

    def synthetic(self, picture: Pixels, row: Row, group: str, text: Mapping[str, str]) -> None:
        """Add one to the training side, ``train/CLASS/synthetic-NUMBER.png``, text in its PNG."""
        images.write_png(self._next("synthetic", "train", group, row), picture, text)

    def finish(self, files: Mapping[str, bytes]) -> None:
        """Write the files and rename the folder."""
        for name, data in files.items():
            (self._part / name).write_bytes(data)
        self._lines.close()
        into_place(self._part, self.to)

    def _next(self, kind: str, split: str, group: str, row: Row, suffix: str = ".png") -> Path:
        """The place of the next file of this kind, after its line of the manifest."""
        number = self._counts[kind] = self._counts.get(kind, -1) + 1
        if group and group not in self._folders:
            self._folders = folder_names([*self._folders, group])
        place = Path(split, self._folders[group]) if group else Path(split)
        (self._part / place).mkdir(parents=True, exist_ok=True)
        file = place / f"{kind}-{number:06d}{suffix}"
        line = {"file": file.as_posix(), "split": split, "synthetic": kind == "synthetic"}
        line |= {"class": group} if group else {}
        self._lines.write(json.dumps({**line, **row}, ensure_ascii=False) + "\n")
        return self._part / file


class EnlargedPack:
    """A pack whose manifest marks every line as synthetic or not."""

    def __init__(self, to: Path, pack: Pack, attribute: str | None = None) -> None:
        self.to, self.pack, self.attribute = to, pack, attribute
        self._held: list[bool] = []
        self._copies = ChangedCopies()
        self._writer = PackWriter(to, size=pack.size, channels=pack.channels)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        self._writer.__exit__(*problem)

    def real(self, picture: Pixels, row: Row, split: str, group: str) -> None:
        """A line of the old manifest, marked as real."""
        told = self._copies.placed(row, len(self._held)) or row
        told = {k: v for k, v in told.items() if k != "split"}
        self._writer.append(picture, {**told, "synthetic": False}, counts="augment" not in told)
        self._held.append(split == "holdout")

    def synthetic(self, picture: Pixels, row: Row, group: str, text: Mapping[str, str]) -> None:
        """A line with its class or attribute, its seed, index and scores."""
        told: Row = {"source": f"synthetic/{len(self._held):06d}.png", "synthetic": True, **row}
        if group and self.attribute:
            told["attributes"] = {self.attribute: group}
        elif group:
            told["class"] = group
        self._writer.append(picture, told)
        self._held.append(False)

    def finish(self, files: Mapping[str, bytes]) -> None:
        """Write the pack, then the files into it."""
        info = {key: self.pack.info[key] for key in ("licence",) if self.pack.info.get(key)}
        self._writer.finish(holdout=np.array(self._held, np.bool_), info=info)
        for name, data in files.items():
            (self.to / name).write_bytes(data)


Enlarged = EnlargedFolder | EnlargedPack
"""A set that is being written: first its real pictures, then synthetic ones, then the card.

Use as a context manager. When the block is left without ``finish`` nothing remains.
"""


def copy_real(split: Split, into: Enlarged, groups: list[str]) -> None:
    """Write every picture of a split of a pack; ``groups`` names the class of each."""
    for group, (picture, row) in zip(groups, split.each(), strict=True):
        into.real(picture, row, split.name, group)


def as_json(value: Any) -> bytes:
    """Indented JSON with a last newline."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
