"""What a pack says of its pictures, as things that can be changed: each with values to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.data.pack.label_schema import Attribute, Schema
from lookalike.errors import DataError

FLAG = ("no", "yes")
THIRDS = ("low", "middle", "high")
YES = frozenset({"1", "true", "y", "on"})
NO = frozenset({"0", "false", "n", "off", "-1"})


@dataclass(frozen=True)
class EditableAttribute:
    """One attribute: the names of its ``values`` and the label ``columns`` that say them.

    With as many columns as values each column stands for one. One column is a flag (no, yes) or,
    with ``middles``, a number by its thirds: ``edges`` lie between them and ``middles`` in them, in
    deviations from the mean.
    """

    name: str
    values: tuple[str, ...]
    columns: tuple[int, ...]
    edges: tuple[float, ...] = ()
    middles: tuple[float, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    def read(self, labels: NDArray[np.float32]) -> NDArray[np.int64]:
        """Label rows ``[N, L]`` -> the number of the value of each, ``[N]``; -1 where none."""
        own = labels[:, list(self.columns)]
        if self.edges:
            return np.searchsorted(np.array(self.edges), own[:, 0]).astype(np.int64)
        if len(self.columns) == 1:
            return (own[:, 0] > 0.5).astype(np.int64)
        return np.where(own.max(1) > 0, own.argmax(1), -1).astype(np.int64)

    def write(self, labels: Tensor, value: int, amount: float | None = None) -> Tensor:
        """Label rows ``[N, L]`` with another value; ``amount`` is that of a number, as written."""
        changed = labels.clone()
        if len(self.columns) > 1:
            changed[:, list(self.columns)] = 0.0
            changed[:, self.columns[value]] = 1.0
        elif not self.edges:
            changed[:, self.columns[0]] = float(value)
        elif amount is not None:
            changed[:, self.columns[0]] = (amount - self.mean) / self.deviation
        else:
            changed[:, self.columns[0]] = self.middles[value]
        return changed

    def find(self, text: str) -> tuple[int, float | None]:
        """The number of a value by its name, and the amount where it was written as a number.

        Raises:
            DataError: it is none of the values.
        """
        if text in self.values:
            return self.values.index(text), None
        if self.values == FLAG and text.lower() in YES | NO:
            return int(text.lower() in YES), None
        if self.edges:
            try:
                amount = float(text)
            except ValueError:
                pass
            else:
                within = (amount - self.mean) / self.deviation
                return int(np.searchsorted(np.array(self.edges), within)), amount
        raise DataError(
            f"{self.name} has no value {text!r}. Choose from: {', '.join(self.values)}"
            + (", or a number." if self.edges else ".")
        )


def editable_attributes(
    info: Mapping[str, Any], labels: NDArray[np.float32]
) -> tuple[EditableAttribute, ...]:
    """What can be changed by the labels of a pack: ``info`` is its pack.json, ``labels`` its rows.

    Values that fewer than two pictures show are left out with their attribute's other columns kept.
    """
    classes: Sequence[str] = info["classes"]
    found = []
    if len(classes) > 1:
        found.append(EditableAttribute("class", tuple(classes), tuple(range(len(classes)))))
    first = len(classes)
    for one in Schema.from_list(info["attributes"]).attributes:
        columns = tuple(range(first, first + len(one.columns)))
        first += len(columns)
        found += _of(one, columns, labels)
    return tuple(found)


def _of(
    one: Attribute, columns: tuple[int, ...], labels: NDArray[np.float32]
) -> list[EditableAttribute]:
    if one.kind == "choice":
        return [EditableAttribute(one.name, one.values, columns)]
    if one.kind == "tags":
        return [
            EditableAttribute(f"{one.name}.{value}", FLAG, (column,))
            for value, column in zip(one.values, columns, strict=True)
        ]
    if one.kind == "number" and len(labels):
        shares = np.quantile(labels[:, columns[0]], (1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6))
        first, low, middle, high, last = map(float, shares)
        return [
            EditableAttribute(
                one.name, THIRDS, columns, (low, high), (first, middle, last), one.mean, one.sd
            )
        ]
    return [EditableAttribute(one.name, FLAG, columns)] if one.kind == "flag" else []


def from_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[EditableAttribute, ...]:
    """Attributes whose fields were kept."""
    plain: list[dict[str, Any]] = [
        {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
        for row in rows
    ]
    return tuple(EditableAttribute(**row) for row in plain)


def label_rows(
    attributes: Sequence[EditableAttribute], values: Mapping[str, int], columns: int
) -> Tensor:
    """The label row ``[1, columns]`` that says these values."""
    row = torch.zeros(1, columns)
    for one in attributes:
        if values.get(one.name, -1) >= 0:
            row = one.write(row, values[one.name])
    return row
