"""Tables of labels in any usual form, as rows of words: CSV of any kind, JSON, lines of JSON.

What a row is about is found later, by :mod:`lookalike.data.readers.label_matcher`.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lookalike.data.readers.encodings import decode_text
from lookalike.errors import DataError, need

FILE_COLUMNS = (
    "file",
    "file_name",
    "filename",
    "path",
    "filepath",
    "file_path",
    "image",
    "image_name",
    "imagename",
    "image_path",
    "imagepath",
    "image_file",
    "img",
    "img_name",
    "img_path",
    "picture",
    "photo",
    "filepaths",
    "filenames",
    "image_id",
    "imageid",
    "img_id",
)
"""Headers of the column that names the picture, the surest first."""

ID_COLUMNS = ("id", "key", "uid", "uuid", "name", "index")
"""Headers of columns that may name the picture."""

CLASS_COLUMNS = (
    "class",
    "label",
    "class_name",
    "label_name",
    "classname",
    "labelname",
    "category",
    "category_name",
    "target",
    "class_id",
    "label_id",
    "category_id",
)
"""Headers of the column that says the class, the surest first; names go before numbers."""

PART_COLUMNS = ("split", "partition", "subset", "data_set", "set")
"""Headers of the column that says the part of the set: noted, but no label."""

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt", ".parquet")
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")

_LABEL_WORDS = frozenset(
    "label labels attribute attributes attr attrs metadata annotation annotations class classes "
    "target targets tags groundtruth gt partition train trainval training test val valid "
    "validation".split()
)
_STYLEGAN = "dataset"
"""The stem of StyleGAN's labels (``dataset.json``)."""

_HOLES = frozenset({"nan", "NaN", "<NA>"})
"""How pandas writes a value that is not there."""

_DELIMITERS = (",", ";", "\t", "|")
_FORMULA = re.compile(r'^="(.*)"$', re.DOTALL)
_LOOKED_AT, _TITLES = 50, 5
"""Lines that decide on the delimiter, and how far down headers may stand below titles."""


@dataclass(frozen=True)
class Table:
    """Rows of words under headers; ``headers`` is empty where the first row is one of the rows.

    ``encoding`` is how the text was read, "" for UTF-8.
    """

    name: str
    headers: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = field(default_factory=tuple, repr=False)
    encoding: str = ""

    def column(self, names: Sequence[str]) -> int | None:
        """The first of these headers that there is, by its place; in any case and spelling."""
        lower = [_plain(header) for header in self.headers]
        return next((lower.index(want) for want in names if want in lower), None)


def looks_like_labels(name: str) -> bool:
    """Whether a person would expect that labels are read from a file of this name."""
    stem = PurePosixPath(name).stem.lower()
    words = set(re.findall(r"[a-z]+", stem))
    return stem == _STYLEGAN or (bool(words & _LABEL_WORDS) and "submission" not in words)


def says_class(name: str) -> bool:
    """Whether the name of a table says that it holds the classes, and not just anything."""
    return bool(re.search("label|class", PurePosixPath(name).stem.lower()))


def _plain(header: str) -> str:
    """``File Name`` and ``file-name`` as ``file_name``."""
    return re.sub(r"[\s\-.]+", "_", header.lower().strip("# \t\u00a0"))


