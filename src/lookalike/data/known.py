"""What an earlier run of prepare already knows, so that a grown source costs its new files only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.data.intake import Facts, Refused, Taken, marks_of
from lookalike.data.items import Item
from lookalike.data.pack import Pack, Row

Key = tuple[str, int, int]


@dataclass(frozen=True)
class Old:
    """A picture in an earlier pack, looked up when it is needed."""

    pack: Pack
    index: int

    def take(self) -> Taken:
        """The picture as if it had been read again."""
        pixels = self.pack.shards.take(np.array([self.index]))[0]
        return Taken(pixels, Facts.of(self.pack.manifest_line(self.index)), marks_of(pixels))


@dataclass(frozen=True)
class Copy:
    """A file that was an exact copy of another one, which is still there."""

    row: Row


class Known:
    """Looks files up by name, size and time in an earlier pack."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._rows: dict[Key, int] = {}
        self._refused: dict[Key, Row] = {}
        for index, row in enumerate(pack.manifest()):
            self._rows[_key(row)] = index
        for row in pack.refused():
            if "stamp" in row and "left_out" not in row:
                self._refused[_key(row)] = row

    def find(self, item: Item, kept: Collection[str]) -> Old | Copy | Refused | None:
        """What is known of one item; a copy counts only while its original is ``kept``."""
        key = _key_of(item)
        if key in self._rows:
            return Old(self._pack, self._rows[key])
        row = self._refused.get(key)
        if row is None:
            return None
        if "copy_of" in row:
            return Copy(row) if row["copy_of"] in kept else None
        return Refused(row["reason"])

    def has(self, item: Item) -> bool:
        """Whether the earlier pack holds this very picture."""
        return _key_of(item) in self._rows


def remember(
    items: Sequence[Item], known: Known | None, leave_out: Mapping[str, str]
) -> list[Old | Copy | Refused | None]:
    """What need not be read again, and what shall not be read at all; None for the rest."""
    kept = {
        item.name
        for item in items
        if known is not None and known.has(item) and item.name not in leave_out
    }
    return [
        Refused(leave_out[item.name], chosen=True)
        if item.name in leave_out
        else (known.find(item, kept) if known is not None else None)
        for item in items
    ]


def _key_of(item: Item) -> Key:
    return item.name, item.size, item.stamp


def _key(row: Row) -> Key:
    return row["source"], row["bytes"], row["stamp"]
