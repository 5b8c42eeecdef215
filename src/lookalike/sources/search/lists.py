"""Lists of addresses, of any length: read row by row, never as a whole."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from lookalike.errors import SourceError, need
from lookalike.sources.store.collection import Found

NAMES: Mapping[str, tuple[str, ...]] = {
    "url": ("url", "image_url", "image", "link", "src", "address"),
    "label": ("label", "class"),
    "page": ("page", "page_url", "foreign_landing_url"),
    "license": ("license", "licence"),
    "license_url": ("license_url", "licence_url"),
    "creator": ("creator", "author", "artist"),
    "creator_url": ("creator_url", "author_url"),
    "title": ("title", "caption", "text"),
}
"""The columns that are understood, first name wins; others are left out."""

LONGEST_TEXT = 2000


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table to read; None finds them by the usual names."""

    url: str | None = None
    label: str | None = None


Reader = Callable[[Path, Columns], Iterator[dict[str, Any]]]


def read(path: Path, columns: Columns, *, skip: int = 0) -> Iterator[Found]:
    """The pictures of a list: ``.txt`` (one address a line), ``.csv``, ``.tsv``, ``.jsonl``,
    ``.parquet``; the first ``skip`` rows are passed over.

    Raises:
        SourceError: no such file, another ending, or no column with addresses.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not there. Name a file with one picture address a line.")
    readers: dict[str, Reader] = {
        ".txt": _lines,
        ".list": _lines,
        "": _lines,
        ".csv": _commas,
        ".tsv": _tabs,
        ".jsonl": _objects,
        ".ndjson": _objects,
        ".parquet": _parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        kinds = " ".join(ending for ending in readers if ending)
        raise SourceError(f"{path} ends in {path.suffix}; lists may end in {kinds}.")
    return _founds(islice(reader(path, columns), skip, None), columns, path)


def _lines(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for raw in file:
            line = raw.strip()
            if line and not line.startswith("#"):
                yield {"url": line}


def _commas(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    return _table(path, ",")


def _tabs(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    return _table(path, "\t")


def _table(path: Path, comma: str) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        yield from csv.DictReader(file, delimiter=comma)


def _objects(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                row = json.loads(raw)
            except ValueError as problem:
                raise SourceError(f"{path}, line {number} is not JSON ({problem}).") from problem
            yield row if isinstance(row, dict) else {"url": row}


def _parquet(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    parquet = need("pyarrow.parquet", "tables", "reading a Parquet list")
    with parquet.ParquetFile(path) as file:
        usual = {name for names in NAMES.values() for name in names}
        asked = {columns.url, columns.label}
        names = [str(name) for name in file.schema_arrow.names]
        have = [name for name in names if name in asked or name.lower() in usual]
        if not have:
            _no_column(path, names, columns)
        for batch in file.iter_batches(batch_size=4096, columns=have):
            yield from batch.to_pylist()


def _founds(rows: Iterable[dict[str, Any]], columns: Columns, path: Path) -> Iterator[Found]:
    chosen: dict[str, str] | None = None
    for row in rows:
        if chosen is None or chosen["url"] not in row:
            chosen = choose(row, columns, path)
        found = from_row(row, chosen, source="urls")
        if found is not None:
            yield found


def from_row(row: Mapping[str, Any], chosen: Mapping[str, str], *, source: str) -> Found | None:
    """A row as a picture; None if it has no address."""
    known: dict[str, Any] = {field: _text(row.get(column)) for field, column in chosen.items()}
    if known.get("url") is None:
        return None
    return Found(source=source, **known)


def choose(row: Mapping[str, Any], columns: Columns, path: Path) -> dict[str, str]:
    """Field of ours -> column of theirs."""
    lower = {str(column).lower(): str(column) for column in row if column is not None}
    chosen: dict[str, str] = {}
    for field, names in NAMES.items():
        asked = getattr(columns, field, None)
        if asked is not None and asked not in row:
            _no_column(path, list(row), columns)
        found = asked or next((lower[name] for name in names if name in lower), None)
        if found is not None:
            chosen[field] = found
    if "url" not in chosen:
        _no_column(path, list(row), columns)
    return chosen


def _no_column(path: Path, have: list[Any], columns: Columns) -> None:
    wanted = " or ".join(repr(name) for name in (columns.url, columns.label) if name)
    raise SourceError(
        f"{path} has the columns {', '.join(map(str, have))}, but not {wanted or 'one named url'}. "
        "Name the column with --url-column (and the classes with --label-column)."
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value).strip()
    return text[:LONGEST_TEXT] or None
