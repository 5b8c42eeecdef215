"""Which label columns tell the classes of a pack apart, and the class of every picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pack.label_schema import Schema
from lookalike.data.pack.pack import Pack, Split
from lookalike.errors import DataError

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Classes:
    """Names of classes and their columns among ``Pack.columns``; both empty for a pack without."""

    names: tuple[str, ...]
    columns: tuple[int, ...]

    def numbers(self, split: Split) -> Numbers:
        """The class number of every picture of a split, int64 ``[N]``; -1 where it has none."""
        if not self.columns:
            return np.zeros(len(split), np.int64)
        return self.numbers_of(split.labels(np.arange(len(split))))

    def numbers_of(self, labels: NDArray[np.float32]) -> Numbers:
        """The class numbers of rows in the order of ``Pack.columns``, int64 ``[N]``."""
        wide = labels[:, list(self.columns)]
        return np.where(wide.max(axis=1) > 0, wide.argmax(axis=1), -1).astype(np.int64)


def classes_of(pack: Pack, attribute: str | None = None) -> Classes:
    """The pack's classes, or the values of one attribute; none for a pack without classes.

    Raises:
        DataError: there is no attribute of that name with at least two values.
    """
    if attribute is None:
        return Classes(pack.classes, tuple(range(len(pack.classes))))
    parts = _valued(pack)
    columns = tuple(i for i, (name, _) in parts.items() if name == attribute)
    if len(columns) < 2:
        known = attributes_of(pack)
        there = f"Its attributes are {', '.join(known)}." if known else "It has none at all."
        raise DataError(f"{pack.name} has no attribute {attribute!r} with two values. {there}")
    return Classes(tuple(parts[i][1] for i in columns), columns)


def column_groups(pack: Pack) -> tuple[int, ...]:
    """How many label columns belong together, in order: several are a choice of one value."""
    columns = [
        (len(one.columns),) if one.kind == "choice" else (1,) * len(one.columns)
        for one in Schema.from_list(pack.info["attributes"]).attributes
    ]
    classes = (len(pack.classes),) if pack.classes else ()
    return (*classes, *(count for counts in columns for count in counts))


def attributes_of(pack: Pack) -> list[str]:
    """The names of attributes with named values."""
    return sorted({name for name, _ in _valued(pack).values()})


def _valued(pack: Pack) -> dict[int, tuple[str, str]]:
    """Column number -> attribute and value, for the columns that stand for a value."""
    found = {}
    column = len(pack.classes)
    for one in Schema.from_list(pack.info["attributes"]).attributes:
        # Not by the first "=" of the column's name: names of attributes may have one, too.
        for number in range(len(one.columns)):
            if one.kind in ("choice", "tags"):
                found[column] = one.name, one.values[number]
            column += 1
    return found
