"""Tables of classes and attributes that lie beside pictures: CSV, JSON Lines, CelebA's own."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lookalike.errors import DataError

TABLE_NAMES = (
    "attributes.csv",
    "labels.csv",
    "metadata.csv",
    "metadata.jsonl",
    "list_attr_celeba.csv",
)
CELEBA_TABLES = ("list_attr_celeba.txt", "Anno/list_attr_celeba.txt")
SPLITS = frozenset({"train", "test", "validation", "valid", "val", "holdout"})
"""First folders of these names (Hugging Face imagefolder) are no classes; those inside are."""

FILE_COLUMNS = ("file", "file_name", "filename", "path", "image", "image_id")
CLASS_COLUMNS = ("class", "label")
PART_COLUMNS = ("split", "partition")
"""Columns that say which part of the set a picture was in: noted, but no labels."""

_CELEBA_PARTS = ("list_eval_partition.txt", "Eval/list_eval_partition.txt")
_PART_NAMES = {"0": "train", "1": "valid", "2": "test"}


@dataclass(frozen=True)
class Table:
    """Attributes by file name, kept small: the names once, the values as tuples."""

    names: tuple[str, ...] = ()
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, name: str) -> tuple[str, ...]:
        """The values for a file, by its path, its bare name, or its name without suffix."""
        if self.rows:
            bare = PurePosixPath(name)
            for key in (name, bare.name, bare.stem):
                if key in self.rows:
                    return self.rows[key]
        return ()

    def class_of(self, values: tuple[str, ...]) -> str:
        """The class that these values name, or ""."""
        pairs = zip(self.names, values, strict=False)
        return next((value for name, value in pairs if name.lower() in CLASS_COLUMNS and value), "")


def is_table(name: str) -> bool:
    """Whether a file of this name, below the top, is a table about the pictures."""
    place, _, file = name.rpartition("/")
    return file in TABLE_NAMES and (not place or place in SPLITS)


def parse_table(text: str) -> Table:
    """A CSV of attributes as rows by file name; empty when no column names the file.

    Raises:
        DataError: the text is no CSV.
    """
    first = text[:65536].partition("\n")[0]
    mark = max((",", ";", "\t"), key=first.count)
    lines = csv.reader(io.StringIO(text), delimiter=mark)
    try:
        names = [name.strip() for name in next(lines, [])]
        lower = [name.lower() for name in names]
        key = next((lower.index(want) for want in FILE_COLUMNS if want in lower), None)
        if key is None:
            return Table()
        rows = {
            line[key].replace("\\", "/").removeprefix("./"): tuple(
                sys.intern(value.strip()) for at, value in enumerate(line) if at != key
            )
            for line in lines
            if len(line) > key and line[key]
        }
    except csv.Error as problem:
        raise DataError(
            f"the table of attributes is not a CSV ({problem}). Repair it."
        ) from problem
    return Table(tuple(name for at, name in enumerate(names) if at != key), rows)


def parse_lines(text: str) -> Table:
    """JSON Lines as Hugging Face writes ``metadata.jsonl``; empty when no key names the file.

    Raises:
        DataError: a line is no JSON.
    """
    found: dict[str, dict[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as problem:
            raise DataError(f"line {number} of the table is no JSON ({problem}).") from problem
        if isinstance(row, dict):
            key = next((str(row.pop(one)) for one in FILE_COLUMNS if one in row), "")
            found[key.replace("\\", "/").removeprefix("./")] = flat(row)
    found.pop("", None)
    names = tuple(dict.fromkeys(name for row in found.values() for name in row))
    rows = {
        file: tuple(sys.intern(row.get(name, "")) for name in names) for file, row in found.items()
    }
    return Table(names, rows)


def flat(row: Mapping[str, Any]) -> dict[str, str]:
    """The plain values of a JSON object as words; lists become tags, objects are left away."""
    found = {}
    for name, value in row.items():
        if isinstance(value, bool):
            found[str(name)] = "1" if value else "0"
        elif isinstance(value, str | int | float):
            found[str(name)] = str(value)
        elif isinstance(value, list) and all(isinstance(one, str | int) for one in value):
            found[str(name)] = ";".join(map(str, value))
    return found


def folder_table(path: Path) -> Table:
    """The table of a folder: CelebA's, its own, or those of its split folders joined."""
    celeba = next((path / name for name in CELEBA_TABLES if (path / name).is_file()), None)
    if celeba is not None:
        parts = next((path / name for name in _CELEBA_PARTS if (path / name).is_file()), None)
        told = parts.read_text("utf-8", "replace") if parts is not None else ""
        return parse_celeba(celeba.read_text("utf-8", "replace"), told)

    def read(name: str) -> str | None:
        file = path / name
        return file.read_text("utf-8-sig", "replace") if file.is_file() else None

    return find_table(read)


def find_table(read: Callable[[str], str | None]) -> Table:
    """The first table that ``read`` gives the text of, or those of the split folders joined."""
    table = _table_in("", read)
    if table.rows:
        return table
    joined: dict[str, tuple[str, ...]] = {}
    names: tuple[str, ...] = ()
    for split in sorted(SPLITS):
        inner = _table_in(f"{split}/", read)
        if inner.rows and names in ((), inner.names):
            names = inner.names
            joined |= {f"{split}/{name}": values for name, values in inner.rows.items()}
    return Table(names, joined)


def _table_in(place: str, read: Callable[[str], str | None]) -> Table:
    for name in TABLE_NAMES:
        text = read(place + name)
        if text is not None:
            return parse_lines(text) if name.endswith(".jsonl") else parse_table(text)
    return Table()


def parse_celeba(text: str, parts: str = "") -> Table:
    """CelebA's ``list_attr_celeba.txt``: a count, the names, then a file and 1 or -1 for each.

    ``parts`` is ``list_eval_partition.txt``: a file and 0, 1 or 2 for train, valid and test.
    """
    lines = text.splitlines()
    names = tuple(lines[1].split()) if len(lines) > 1 else ()
    part = dict(line.split()[:2] for line in parts.splitlines() if len(line.split()) > 1)
    rows = {}
    for line in lines[2:]:
        file, *values = line.split() or [""]
        if len(values) == len(names):
            if part:
                values.append(_PART_NAMES.get(part.get(file, ""), ""))
            rows[file] = tuple(map(sys.intern, values))
    return Table((*names, "partition") if part else names, rows)
