"""What an earlier run of prepare already knows, so that a grown source costs its new files only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.data.decode.decode import PictureFacts
from lookalike.data.decode.worker import Accepted, Refused, digest_of, marks_of
from lookalike.data.pack.pack import Pack, Row, Split
from lookalike.data.readers.base import PictureFile

Key = tuple[str, int, int]


@dataclass(frozen=True)
class PreviousPack:
    """A picture in an earlier pack, looked up when it is needed."""

    pack: Pack
    index: int

    def take(self) -> Accepted:
        """The picture as if it had been read again."""
        pixels = self.pack.shards.take(np.array([self.index]))[0]
        row = self.pack.manifest_line(self.index)
        return Accepted(pixels, PictureFacts.from_row(row), marks_of(pixels), row.get("frame"))


@dataclass(frozen=True)
class ReusedPicture:
    """A file that was an exact copy of another one, which is still there."""

    row: Row


Answer = PreviousPack | ReusedPicture | Refused


def sides_of(pack: Pack) -> dict[tuple[str, int], str]:
    """The split of every picture of a pack by its file and frame."""
    return {
        (row["source"], _frame(row)): row["split"]
        for row in pack.manifest()
        if "augment" not in row
    }


def identities(digest: int, sha256: object = None) -> tuple[int, ...]:
    """What a picture is known by in any pack: 63 bits of its pixels and, where known, of its file.

    So the same picture is found under another name, and a file that was cut in another way, too.
    """
    return (digest,) if sha256 is None else (digest, digest_of(str(sha256).encode()))


def identities_in(split: Split) -> Iterator[tuple[int, ...]]:
    """The identities of every picture of one side of a pack, changed copies among them."""
    for pixels, row in split.each():
        yield identities(digest_of(pixels.tobytes()), row.get("sha256"))


def known_sides(pack: Pack) -> dict[int, str]:
    """The side of every picture of a pack by its identities; one on both sides was trained on."""
    splits = (pack.holdout, pack.train)
    return {key: split.name for split in splits for keys in identities_in(split) for key in keys}


def passes(row: Row) -> bool:
    """Whether a file was refused for a reason that may be gone (rights), so that it is read again.

    Packs of version 0.1 have the reason alone.
    """
    return bool(row.get("again")) or str(row.get("reason")).startswith("cannot be opened")


class Reused:
    """Looks files up by name, size and time in an earlier pack."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._rows: dict[Key, list[tuple[int, int]]] = {}
        self._refused: dict[Key, list[Row]] = {}
        for index, row in enumerate(pack.manifest()):
            if "augment" not in row:
                self._rows.setdefault(_key(row), []).append((_frame(row), index))
        for row in pack.refused():
            if "stamp" in row and "left_out" not in row and not passes(row):
                self._refused.setdefault(_key(row), []).append(row)

    def find(self, file: PictureFile, kept: Collection[str]) -> tuple[Answer, ...] | None:
        """What is known of one file, frame by frame; a copy counts while its original is kept."""
        key = _key_of(file)
        answers: list[tuple[int, Answer]] = [
            (frame, PreviousPack(self._pack, index)) for frame, index in self._rows.get(key, ())
        ]
        for row in self._refused.get(key, ()):
            if "copy_of" not in row:
                answers.append((_frame(row), Refused(row["reason"], frame=row.get("frame"))))
            elif row["copy_of"] in kept:
                answers.append((_frame(row), ReusedPicture(row)))
            else:
                return None
        answers.sort(key=lambda answer: answer[0])
        return tuple(answer for _, answer in answers) or None

    def has(self, file: PictureFile) -> bool:
        """Whether the earlier pack holds this very picture."""
        return _key_of(file) in self._rows


def kept_names(
    files: Iterable[PictureFile], known: Reused | None, leave_out: Mapping[str, str]
) -> set[str]:
    """The files whose pictures are those of the earlier pack."""
    return {
        file.name
        for file in files
        if known is not None and known.has(file) and file.name not in leave_out
    }


def remember(
    files: Sequence[PictureFile],
    known: Reused | None,
    leave_out: Mapping[str, str],
    kept: Collection[str],
) -> list[tuple[Answer, ...] | None]:
    """What need not be read again, and what shall not be read at all; None for the rest.

    ``kept`` are the names of :func:`kept_names`, for all files of the source.
    """
    return [
        (Refused(leave_out[file.name], chosen=True),)
        if file.name in leave_out
        else (known.find(file, kept) if known is not None else None)
        for file in files
    ]


def _key_of(file: PictureFile) -> Key:
    return file.name, file.size, file.stamp


def _key(row: Row) -> Key:
    return row["source"], row["bytes"], row["stamp"]


def _frame(row: Row) -> int:
    return int(row.get("frame", 0))
