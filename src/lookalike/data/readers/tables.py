"""Lists of pictures: CSV, JSON Lines and Parquet with paths (or the pictures' bytes) and labels."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.folder import files_below, read_text_file
from lookalike.data.readers.label_matcher import (
    FileIndex,
    clean_key,
    match_table,
    match_words,
    spellings,
)
from lookalike.data.readers.label_tables import FILE_COLUMNS, Table, flat, read_table, table_of
from lookalike.data.readers.labels import (
    class_and_rest,
    merged_row,
    value_headers,
    with_class_column,
)
from lookalike.data.readers.layout import class_name, counted, listed, same_classes, split_kind
from lookalike.errors import DataError, need

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_TRIAL = 50
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM")
_PICTURE_COLUMNS = ("image", "img", "picture", "photo", "jpg", "png")


class TableSource(PictureSource):
    """A list of files, whose paths start at its own folder or are absolute.

    Where none of them does, they are matched with the files below that folder as the rows of any
    table are (a list from another machine, names without suffix …).
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._written: list[str] = []
        self._torn: list[str] = []
        table = _list(path)
        column = self._column(table)
        if column is None:
            self._match(table)
        else:
            self._take(table, column)
        self.found += same_classes(filter(None, self._written))
        if self._torn:
            count = counted(len(self._torn), "file")
            names = listed(self._torn, 3)
            self.found.append(f"{count} with several classes, which were not taken: {names}.")

    def _column(self, table: Table) -> int | None:
        """The column whose paths lead to files from here; None where no column does."""
        width = max((len(row) for row in table.rows[:_TRIAL]), default=0)
        named = table.column(FILE_COLUMNS)
        for column in [named] if named is not None else range(width):
            trial = [row[column] for row in table.rows[:_TRIAL] if len(row) > column]
            if any(_is_address(key) or self._leads(key) for key in trial if key):
                return column
        return None

    def _leads(self, key: str) -> bool:
        """Whether a file is there; a text that can be no path leads nowhere."""
        return os.path.isfile(self._place(key))

    def _place(self, key: str) -> Path:
        ways = [key, *spellings(clean_key(key))]
        return self.path.parent / next(
            (way for way in ways if os.path.exists(self.path.parent / way)), ways[1]
        )

    def _take(self, table: Table, column: int) -> None:
        """The files whose paths stand in a column."""
        if not table.headers and not self._place(table.rows[0][column]).exists():
            table = replace(table, headers=table.rows[0], rows=table.rows[1:])
        table, remark = with_class_column(table, column)
        headers = value_headers(table, column)
        rows: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for row in table.rows:
            if len(row) > column and row[column]:
                rows[row[column]].append(row)
        for key, own in rows.items():
            self._add(key, headers, own)
        said = f"{len(self.files):,} of {counted(len(rows), 'row')} found"
        self.found += [f"{self.path.name}: {said}.", *([remark] if remark else [])]

    def _match(self, table: Table) -> None:
        """The files below the folder of the list that its rows name in any other way."""
        names = files_below(self.path.parent)
        match = match_table(FileIndex(names), table)
        if match is None:
            column = table.column(FILE_COLUMNS)
            if column is None:
                raise DataError(
                    f"no column of {self.path} names the files. Call one of them 'file' "
                    f"(also understood: {', '.join(FILE_COLUMNS[1:8])} …)."
                )
            self._take(table, column)
            return
        table, pairs = match
        table, remark = with_class_column(table, pairs.column)
        headers = value_headers(table, pairs.column)
        for file, number in pairs.files.items():
            numbers = [number, *pairs.repeated.get(file, ())]
            self._add(names[file], headers, [table.rows[n] for n in numbers])
        said = match_words(table, pairs, len(pairs.files))
        self.found += [said, *([remark] if remark else [])]

    def _add(self, key: str, headers: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
        """Add the file that a path leads to, with what its rows say."""
        if _is_address(key):
            self.refused.append(
                (key, "is an address, not a file; fetch it with 'lookalike collect urls' first")
            )
            return
        place = self._place(key)
        try:
            state = place.stat()
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or problem
            self.refused.append((key, f"is in the list but cannot be opened ({why})"))
            return
        words, several = merged_row(headers, rows)
        if several:
            self._torn.append(key)
        ways = [key, *spellings(clean_key(key))]
        name = next((way for way in ways if self.path.parent / way == place), key)
        file = PictureFile(name, state.st_size, state.st_mtime_ns, self.path.parent)
        self.files.append(_labeled(file, words))
        self._written.append(class_and_rest(words)[0])

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files as they are: workers open them themselves."""
        yield from files


def _is_address(key: str) -> bool:
    return "://" in key and not key.lower().startswith("file://")


def _labeled(file: PictureFile, words: Mapping[str, str]) -> PictureFile:
    written, part, rest = class_and_rest(words)
    named, values = class_name(written), tuple(rest.values())
    return replace(file, class_name=named, part=part or file.part, names=tuple(rest), values=values)


def _list(path: Path) -> Table:
    if path.suffix.lower() == ".parquet":
        return table_of(path.name, _parquet_rows(path, None))
    table = read_table(path.name, read_text_file(path))
    if table is None:
        raise DataError(f"{path} is empty. Name a list with one row for each picture.")
    return table


@dataclass(frozen=True)
class _PictureColumns:
    """Which column of a Parquet file holds pictures, and what its own metadata says of others.

    ``names`` are the class names of columns that hold their numbers.
    """

    picture: str
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def words(self, row: Mapping[str, Any]) -> dict[str, str]:
        """A row as words, numbers of classes as their names; the only such column is the class."""
        named = {
            key: names[row[key]] if 0 <= row[key] < len(names) else ""
            for key, names in self.names.items()
            if isinstance(row.get(key), int)
        }
        words = flat({**row, **named})
        if len(named) == 1 and not class_and_rest(words)[0]:
            words["class"] = words.pop(next(iter(named)))
        return words


class ParquetSource(PictureSource):
    """Parquet files with a column of bytes (as Hugging Face writes them) and label columns."""

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        super().__init__(path)
        self._columns = {file: _picture_columns(file) for file in files}
        without = [file.name for file, columns in self._columns.items() if not columns.picture]
        if without:
            raise DataError(
                f"{without[0]} in {path} has no column with the bytes of pictures. If it lists "
                "files, name it itself instead of its folder."
            )
        stems = len({file.stem for file in files}) == len(files)
        self._names = {
            file: file.stem if stems else file.relative_to(path).with_suffix("").as_posix()
            for file in files
        }
        for file, columns in self._columns.items():
            self._list(file, columns)
        pictures = sorted({columns.picture for columns in self._columns.values()})
        self.found.append(
            f"{counted(len(self.files), 'picture')} in the column {listed(pictures)} of "
            f"{counted(len(files), 'Parquet file')}."
        )

    def _list(self, file: Path, columns: _PictureColumns) -> None:
        stamp = file.stat().st_mtime_ns
        first = file.stem.partition("-")[0]  # train-00000-of-00002
        part = first if split_kind(first) else ""
        others = [name for name in _parquet(file).schema_arrow.names if name != columns.picture]
        for index, row in enumerate(_parquet_rows(file, others)):
            one = PictureFile(self._name(file, index), 0, stamp, part=part)
            self.files.append(_labeled(one, columns.words(row)))

    def _name(self, file: Path, index: int) -> str:
        return f"{self._names[file]}/{index:09d}" if len(self._columns) > 1 else f"{index:09d}"

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files with their bytes, a few rows at a time."""
        wanted = {file.name: file for file in files}
        for path, columns in self._columns.items() if wanted else ():
            for index, row in enumerate(_parquet_rows(path, [columns.picture])):
                file = wanted.get(self._name(path, index))
                if file is not None:
                    value = row[columns.picture]
                    data = value.get("bytes") if isinstance(value, dict) else value
                    yield replace(file, data=data or b"")


def open_table(path: Path) -> PictureSource:
    """The files of a list.

    Raises:
        DataError: no column names the files.
        MissingExtraError: Parquet without the extra ``tables``.
    """
    if path.suffix.lower() == ".parquet" and _picture_columns(path).picture:
        return ParquetSource(path, [path])
    return TableSource(path)


def _picture_columns(path: Path) -> _PictureColumns:
    """The column of pictures: by the file's own metadata, by its type, by what its bytes are."""
    schema = _parquet(path).schema_arrow
    features = _features(schema.metadata or {})
    names = {
        key: list(about["names"])
        for key, about in features.items()
        if about.get("_type") == "ClassLabel" and about.get("names")
    }
    types = {str(one.name): str(one.type) for one in schema}
    declared = [k for k, about in features.items() if about.get("_type") == "Image" and k in types]
    structs = [name for name, kind in types.items() if kind.startswith("struct<bytes")]
    binary = [name for name, kind in types.items() if kind in ("binary", "large_binary")]
    usual = [name for name in _PICTURE_COLUMNS if name in binary]
    binary = [*usual, *(name for name in binary if name not in usual)]
    looks = [name for name in binary if _holds_pictures(path, name)]
    return _PictureColumns(next(iter([*declared, *structs, *looks, *binary]), ""), names)


def _features(metadata: Mapping[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """What Hugging Face's library wrote of the columns, by name."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return {}
    return {k: about for k, about in features.items() if isinstance(about, dict)}


def _holds_pictures(path: Path, column: str) -> bool:
    first = next((row[column] for row in _parquet_rows(path, [column]) if row[column]), b"")
    return first.startswith(_STARTS)


def _parquet(path: Path) -> Any:
    module = need("pyarrow.parquet", "tables", "reading Parquet")
    try:
        return module.ParquetFile(os.fspath(path))
    except (OSError, ValueError) as problem:
        raise DataError(f"{path} cannot be read as Parquet ({problem}).") from problem


def _parquet_rows(path: Path, columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    batches: Iterable[Any] = _parquet(path).iter_batches(batch_size=256, columns=columns)
    for batch in batches:
        yield from batch.to_pylist() if batch.num_columns else [{}] * batch.num_rows
