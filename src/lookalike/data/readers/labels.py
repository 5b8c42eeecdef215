"""Classes, parts and attributes of a list of files: from folders, from tables, from side files.

One way for folders, zips and tars, and everything that was found is said in a sentence. A class in
a table goes before one in a side file, and that before a folder's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import takewhile
from pathlib import PurePosixPath
from types import MappingProxyType

from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.label_matcher import FileIndex, TableMatch, match_table, match_words
from lookalike.data.readers.label_tables import (
    CLASS_COLUMNS,
    FILE_COLUMNS,
    ID_COLUMNS,
    PART_COLUMNS,
    SPREADSHEETS,
    TABLE_SUFFIXES,
    Table,
    is_number,
    looks_like_labels,
    read_table,
    says_class,
)
from lookalike.data.readers.layout import (
    arrange,
    class_name,
    counted,
    is_picture_name,
    listed,
    same_classes,
    short,
)
from lookalike.data.readers.sidecars import SIDE_SUFFIXES, SideFacts, sidecars
from lookalike.errors import DataError

Texts = Mapping[str, Callable[[], bytes]]
"""Files beside the pictures that may say something of them, by name, with what reads them."""

_TRIED = 20
"""So many tables without a telling name are tried."""

NO_CLASS = frozenset("None NULL null NA N/A n/a #N/A NaN nan <NA>".split())
"""What programs write in the column of the class where there is none."""

_PARTS = {"0": "train", "1": "valid", "2": "test"}
_NO_HEADER = frozenset({"", "unnamed: 0"})
_ON, _OFF = frozenset({"1", "1.0", "True"}), frozenset({"0", "0.0", "-1", "False"})
_ABOUT_ATTRIBUTES = frozenset("attribute attributes attr attrs tag tags caption captions".split())


def put_labels(source: PictureSource, texts: Texts, folders: Sequence[str] | None = None) -> None:
    """Label the files of a source by their folders, side files and tables, and note what was found.

    Labeled ones take the places of the others in the list, so that millions are not there twice.
    ``folders`` are the paths in which folders count, where these are not the names.

    Raises:
        DataError: a file that should hold labels is damaged.
    """
    names = [file.name for file in source.files]
    layout = arrange(names if folders is None else folders)
    source.beside = frozenset(names[number] for number in layout.beside)
    source.found += layout.sentences
    rows = [_Row(*known) for known in zip(layout.classes, layout.parts, strict=True)]
    used = _read_sides(source, texts, rows)
    free = {name: read for name, read in texts.items() if name not in used}
    used |= _Tables(source, rows, foldered=any(layout.classes)).read(free)
    ignored = sorted(name for name in texts if name not in used)
    if ignored:
        source.found.append(f"{counted(len(ignored), 'text file')} not used: {listed(ignored, 3)}.")
    for number, row in enumerate(rows):
        source.files[number] = row.on(source.files[number])


_NONE: Mapping[str, str] = MappingProxyType({})
"""The attributes of files that have none: one for all of them."""


@dataclass(slots=True)
class _Row:
    """What is known of one file so far; ``tabled`` when a table has said its class."""

    class_name: str = ""
    part: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: _NONE)
    tabled: bool = False

    def on(self, file: PictureFile) -> PictureFile:
        """The file with it."""
        return replace(
            file,
            class_name=self.class_name,
            part=self.part,
            names=tuple(self.attributes),
            values=tuple(self.attributes.values()),
        )


@lru_cache(maxsize=64)
def _roles(names: tuple[str, ...]) -> tuple[tuple[str, ...], str, frozenset[str]]:
    """The names that say the class (the surest first) and the part, and those that are no label."""
    lower = {name.lower(): name for name in names}
    classes = tuple(lower[want] for want in CLASS_COLUMNS if want in lower)
    part = next((lower[want] for want in PART_COLUMNS if want in lower), "")
    return classes, part, frozenset([part, *(lower[n] for n in ("class", "label") if n in lower)])


def class_and_rest(words: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """The class, as it is written, and the part that some named values say, and the others."""
    classes, part, dropped = _roles(tuple(words))
    words = {**words, **{name: "" for name in classes if words[name] in NO_CLASS}}
    chosen = next((name for name in classes if words[name]), "")
    rest = {name: v for name, v in words.items() if name not in dropped and name != chosen}
    said = words.get(part, "")
    return words.get(chosen, ""), _PARTS.get(said, said), rest


def _read_sides(source: PictureSource, texts: Texts, rows: Sequence[_Row]) -> set[str]:
    """Take what side files say; the names of those that belong to a picture."""
    names = [file.name for file in source.files]
    if not any(name.lower().endswith(SIDE_SUFFIXES) for name in texts):
        return set()
    owned, sentences = sidecars(names, texts)
    told_by: dict[str, int] = defaultdict(int)
    used: set[str] = set()
    for row, sides in zip(rows, owned, strict=True):
        facts = SideFacts()
        for name in sides:
            used.add(name)
            told_by[PurePosixPath(name).suffix] += facts.read(name, texts[name]())
        own, part, rest = class_and_rest(facts.attributes)
        row.class_name = class_name(facts.class_name or own) or row.class_name
        row.part, row.attributes = part or row.part, rest
    total = sum(map(is_picture_name, names)) or len(names)
    source.found += sentences
    source.found += [
        f"{count:,} of {counted(total, 'picture')} with a {suffix} file of the same name beside it."
        for suffix, count in sorted(told_by.items())
        if count
    ]
    return used


class _Tables:
    """Finds the tables among text files, matches them and puts their values on the rows."""

    def __init__(self, source: PictureSource, rows: Sequence[_Row], *, foldered: bool) -> None:
        self.source, self.rows, self.foldered = source, rows, foldered
        self.names = [file.name for file in source.files]
        self.used: set[str] = set()

    def read(self, texts: Texts) -> set[str]:
        """Take what the tables say; the names of the files that are spoken of."""
        matched: list[tuple[Table, TableMatch, list[int]]] = []
        unmatched: list[Table] = []
        for name in _candidates(texts):
            table = self._table(name, texts[name])
            if table is None:
                continue
            scope = self._scope(name)
            inside = [self._relative(number, name) for number in scope]
            found = match_table(FileIndex(inside, numbers=not self.foldered), table)
            if found is None:
                unmatched.append(table)
            else:
                matched.append((*found, scope))
        self._apply(matched)
        self._complain(unmatched, bool(matched), texts)
        return self.used

    def _table(self, name: str, read: Callable[[], bytes]) -> Table | None:
        try:
            return read_table(name, read())
        except DataError as problem:
            self.used.add(name)
            self.source.found.append(f"{problem} It was not used.")
            if looks_like_labels(name):
                self.source.unmatched = (
                    f"{problem} Repair it or move it away, or go on without its labels with "
                    "--no-table."
                )
            return None

    def _scope(self, name: str) -> list[int]:
        """The files in the folder of a table, or in the nearest folder above that holds some."""
        folder = PurePosixPath(name).parent
        while True:
            place = "" if folder.as_posix() == "." else f"{folder.as_posix()}/"
            scope = [n for n, file in enumerate(self.names) if file.startswith(place)]
            if scope or not place:
                return scope
            folder = folder.parent

    def _relative(self, number: int, table: str) -> str:
        place = table.rpartition("/")[0]
        return self.names[number].removeprefix(f"{place}/") if place else self.names[number]

    def _apply(self, matched: Sequence[tuple[Table, TableMatch, list[int]]]) -> None:
        """Tables whose names say that they hold labels; without one of these, all that match."""
        telling = [one for one in matched if looks_like_labels(one[0].name)] or matched
        for table, match, scope in matched:
            self.used.add(table.name)
            if looks_like_labels(table.name) or telling is matched:
                self.source.found.append(match_words(table, match, len(scope)))
            else:
                self.source.found.append(
                    f"{table.name} names pictures, too, and was not used beside "
                    f"{telling[0][0].name}; call it labels.csv to have its values as labels."
                )
        written: list[str] = []
        for table, match, scope in reversed(telling):  # the first has the last word
            written += self._put(table, match, scope)
        self.source.found += same_classes(written)

    def _put(self, table: Table, match: TableMatch, scope: Sequence[int]) -> list[str]:
        """Put the values of one table on the rows; its classes as they are written."""
        if not any(row.class_name for row in self.rows):
            table, remark = with_class_column(table, match.column)
            self.source.found += [remark] if remark else []
        headers, put = value_headers(table, match.column), _Put()
        for inside, row_number in match.files.items():
            row, name = self.rows[scope[inside]], self.names[scope[inside]]
            numbers = row_number, *match.repeated.get(inside, ())
            words, several = merged_row(headers, [table.rows[n] for n in numbers])
            own, part, rest = class_and_rest(words)
            own = class_name(own)
            if own and row.class_name and own != row.class_name:
                (put.differing if row.tabled else put.moved).append(name)
            row.tabled |= bool(own)
            row.class_name = own or row.class_name
            row.part = part or row.part
            row.attributes = {**row.attributes, **rest} or _NONE
            put.written += [own] if own else []
            if several:
                put.torn.append(name)
            elif not own:
                put.without.append(name)
        self.source.found += put.sentences(table)
        return put.written

    def _complain(self, unmatched: Sequence[Table], others: bool, texts: Texts) -> None:
        """Say which tables name no picture; keep the message when one of them should."""
        for table in unmatched:
            strong = table.column(FILE_COLUMNS) is not None
            telling = looks_like_labels(table.name) and not self.foldered
            if not others and (strong or telling):
                self.source.unmatched = self.source.unmatched or _none_of(table, self.names)
        for name in texts:
            if name.lower().endswith(SPREADSHEETS):
                self.used.add(name)
                words = f"{name} is a spreadsheet, which is not read here; save it as CSV."
                self.source.found.append(words)
                if not others and looks_like_labels(name) and not self.foldered:
                    words = f"{words[:-1]}, or go on without its labels with --no-table."
                    self.source.unmatched = self.source.unmatched or words


@dataclass
class _Put:
    """What came of one table's rows: the classes as written, and pictures by what to say of them.

    In ``differing`` another table names another class, in ``moved`` the folders do; ``torn`` have
    several classes, ``without`` none.
    """

    written: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)

    def sentences(self, table: Table) -> Iterator[str]:
        """What a person should know of it."""
        name = table.name
        if self.differing:
            yield (
                f"{name} and another table name different classes for "
                f"{counted(len(self.differing), 'picture')}; those of {name} were taken."
            )
        if self.moved:
            yield (
                f"{name} names other classes than the folders (or files beside them) for "
                f"{counted(len(self.moved), 'picture')}, and those were taken "
                f"({listed(self.moved, 3)})."
            )
        if self.without and table.column(CLASS_COLUMNS) is not None:
            yield f"{name}: {counted(len(self.without), 'picture')} with no class in it."
        if self.torn:
            yield (
                f"{name}: {counted(len(self.torn), 'picture')} with several classes in it, which "
                f"were not taken ({listed(self.torn, 3)})."
            )


def _candidates(texts: Texts) -> list[str]:
    """The text files that may be tables, those with telling names first."""
    tables = [name for name in sorted(texts) if name.lower().endswith(TABLE_SUFFIXES)]
    telling = sorted(
        filter(looks_like_labels, tables), key=lambda name: (not says_class(name), name)
    )
    rest = [
        name
        for name in tables
        if name not in telling and not name.lower().endswith(".txt") and "submission" not in name
    ]
    return telling + rest[:_TRIED]


def merged_row(
    headers: Sequence[str], rows: Iterable[Sequence[str]]
) -> tuple[dict[str, str], bool]:
    """The values of the rows about one picture, by header, and whether they name several classes.

    Where the rows differ there is no value. What stands under the header "" is left out.
    """
    merged: dict[str, str] = {}
    differing: set[str] = set()
    for row in rows:
        for header, value in zip(headers, row, strict=False):
            if header and merged.setdefault(header, value) != value:
                differing.add(header.lower())
                merged[header] = ""
    return merged, bool(differing & set(CLASS_COLUMNS))


def value_headers(table: Table, key: int) -> list[str]:
    """A name for every column but the one that names the picture, which gets "".

    A single column without a header is the class, or the part where the table's name says so.
    """
    headers = list(table.headers)
    if not headers:
        width = len(table.rows[0])
        only = "split" if "partition" in table.name.lower() else "label"
        headers = [only if width == 2 else f"column {n + 1}" for n in range(width)]
    headers[key] = ""
    return ["" if header.strip().lower() in _NO_HEADER else header.strip() for header in headers]


def _none_of(table: Table, names: Sequence[str]) -> str:
    """The message about a table that should name pictures and does not."""
    column = table.column(FILE_COLUMNS)
    first = [short(row[column or 0]) for row in table.rows[:2] if len(row) > (column or 0)]
    return (
        f"{table.name} looks like a table of labels, but none of its "
        f"{counted(len(table.rows), 'row')} names a picture (it says {listed(first)}; the pictures "
        f"are called {listed(names[:2])}). Repair it or move it away, or go on without its labels "
        "with --no-table."
    )


def with_class_column(table: Table, key: int) -> tuple[Table, str]:
    """A table that says the class without calling it so, with a column ``class``; and a sentence.

    Two forms are usual: the only column beside the names (``id,breed``), whose words repeat; and
    one column of 0 and 1 for each class, of which each row has a single 1.
    """
    if not table.headers or table.column(CLASS_COLUMNS) is not None or not table.rows:
        return table, ""
    beside = {*PART_COLUMNS, *ID_COLUMNS}
    named = enumerate(value_headers(table, key))
    columns = [n for n, name in named if name and name.lower() not in beside]
    headers = [*table.headers]
    if len(columns) == 1 and _repeats(table, columns[0]):
        name, headers[columns[0]] = headers[columns[0]], CLASS_COLUMNS[0]
        said = f"{table.name}: {name}, its only column, was taken as the class."
        return replace(table, headers=tuple(headers)), said
    hot = list(takewhile(bool, (_hot(table, row, columns) for row in table.rows)))
    if len(hot) == len(table.rows):
        names = listed([headers[n] for n in columns])
        said = f"{table.name}: each row has a 1 in one of {names}, which are the classes."
        left = ["" if n in columns else name for n, name in enumerate(headers)]
        rows = [(*row[: len(left)], name) for row, name in zip(table.rows, hot, strict=True)]
        return replace(table, headers=(*left, CLASS_COLUMNS[0]), rows=rows), said
    return table, ""


def _repeats(table: Table, column: int) -> bool:
    """Whether the words of a column are those of classes: some few, again and again, no numbers."""
    if _ABOUT_ATTRIBUTES & set(re.findall(r"[a-z]+", table.name.lower())):
        return False
    words = [row[column] for row in table.rows if len(row) > column]
    different = set(filter(None, words))
    return 2 <= len(different) <= len(words) / 2 and not any(map(is_number, different))


def _hot(table: Table, row: Sequence[str], columns: Sequence[int]) -> str:
    """The header over the only 1 of a row of zeros; "" where it is none."""
    values = {n: row[n] for n in columns} if len(row) >= len(table.headers) else {}
    ones = [n for n, value in values.items() if value in _ON]
    flags = len(columns) > 1 and all(value in _ON | _OFF for value in values.values())
    return table.headers[ones[0]] if len(ones) == 1 and flags else ""
