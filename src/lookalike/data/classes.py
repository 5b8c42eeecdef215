"""Which label columns tell the classes of a pack apart, and the class of every picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pack import Pack, Split
from lookalike.errors import DataError

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Classes:
    """Names of classes and their columns among ``Pack.columns``; both empty for a pack without."""

    names: tuple[str, ...]
    columns: tuple[int, ...]

    def numbers(self, split: Split) -> Numbers:
        """The class number of every picture of a split, int64 ``[N]``; -1 where it has none."""
        rows = np.arange(len(split))
        if not self.columns:
            return np.zeros(len(split), np.int64)
        wide = split.labels(rows)[:, list(self.columns)]
        return np.where(wide.max(axis=1) > 0, wide.argmax(axis=1), -1).astype(np.int64)


def classes_of(pack: Pack, attribute: str | None = None) -> Classes:
    """The pack's classes, or the values of one attribute; none for a pack without classes.

    Raises:
        DataError: there is no attribute of that name with at least two values.
    """
    first = len(pack.classes)
    if attribute is None:
        return Classes(pack.classes, tuple(range(first)))
    parts = {i: pack.columns[i].partition("=") for i in range(first, len(pack.columns))}
    columns = tuple(i for i, (name, _, value) in parts.items() if name == attribute and value)
    if len(columns) < 2:
        known = sorted({name for name, _, value in parts.values() if value})
        there = f"There are: {', '.join(known)}." if known else "It has none with named values."
        raise DataError(f"{pack.name} has no attribute {attribute!r} with two values. {there}")
    return Classes(tuple(parts[i][2] for i in columns), columns)
