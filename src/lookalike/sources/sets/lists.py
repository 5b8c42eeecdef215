"""Lists of addresses, of any length: read row by row, never as a whole."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from lookalike.errors import SourceError, need
from lookalike.settings.collect import Columns
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


Reader = Callable[[Path, Columns], Iterator[dict[str, Any]]]


def read(path: Path, columns: Columns, *, skip: int = 0) -> Iterator[Found]:
    """The pictures of a list: ``.txt`` (one address a line), ``.csv``, ``.tsv``, ``.jsonl``,
    ``.parquet``; the first ``skip`` rows are passed over.

    Raises:
        SourceError: no such file, another ending, or no column with addresses.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not there. Name a file with one picture address a line.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kinds = " ".join(ending for ending in READERS if ending)
        raise SourceError(f"{path} ends in {path.suffix}; lists may end in {kinds}.")
    return _pictures(islice(reader(path, columns), skip, None), columns, path)


def _pictures(rows: Iterable[dict[str, Any]], columns: Columns, path: Path) -> Iterator[Found]:
    chosen: dict[str, str] | None = None
    for row in rows:
        if chosen is None or chosen["url"] not in row:
            chosen = choose(row, columns, path)
        found = from_row(row, chosen, source="urls")
        if found is not None:
            yield found


def _lines(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for raw in file:
            line = raw.strip()
            if line and not line.startswith("#"):
                yield {"url": line}


def _table(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    comma = "\t" if path.suffix.lower() == ".tsv" else ","
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
        asked = {columns.url_column, columns.label_column}
        names = [str(name) for name in file.schema_arrow.names]
        have = [name for name in names if name in asked or name.lower() in usual]
        if not have:
            _no_column(path, names, columns)
        for batch in file.iter_batches(batch_size=4096, columns=have):
            yield from batch.to_pylist()


READERS: Mapping[str, Reader] = {
    ".txt": _lines,
    ".list": _lines,
    "": _lines,
    ".csv": _table,
    ".tsv": _table,
    ".jsonl": _objects,
    ".ndjson": _objects,
    ".parquet": _parquet,
}
"""The kinds of lists by their endings."""


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
        asked = getattr(columns, f"{field}_column", None)
        if asked is not None and asked not in row:
            _no_column(path, list(row), columns)
        found = asked or next((lower[name] for name in names if name in lower), None)
        if found is not None:
            chosen[field] = found
    if "url" not in chosen:
        _no_column(path, list(row), columns)
    return chosen


def _no_column(path: Path, have: list[Any], columns: Columns) -> None:
    wanted = " or ".join(repr(name) for name in (columns.url_column, columns.label_column) if name)
    raise SourceError(
        f"{path} has the columns {', '.join(map(str, have))}, but not {wanted or 'one named url'}. "
        "Name the column with --url-column (and the classes with --label-column)."
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value).strip()
    return text[:LONGEST_TEXT] or None
