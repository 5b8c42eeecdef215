"""Lists of addresses, of any length: read row by row, never as a whole."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from lookalike.data.readers.encodings import decode_text
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


HEAD = 1_000_000
"""The first bytes of a list, which say its encoding."""

Reader = Callable[[Path, Columns], Iterator[dict[str, Any]]]


class AddressList:
    """A list of addresses: iterate over it for the pictures, then read ``notes``.

    ``.txt`` (one address a line), ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``; the first
    ``skip`` rows are passed over. ``notes`` say in which encoding it was read, if not UTF-8, and
    how many rows had no address.

    Raises:
        SourceError: no such file, or another ending.
    """

    def __init__(self, path: Path, columns: Columns, *, skip: int = 0) -> None:
        if not path.is_file():
            raise SourceError(f"{path} is not there. Name a file with one picture address a line.")
        reader = READERS.get(path.suffix.lower())
        if reader is None:
            kinds = " ".join(ending for ending in READERS if ending)
            raise SourceError(f"{path} ends in {path.suffix}; lists may end in {kinds}.")
        self._path, self._columns, self._skip, self._reader = path, columns, skip, reader
        self._empty = 0

    def __iter__(self) -> Iterator[Found]:
        """The pictures, row by row.

        Raises:
            SourceError: no column with addresses, or a damaged line.
        """
        chosen: dict[str, str] | None = None
        for row in islice(self._reader(self._path, self._columns), self._skip, None):
            if chosen is None or chosen["url"] not in row:
                chosen = choose(row, self._columns, self._path)
            found = from_row(row, chosen, source="urls")
            if found is None:
                self._empty += 1
            else:
                yield found

    @property
    def notes(self) -> list[str]:
        """What a person should know of how the list was read so far."""
        parquet = self._reader is _parquet
        encoding = "" if parquet else _encoding(self._path)
        notes = [f"{self._path.name} was read as {encoding}"] if encoding else []
        if self._empty:
            rows = "row has" if self._empty == 1 else "rows have"
            notes.append(f"{self._path.name}: {self._empty:,} {rows} no address")
        return notes


def _encoding(path: Path) -> str:
    """The encoding of a text that nobody wrote down; "" for UTF-8."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if len(head) == HEAD and b"\0" not in head:
        head = head[: head.rfind(b"\n") + 1] or head  # no letter is cut in two
    return decode_text(head)[1]


def _opened(path: Path) -> TextIO:
    """A text; bytes that its encoding lacks stay apart from one another (Bär is not Bör)."""
    encoding = _encoding(path) or "utf-8-sig"
    return path.open(encoding=encoding, errors="backslashreplace", newline="")


def _lines(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    with _opened(path) as file:
        for raw in file:
            line = raw.strip()
            if line and not line.startswith("#"):
                yield {"url": line}


def _table(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    with _opened(path) as file:
        start = next(file, "")
        if re.fullmatch(r'"?sep=.?"?\s*', start, re.IGNORECASE):  # a line of Excel's own
            start = next(file, "")
        try:
            yield from csv.DictReader(chain([start], file), delimiter=_delimiter(start, columns))
        except csv.Error as problem:
            raise SourceError(f"{path} is not a table ({problem}). Repair it.") from problem


def _delimiter(header: str, columns: Columns) -> str:
    """What divides a header so that one of its columns is understood; else a comma."""
    known = {*NAMES["url"], str(columns.url_column).lower()}
    for mark in (",", ";", "\t", "|"):
        if known & {cell.strip().lower() for cell in next(csv.reader([header], delimiter=mark))}:
            return mark
    return ","


def _objects(path: Path, columns: Columns) -> Iterator[dict[str, Any]]:
    with _opened(path) as file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                row = json.loads(raw)
            except (ValueError, RecursionError) as problem:
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