def read_table(name: str, data: bytes) -> Table | None:
    """The table in a file, by the suffix of its name; None where there is none in it.

    Raises:
        DataError: the file should hold a table and is damaged.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".parquet":
        return table_of(name, _parquet_rows(name, data))
    text, encoding = decode_text(data)
    if suffix in (".jsonl", ".ndjson"):
        headers, rows = _columns(_json_lines(name, text))
    elif suffix == ".json":
        headers, rows = _columns(json_rows(_json(name, text)))
    elif suffix == ".txt":
        headers, rows = _words(text)
    else:
        headers, rows = _separated(name, text)
    return Table(name, headers, rows, encoding) if rows else None


def table_of(name: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    """A table of rows that are mappings already (Parquet, JSON)."""
    headers, words = _columns(rows)
    return Table(name, headers, words)


def _parquet_rows(name: str, data: bytes) -> list[dict[str, Any]]:
    parquet: Any = need("pyarrow.parquet", "tables", f"reading {name}")
    try:
        rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(data)).to_pylist()
    except (OSError, ValueError) as problem:
        raise DataError(f"{name} cannot be read as Parquet ({problem}).") from problem
    return rows


Parsed = tuple[tuple[str, ...], list[tuple[str, ...]]]


def _separated(name: str, text: str) -> Parsed:
    """Comma, semicolon, tab or bar separated values, as spreadsheets write them."""
    text = text.lstrip("\ufeff")
    first, _, rest = text.partition("\n")
    declared = first.strip().strip('"').lower()
    if declared.startswith("sep=") and len(declared) <= 5:
        delimiter, text = declared[4:] or "\t", rest
    else:
        delimiter = _delimiter(text)
    lines = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [tuple(map(_cell, line)) for line in lines if any(cell.strip() for cell in line)]
    except csv.Error as problem:
        raise DataError(f"{name} is not a CSV ({problem}). Repair it.") from problem
    return _with_headers(rows)


def _cell(text: str) -> str:
    """A value without the blanks and the formula that spreadsheets put around it, or nothing."""
    text = text.strip().strip("\u00a0")
    quoted = _FORMULA.match(text)
    return sys.intern(quoted[1] if quoted else "" if text in _HOLES else text)


def _delimiter(text: str) -> str:
    """The delimiter that divides the first lines most evenly into the most columns."""
    lines = [line for line in text.splitlines()[:_LOOKED_AT] if line.strip()]

    def evenness(mark: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=mark, skipinitialspace=True)]
        except csv.Error:
            return 0.0, 0
        usual = max(widths, key=widths.count, default=1)
        return (widths.count(usual) / len(widths), usual) if usual > 1 else (0.0, 0)

    return max(_DELIMITERS, key=evenness)


def _with_headers(rows: list[tuple[str, ...]]) -> Parsed:
    """Take the first row as headers where one of them is a usual one; or one below titles."""
    usual = {*FILE_COLUMNS, *ID_COLUMNS, *CLASS_COLUMNS, *PART_COLUMNS}
    for number, row in enumerate(rows[:_TITLES]):
        if any(_plain(cell) in usual for cell in row):
            return row, rows[number + 1 :]
        if not row[0].startswith("#") and sum(map(bool, row)) > 1:
            break
    return (), rows


def _words(text: str) -> Parsed:
    """Lines of words divided by blanks (``a.png 3``), with CelebA's count and headers or without.

    Only the last blanks divide where a file's name has some; where numbers stand behind the first
    word in every line, each is a column.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) > 2 and lines[0] == [str(len(lines) - 2)] and len(lines[2]) == len(lines[1]) + 1:
        return ("file", *lines[1]), [tuple(map(sys.intern, line)) for line in lines[2:]]
    if any(mark in text.partition("\n")[0] for mark in (",", ";", "\t")):
        return _separated("", text)
    if len({len(line) for line in lines if not line[0].startswith("#")}) == 1 < len(lines):
        plain = [tuple(map(sys.intern, line)) for line in lines if not line[0].startswith("#")]
        if len(plain[0]) > 2 and all(map(is_number, [w for row in plain for w in row[1:]])):
            return (), plain
    rows = [joined(line) if len(line) > 2 else tuple(line) for line in lines]
    return _with_headers([row for row in rows if len(row) == 2])


def joined(words: Sequence[str]) -> tuple[str, str]:
    """A line whose last word alone is a value: the others are the name of a file with blanks."""
    return " ".join(words[:-1]), sys.intern(words[-1])


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{name} is no JSON ({problem}).") from problem


def _json_lines(name: str, text: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise DataError(f"line {number} of {name} is no JSON ({problem}).") from problem
        if isinstance(row, Mapping):
            yield row


def json_rows(document: Any) -> Sequence[Mapping[str, Any]]:
    """The rows in one JSON document, in the forms that are usual for labels.

    COCO's annotations (the class of a picture whose boxes all have one), StyleGAN's
    ``{"labels": [[file, class], …]}``, FiftyOne's ``{"classes": [name, …], "labels": {file:
    number}}``, ``{file: class}``, ``{file: {…}}``, and lists of objects.
    """
    if isinstance(document, Mapping):
        if isinstance(document.get("images"), list) and "annotations" in document:
            return _coco(document)
        if isinstance(document.get("classes"), list) and isinstance(document.get("labels"), dict):
            return _numbered(document["classes"], document["labels"])
        lists = [value for value in document.values() if isinstance(value, list)]
        if isinstance(document.get("labels"), list):
            lists = [document["labels"]]
        if len(lists) == 1 and all(isinstance(row, Mapping | list) for row in lists[0]):
            return json_rows(lists[0])
        if all(isinstance(value, Mapping) for value in document.values()):
            return [{"file": key, **value} for key, value in document.items()]
        if all(isinstance(value, str | int) for value in document.values()):
            return [{"file": key, "label": value} for key, value in document.items()]
    if isinstance(document, list):
        pairs = [row for row in document if isinstance(row, list) and len(row) == 2]
        objects = [row for row in document if isinstance(row, Mapping)]
        return objects or [{"file": pair[0], "label": pair[1]} for pair in pairs]
    return []


def _numbered(names: Sequence[Any], numbers: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Rows of numbers of classes whose names stand in a list of their own."""
    return [
        {"file": file, "label": names[number] if number in range(len(names)) else number}
        for file, number in numbers.items()
    ]


def _coco(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    names = {
        str(one.get("id")): one.get("name", one.get("id"))
        for one in _objects(document.get("categories"))
    }
    classes: dict[str, set[str]] = defaultdict(set)
    for box in _objects(document["annotations"]):
        if "category_id" in box:
            number = str(box["category_id"])
            classes[str(box.get("image_id"))].add(str(names.get(number, number)))
    rows = []
    for image in _objects(document["images"]):
        own = classes.get(str(image.get("id")), set())
        only = next(iter(own)) if len(own) == 1 else ""
        rows.append({"file": image.get("file_name", ""), "class": only})
    return rows


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects in what should be a list of them."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _columns(rows: Iterable[Mapping[str, Any]]) -> Parsed:
    words = [flat(row) for row in rows]
    headers = tuple(dict.fromkeys(name for row in words for name in row))
    return headers, [tuple(sys.intern(row.get(name, "")) for name in headers) for row in words]


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
