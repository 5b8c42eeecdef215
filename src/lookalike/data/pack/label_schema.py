"""Attributes as a table of numbers: what kind each attribute is, and its label columns.

People bring attributes as words in a table (``hair=long``, ``age=31``, ``Smiling=-1``). A
:class:`SchemaBuilder` sees every row once and decides; the :class:`Schema` turns rows into floats.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CHOICES = 64
"""An attribute with more different words than this is kept as text, not as columns."""

_REMEMBERED = 4096
_TRUE = {"1", "1.0", "true", "yes", "y"}
_FALSE = {"0", "0.0", "-1", "-1.0", "false", "no", "n"}
_SPLIT = re.compile(r"\s*[;|]\s*")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Attribute:
    """One attribute and how it becomes label columns.

    ``kind`` is "flag" (one column, 0 or 1), "number" (one column, standardised by ``mean`` and
    ``sd``), "choice" and "tags" (a column for each value, named ``name=value``) or "text" (none).
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()
    mean: float = 0.0
    sd: float = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the label columns."""
        if self.kind in ("flag", "number"):
            return (self.name,)
        if self.kind in ("choice", "tags"):
            return tuple(f"{self.name}={value}" for value in self.values)
        return ()

    def encode(self, text: str) -> list[float]:
        """The label columns of one written value; an empty or unknown one gives zeros."""
        if self.kind == "flag":
            return [1.0 if text.lower() in _TRUE else 0.0]
        if self.kind == "number":
            value = _number(text)
            return [0.0 if value is None else (value - self.mean) / self.sd]
        words = set(_SPLIT.split(text)) if self.kind == "tags" else {text}
        return [1.0 if value in words else 0.0 for value in self.values]

    def as_dict(self) -> dict[str, Any]:
        """The form kept in ``pack.json``."""
        kept: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.kind in ("choice", "tags"):
            kept["values"] = list(self.values)
        if self.kind == "number":
            kept |= {"mean": self.mean, "sd": self.sd}
        return kept


@dataclass(frozen=True)
class Schema:
    """All attributes of a pack, in a fixed order."""

    attributes: tuple[Attribute, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all attribute columns."""
        return tuple(column for one in self.attributes for column in one.columns)

    def encode(self, row: Mapping[str, str]) -> NDArray[np.float32]:
        """float32 ``[columns]`` of one picture's attributes."""
        numbers: list[float] = []
        for one in self.attributes:
            if one.columns:
                numbers += one.encode(str(row.get(one.name, "")).strip())
        return np.array(numbers, np.float32)

    def as_list(self) -> list[dict[str, Any]]:
        """The form kept in ``pack.json``."""
        return [one.as_dict() for one in self.attributes]

    @staticmethod
    def from_list(kept: Sequence[Mapping[str, Any]]) -> Schema:
        """Read what :meth:`as_list` wrote."""
        return Schema(
            tuple(
                Attribute(
                    str(one["name"]),
                    str(one["kind"]),
                    tuple(str(value) for value in one.get("values", ())),
                    float(one.get("mean", 0.0)),
                    float(one.get("sd", 1.0)),
                )
                for one in kept
            )
        )


@dataclass
class _Seen:
    """What was seen of one attribute so far."""

    count: int = 0
    words: Counter[str] = field(default_factory=Counter)
    crowded: bool = False
    numeric: bool = True
    total: float = 0.0
    squares: float = 0.0

    def see(self, text: str) -> None:
        self.count += 1
        if len(self.words) < _REMEMBERED or text in self.words:
            self.words[text] += 1
        else:
            self.crowded = True
        value = _number(text)
        if value is None:
            self.numeric = False
        else:
            self.total += value
            self.squares += value * value

    def decide(self, name: str) -> Attribute:
        lowered = {word.lower() for word in self.words}
        if not self.crowded and lowered <= _TRUE | _FALSE:
            return Attribute(name, "flag" if len(lowered) > 1 else "text")
        if self.numeric:
            mean = self.total / self.count
            sd = math.sqrt(max(0.0, self.squares / self.count - mean * mean))
            known = sd > 1e-9 * max(1.0, abs(mean))
            return Attribute(name, "number" if known else "text", mean=mean, sd=sd or 1.0)
        kind = "tags" if any(_SPLIT.search(word) for word in self.words) else "choice"
        values = set(self.words)
        if kind == "tags":
            values = {part for word in self.words for part in _SPLIT.split(word) if part}
        most = min(MOST_CHOICES, max(2, self.count // 2))
        if self.crowded or not 2 <= len(values) <= most:
            return Attribute(name, "text")
        return Attribute(name, kind, tuple(sorted(values)))


class SchemaBuilder:
    """Sees every picture's attributes once, with flat memory, and decides the kinds."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def see(self, row: Mapping[str, str]) -> None:
        """Take note of one picture's attributes; empty values count as not given."""
        for name, value in row.items():
            text = str(value).strip()
            if text and text.lower() != "nan":
                self._seen.setdefault(name, _Seen()).see(text)

    def done(self) -> Schema:
        """The schema of all that was seen; attributes in order of first appearance."""
        return Schema(tuple(seen.decide(name) for name, seen in self._seen.items()))
