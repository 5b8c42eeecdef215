"""What the verbs give back: objects that print as a person reads them and become dictionaries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any


class Result(ABC):
    """The answer of a verb: ``print`` shows it with the one step that comes next, and
    :meth:`as_dict` is what ``--json`` prints.

    One that has a property ``failed`` ends the command with status 1 where that is true.
    """

    @abstractmethod
    def lines(self) -> list[str]:
        """The answer for a person, line by line."""

    @property
    @abstractmethod
    def next_step(self) -> str:
        """The one thing to type or do next, in a line of its own below the others."""

    def as_dict(self) -> dict[str, Any]:
        """The answer as dictionaries, lists, numbers and strings."""
        return _fields(self)

    def __str__(self) -> str:
        return "\n".join([*self.lines(), f"Next: {self.next_step}"])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How a notebook shows it."""
        printer.text(str(self))


def plain(value: Any) -> Any:
    """A value as JSON-able ones; what knows its own form (``as_dict``, ``as_json``) gives it."""
    for own in ("as_dict", "as_json"):
        if hasattr(value, own):
            return plain(getattr(value, own)())
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if hasattr(value, "item") else value


def _fields(value: Any) -> dict[str, Any]:
    told = (field.name for field in fields(value) if field.metadata.get("json", True))
    return {name: plain(getattr(value, name)) for name in told}


def listed(*lines: str) -> str:
    """A list in Markdown, of the lines that say something."""
    return "\n".join(f"- {line}" for line in lines if line)


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> list[str]:
    """Rows as aligned lines of text."""
    everything = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
    if not everything:
        return []
    widths = [max(len(row[i]) for row in everything) for i in range(len(everything[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in everything
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]] if header else lines
