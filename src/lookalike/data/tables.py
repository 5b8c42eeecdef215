"""Lists of pictures: CSV, JSON Lines and Parquet with paths (or the pictures' bytes) and labels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookalike.data.archives import flat
from lookalike.data.items import CLASS_COLUMNS, FILE_COLUMNS, Item, Source, parse_table
from lookalike.errors import DataError, need

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


class TableSource(Source):
    """A list of files; paths are relative to the list's own folder, or absolute."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        rows = _json_rows(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv_rows(path)
        seen: set[str] = set()
        for name, attributes in rows:
            if name not in seen:
                seen.add(name)
                self._add(name, attributes)

    def _add(self, name: str, attributes: Mapping[str, str]) -> None:
        if "://" in name:
            self.refused.append(
                (name, "is an address, not a file; fetch it with 'lookalike collect urls' first")
            )
            return
        try:
            state = (self.path.parent / name).stat()
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or problem
            self.refused.append((name, f"is in the list but cannot be opened ({why})"))
            return
        item = Item(name, state.st_size, state.st_mtime_ns, self.path.parent)
        self.items.append(_with(item, attributes))


class ParquetSource(Source):
    """A Parquet file with a column of bytes (as Hugging Face writes them) and label columns."""

    def __init__(self, path: Path, column: str) -> None:
        super().__init__(path)
        self._column = column
        stamp = path.stat().st_mtime_ns
        others = [name for name in _parquet(path).schema_arrow.names if name != column]
        for index, row in enumerate(_parquet_rows(path, others)):
            self.items.append(_with(Item(f"{index:09d}", 0, stamp), flat(row)))

    def loaded(self, items: Sequence[Item]) -> Iterator[Item]:
        """The items with their bytes, a few rows at a time."""
        wanted = {item.name: item for item in items}
        for index, row in enumerate(_parquet_rows(self.path, [self._column])):
            item = wanted.get(f"{index:09d}")
            if item is not None:
                value = row[self._column]
                data = value.get("bytes") if isinstance(value, dict) else value
                yield replace(item, data=data or b"")


def open_table(path: Path) -> Source:
    """The items of a list.

    Raises:
        DataError: no column names the files.
        MissingExtraError: Parquet without the extra ``tables``.
    """
    if path.suffix.lower() == ".parquet":
        for field in _parquet(path).schema_arrow:
            if str(field.type).startswith(("struct<bytes", "binary", "large_binary")):
                return ParquetSource(path, field.name)
    return TableSource(path)


def _csv_rows(path: Path) -> Iterable[tuple[str, Mapping[str, str]]]:
    if path.suffix.lower() == ".parquet":
        return _named(path, _parquet_rows(path, None))
    table = parse_table(path.read_text("utf-8-sig", "replace"))
    if not table.rows:
        raise _nameless(path)
    return [
        (name, dict(zip(table.names, values, strict=False))) for name, values in table.rows.items()
    ]


def _json_rows(path: Path) -> Iterable[tuple[str, Mapping[str, str]]]:
    def rows() -> Iterator[dict[str, Any]]:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as problem:
                    raise DataError(f"line {number} of {path} is no JSON ({problem}).") from problem
                if isinstance(row, dict):
                    yield row

    return _named(path, rows())


def _named(
    path: Path, rows: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    key = ""
    for row in rows:
        if not key:
            lower = {str(name).lower(): str(name) for name in row}
            key = next((lower[want] for want in FILE_COLUMNS if want in lower), "")
            if not key:
                raise _nameless(path)
        if row.get(key):
            yield str(row[key]), flat({name: v for name, v in row.items() if name != key})


def _nameless(path: Path) -> DataError:
    return DataError(
        f"no column of {path} names the files. Call one of them 'file' "
        f"(also understood: {', '.join(FILE_COLUMNS[1:])})."
    )


def _parquet(path: Path) -> Any:
    module = need("pyarrow.parquet", "tables", "reading Parquet")
    try:
        return module.ParquetFile(os.fspath(path))
    except (OSError, ValueError) as problem:
        raise DataError(f"{path} cannot be read as Parquet ({problem}).") from problem


def _parquet_rows(path: Path, columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    batches = _parquet(path).iter_batches(batch_size=256, columns=columns)
    for batch in batches:
        yield from batch.to_pylist() if batch.num_columns else [{}] * batch.num_rows


def _with(item: Item, attributes: Mapping[str, str]) -> Item:
    named = next((v for k, v in attributes.items() if k.lower() in CLASS_COLUMNS and v), "")
    names, values = tuple(attributes), tuple(attributes.values())
    return replace(item, group=named, names=names, values=values)
