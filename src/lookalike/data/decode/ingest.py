"""What a run of prepare has kept and left out so far: some sixty bytes a picture, and its name."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.augment.transforms import original_of
from lookalike.data.decode.color_modes import BROKEN_PROFILE_NOTE, PROFILE_NOTE
from lookalike.data.decode.decode import TORN_NOTE
from lookalike.data.decode.previous_pack import Answer, PreviousPack, ReusedPicture
from lookalike.data.decode.worker import Accepted, Refused
from lookalike.data.pack.pack import Row
from lookalike.data.readers.base import PictureFile
from lookalike.data.readers.layout import counted, listed, short
from lookalike.data.similarity.near_duplicates import Groups, connected, near_groups
from lookalike.images import Pixels

_SMALL, _SINGLY = 10, 5
"""Classes below this size are named, each in a sentence of its own while they are so few."""

SIZES = (32, 64, 128, 256)
"""The sizes that are advised."""

_SAID = {
    PROFILE_NOTE: "converted to sRGB from an embedded color profile",
    BROKEN_PROFILE_NOTE: "with a broken color profile, which was ignored",
    TORN_NOTE: "without their last bytes, read nevertheless",
}
"""Notes on single pictures that are counted for the person, and how."""


class DigestTable:
    """Numbers of 63 bits in the order in which they came, each once; 24 to 32 bytes for each."""

    def __init__(self) -> None:
        self._digests = array("q")
        self._slots = array("q", [-1]) * 1024

    def __len__(self) -> int:
        return len(self._digests)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.int64]:
        return np.array(self._digests, np.int64)

    def place(self, digest: int) -> int:
        """Where this one stands; the end, where it is added, if it is new."""
        slot = self._slot(digest)
        if self._slots[slot] < 0:
            self._slots[slot] = len(self._digests)
            self._digests.append(digest)
            if 2 * len(self._digests) > len(self._slots):
                self._grow()
            return len(self._digests) - 1
        return self._slots[slot]

    def _slot(self, digest: int) -> int:
        mask = len(self._slots) - 1
        slot = digest & mask
        while (there := self._slots[slot]) >= 0 and self._digests[there] != digest:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        self._slots = array("q", [-1]) * (2 * len(self._slots))
        for place, digest in enumerate(self._digests):
            self._slots[self._slot(digest)] = place


@dataclass
class IngestLog:
    """The pictures that go into the pack, by number, and the files that do not.

    ``twins`` are exact copies, each with the name of the picture that was kept in its place.
    """

    refused: list[Row] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    values: list[tuple[str, ...]] = field(default_factory=list)
    frames: array[int] = field(default_factory=lambda: array("q"))
    digests: DigestTable = field(default_factory=DigestTable)
    copies: int = 0
    enlarged: int = 0
    noted: dict[str, list[str]] = field(default_factory=dict)
    twins: list[tuple[PictureFile, str]] = field(default_factory=list)
    _hashes: array[int] = field(default_factory=lambda: array("Q"))
    _copied: list[tuple[str, int]] = field(default_factory=list)

    def accept(self, file: PictureFile, answer: Answer | Accepted) -> Accepted | None:
        """The picture if it goes into the pack; otherwise it is noted among the refused."""
        row: Row = {"source": file.name, "bytes": file.size, "stamp": file.stamp}
        if isinstance(answer, Refused):
            marks = {"left_out": answer.chosen, "again": answer.again}
            said = {mark: True for mark, holds in marks.items() if holds}
            self.refused.append({**row, **_frame(answer), "reason": answer.reason, **said})
            return None
        if isinstance(answer, ReusedPicture):
            self.copies += 1
            self.twins.append((file, str(answer.row["copy_of"])))
            self.refused.append({**answer.row, "class": file.class_name or None})
            return None
        accepted = answer.take() if isinstance(answer, PreviousPack) else answer
        number = len(self.names)
        first = self.digests.place(accepted.marks.digest)
        if first < number:
            self._copy(file, {**row, **_frame(accepted)}, first)
            return None
        self.names.append(file.name)
        self.classes.append(file.class_name)
        self.values.append(file.values)
        self.frames.append(accepted.frame or 0)
        self._hashes.extend((accepted.marks.hash, accepted.marks.mirrored))
        self.enlarged += any(note.startswith("enlarged") for note in accepted.facts.notes)
        for note in accepted.facts.notes:
            if note in _SAID:
                self.noted.setdefault(note, []).append(file.name)
        return accepted

    def _copy(self, file: PictureFile, row: Row, first: int) -> None:
        self.copies += 1
        same = self.names[first]
        self.twins.append((file, same))
        self._copied.append((file.name, first))
        words = f"is an exact copy of {same}"
        if same == file.name:
            words = "is an exact copy of an earlier frame"
        about = {"copy_of": same, "class": file.class_name or None}
        self.refused.append({**row, "reason": words, **about})

    def addresses(self) -> Iterator[tuple[str, int]]:
        """Every picture by its file and frame."""
        return zip(self.names, self.frames, strict=True)

    def _ties(self) -> NDArray[np.int64]:
        """Frames of one file, and pictures made of one another, which stay together; ``[M, 2]``."""
        names = self.names
        shared = {original_of(name) for name in names if "__" in name}
        shared |= {original_of(name) for name, _ in self._copied}
        values, counts = np.unique(
            np.fromiter(map(hash, names), np.int64, len(names)), return_counts=True
        )
        twice = set(values[counts > 1].tolist())
        shared |= {original_of(name) for name in names if hash(name) in twice}
        ties, firsts = [], dict[str, int]()
        for name, number in chain(zip(names, count(), strict=False), self._copied):
            origin = original_of(name) if shared else name
            if origin in shared and (first := firsts.setdefault(origin, number)) != number:
                ties.append((first, number))
        return np.array(ties, np.int64).reshape(-1, 2)

    def adopted(self) -> dict[int, Row]:
        """What pictures without labels take over from an exact copy that has some, by number."""
        found: dict[int, Row] = {}
        for file, number in self._numbered_twins():
            row = found.setdefault(number, {})
            if file.class_name and not self.classes[number]:
                self.classes[number] = row["class"] = file.class_name
            if any(file.values) and not any(self.values[number]):
                self.values[number], row["attributes"] = file.values, file.attributes
        return {number: row for number, row in found.items() if row}

    def _numbered_twins(self) -> Iterator[tuple[PictureFile, int]]:
        """The exact copies, each with the number of the picture that was kept."""
        wanted = {kept for _, kept in self.twins}
        numbers: dict[str, int] = {}
        for number, name in enumerate(self.names):
            if name in wanted:
                numbers.setdefault(name, number)
        return ((file, numbers[kept]) for file, kept in self.twins if kept in numbers)

    def _differing_twins(self) -> Iterator[str]:
        """Sentences about exact copies whose labels contradict one another."""
        classes, values = [], []
        for file, number in self._numbered_twins():
            if file.class_name not in ("", self.classes[number]):
                classes.append(
                    f"{self.names[number]} in {self.classes[number]}, {file.name} in "
                    f"{file.class_name}"
                )
            elif any(file.values) and file.values != self.values[number]:
                values.append(f"{self.names[number]} and {file.name}")
        for pairs, what in ((classes, "in two classes"), (values, "with different attributes")):
            if pairs:
                yield (
                    f"{counted(len(pairs), 'exact copy', 'exact copies')} {what}: what was said of "
                    f"the first was kept ({listed(pairs, 3, '; ')})."
                )

    def groups(self, thumbs: Pixels) -> tuple[Groups, int]:
        """Who stays on one side: the smallest member of each group, int64 ``[N]``.

        ``thumbs`` is uint8 ``[N, 16, 16, C]``. The number counts the groups of pictures that look
        the same, frames of one file aside.
        """
        hashes = np.frombuffer(self._hashes, np.uint64).reshape(-1, 2)
        near = near_groups(hashes[:, 0], hashes[:, 1], thumbs)
        alike = int((np.bincount(near) > 1).sum())
        ties = self._ties()
        if not len(ties):
            return near, alike
        own = np.stack([np.arange(len(near)), near], 1)
        return connected(len(near), np.concatenate([own, ties])), alike

    def found(self, beside: Collection[str], classes: Collection[str]) -> list[str]:
        """Sentences about what was done with single files.

        ``beside`` lie beside class folders; ``classes`` are those of all files, read or not.
        """
        empty = sorted({*classes} - {*self.classes})
        sentences = [f"No picture of {listed(empty)} could be taken."] if empty else []
        left = [row["source"] for row in self.refused if row["source"] in beside]
        taken = [name for name in self.names if name in beside]
        if left:
            files = counted(len(left), "file")
            sentences.append(f"{files} beside the class folders left out: {listed(left)}.")
        if taken:
            pictures = counted(len(taken), "picture")
            sentences.append(
                f"{pictures} beside the class folders without a class: {listed(taken)}."
            )
        sentences += self._differing_twins()
        if len(set(filter(None, self.classes))) == 1:
            only = next(filter(None, self.classes))
            sentences.append(f"{only} is the only class, so there is nothing to tell apart.")
        for note, words in _SAID.items():
            names = self.noted.get(note, ())
            if names:
                sentences.append(f"{counted(len(names), 'picture')} {words}: {listed(names, 3)}.")
        return sentences

    def warnings(self, size: int, listed: str, held: NDArray[np.bool_], wanted: int) -> list[str]:
        """What a person should know about the pack, in sentences."""
        found = []
        count, unread = len(self.names), len(self.refused) - self.copies
        counts = Counter(self.classes)
        if self.enlarged > count / 5:
            smaller = [str(one) for one in (8, 16, *SIZES) if one < size]
            advice = f" Prepare with --size {smaller[-1]} or less." if smaller else ""
            found.append(
                f"{self.enlarged} of {count} pictures are smaller than {size} px and were "
                f"enlarged, which adds no detail.{advice}"
            )
        if unread > (count + unread) / 5:
            found.append(
                f"{unread} of {count + unread} files could not be used; {listed} says why."
            )
        if held.sum() < wanted / 2:
            lone = sum(number == 1 for name, number in counts.items() if name)
            why = (
                f"{lone} classes have one picture each, which stays to train on. Are they classes?"
                if lone > count / 2
                else "frames of one file and pictures that look the same stay on one side. More "
                "files would help."
            )
            found.append(f"Only {held.sum()} pictures are held out, not {wanted}: {why}")
        small = {name: n for name, n in sorted(counts.items()) if name and n < _SMALL}
        if len(small) > _SINGLY:
            sizes = ", ".join(f"{name} {n}" for name, n in islice(small.items(), _SINGLY))
            found.append(
                f"{len(small)} classes have fewer than {_SMALL} pictures ({sizes} …); aim for 50 "
                "or more."
            )
        else:
            found += [
                f"The class {name} has only {counted(n, 'picture')}; aim for 50 or more."
                for name, n in small.items()
            ]
        return found


def picture_row(file: PictureFile, accepted: Accepted) -> Row:
    """The manifest line of a picture; the writer adds its split."""
    line: Row = {"source": file.name, **_frame(accepted), "bytes": file.size, "stamp": file.stamp}
    line |= asdict(accepted.facts)
    if file.class_name:
        line["class"] = file.class_name
    if file.part:
        line["part"] = file.part
    if file.attributes:
        line["attributes"] = file.attributes
    return line


def examples(refused: Sequence[tuple[str, str]]) -> str:
    """ " (a.jpg is empty; b.jpg is text …)" for messages, or nothing."""
    words = "; ".join(f"{short(name, 120)} {reason}" for name, reason in refused[:3])
    more = f"; and {len(refused) - 3} more" if len(refused) > 3 else ""
    return f" ({words}{more})" if words else ""


def _frame(one: Accepted | Refused) -> Row:
    return {} if one.frame is None else {"frame": one.frame}
