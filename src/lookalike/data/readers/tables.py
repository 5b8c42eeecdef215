"""Lists of pictures: CSV, JSON Lines and Parquet with paths (or the pictures' bytes) and labels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.label_tables import CLASS_COLUMNS, FILE_COLUMNS, flat, parse_table
from lookalike.errors import DataError, need

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


class TableSource(PictureSource):
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
        picture = PictureFile(name, state.st_size, state.st_mtime_ns, self.path.parent)
        self.files.append(_with(picture, attributes))

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files as they are: workers open them themselves."""
        yield from files


class ParquetSource(PictureSource):
    """Parquet files with a column of bytes (as Hugging Face writes them) and label columns."""

    def __init__(self, path: Path, files: Mapping[Path, str]) -> None:
        super().__init__(path)
        self._files = files
        for file, column in files.items():
            stamp = file.stat().st_mtime_ns
            others = [name for name in _parquet(file).schema_arrow.names if name != column]
            for index, row in enumerate(_parquet_rows(file, others)):
                self.files.append(_with(PictureFile(self._name(file, index), 0, stamp), flat(row)))

    def _name(self, file: Path, index: int) -> str:
        return f"{file.stem}/{index:09d}" if len(self._files) > 1 else f"{index:09d}"

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes, a few rows at a time."""
        wanted = {picture.name: picture for picture in files}
        for file, column in self._files.items() if wanted else ():
            for index, row in enumerate(_parquet_rows(file, [column])):
                picture = wanted.get(self._name(file, index))
                if picture is not None:
                    value = row[column]
                    data = value.get("bytes") if isinstance(value, dict) else value
                    yield replace(picture, data=data or b"")


def open_table(path: Path) -> PictureSource:
    """The files of a list.

    Raises:
        DataError: no column names the files.
        MissingExtraError: Parquet without the extra ``tables``.
    """
    if path.suffix.lower() == ".parquet" and (column := _byte_column(path)):
        return ParquetSource(path, {path: column})
    return TableSource(path)


def open_parquet(path: Path, files: Sequence[Path]) -> PictureSource:
    """The files of a folder of Parquet files that hold the pictures themselves.

    Raises:
        DataError: one of them holds none.
        MissingExtraError: the extra ``tables`` is not installed.
    """
    columns = {file: _byte_column(file) for file in files}
    without = [file.name for file, column in columns.items() if not column]
    if without:
        raise DataError(
            f"{without[0]} in {path} has no column with the bytes of pictures. If it lists "
            "files, name it itself instead of its folder."
        )
    return ParquetSource(path, columns)


def _byte_column(path: Path) -> str:
    """The first column of a Parquet file that holds bytes, or ""."""
    kinds = ("struct<bytes", "binary", "large_binary")
    schema = _parquet(path).schema_arrow
    return next((str(one.name) for one in schema if str(one.type).startswith(kinds)), "")


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


def _with(picture: PictureFile, attributes: Mapping[str, str]) -> PictureFile:
    named = next((v for k, v in attributes.items() if k.lower() in CLASS_COLUMNS and v), "")
    names, values = tuple(attributes), tuple(attributes.values())
    return replace(picture, class_name=named, names=names, values=values)
