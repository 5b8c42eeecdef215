"""Which row of a table is about which picture: one matcher for folders, archives and lists.

People name pictures in tables by path, by a path on another machine, by base name, without the
suffix, by number, in other capitals and other normal forms. All rows of a table are matched in one
way: the strictest of those that match most. Two pictures of one name, or two names for one picture,
match nothing, since a label on the wrong picture is worse than none.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from lookalike.data.readers.label_tables import (
    CLASS_COLUMNS,
    FILE_COLUMNS,
    ID_COLUMNS,
    Table,
    joined,
)
from lookalike.data.readers.layout import counted, listed, suffix_of

_TRIAL = 400
"""So many rows decide which column names the pictures."""


def clean_key(key: str) -> str:
    """A path as people write it, with slashes and nothing in front that says 'here'."""
    path = key.strip().replace("\\", "/")
    if path.lower().startswith("file://"):
        path = unquote(path[len("file://") :])
    while path.startswith("./"):
        path = path[2:]
    return path


def spellings(key: str) -> Iterator[str]:
    """A path as it is written, and as it is meant where it is an address or part of one (%20)."""
    yield key
    if "://" in key:
        key = key.partition("?")[0].partition("#")[0]
    if "%" in key:
        yield unquote(key)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _number(path: str) -> str:
    """``img_007.png`` and ``7.0`` as ``7``: the one number that a name is, without its zeros."""
    base = path.rpartition("/")[2].removesuffix(".0")
    stem = base if base.isdecimal() else base.rpartition(".")[0]
    return (stem.lstrip("0") or "0") if stem.isdecimal() else ""


def _tail(length: int) -> Callable[[str], str]:
    def tail(path: str) -> str:
        steps = path.strip("/").rsplit("/", length)
        return "/".join(steps[-length:]) if len(steps) >= length else ""

    return tail


def _without_suffix(path: str) -> str:
    """A path without its suffix, which is not a dot and digits (``v1.5``)."""
    suffix = suffix_of(path)
    return path[: -len(suffix)] if suffix and not suffix[1:].isdecimal() else path


@dataclass(frozen=True)
class MatchMethod:
    """One way in which a table may name pictures: what both sides are reduced to."""

    name: str
    of_file: Callable[[str], str]
    of_key: Callable[[str], str]


def _ways() -> tuple[MatchMethod, ...]:
    base, stem = _tail(1), lambda path: _without_suffix(_tail(1)(path))
    ways = [
        MatchMethod("path", str, str),
        MatchMethod("path without suffix", _without_suffix, str),
        *(MatchMethod(f"the last {n} steps of the path", _tail(n), _tail(n)) for n in (4, 3, 2)),
        MatchMethod("base name", base, base),
        MatchMethod("stem", stem, base),
        MatchMethod("stem", stem, stem),
    ]
    folded = [
        MatchMethod(
            f"{way.name}, in other capitals or another normal form",
            lambda path, way=way: _folded(way.of_file(path)),  # type: ignore[misc]
            lambda path, way=way: _folded(way.of_key(path)),  # type: ignore[misc]
        )
        for way in ways
    ]
    return (*ways, *folded, MatchMethod("number", _number, _number))


METHODS = _ways()
"""From the strictest to the loosest."""

_NUMBER = len(METHODS) - 1


@dataclass(frozen=True)
class TableMatch:
    """Which rows of a table are about which file: row number by file number.

    ``rows`` counts those that name something; ``repeated`` has further rows of matched files.
    """

    column: int
    method: str
    files: Mapping[int, int] = field(default_factory=dict, repr=False)
    repeated: Mapping[int, Sequence[int]] = field(default_factory=dict, repr=False)
    rows: int = 0
    ambiguous: int = 0
    unmatched: Sequence[str] = field(default=(), repr=False)


class FileIndex:
    """The files of one place, to be found by every method; by ``numbers`` where that is allowed."""

    def __init__(self, names: Sequence[str], *, numbers: bool = True) -> None:
        self.names, self.numbers = names, numbers
        self._found: dict[int, dict[str, int]] = {}

    def by(self, method: int) -> Mapping[str, int]:
        """File numbers by what a method makes of their names; -1 where there are several."""
        if method not in self._found:
            reduced = [METHODS[method].of_file(name) for name in self.names]
            counts = Counter(reduced)
            self._found[method] = {
                key: number if counts[key] == 1 else -1 for number, key in enumerate(reduced) if key
            }
        return self._found[method]

    def best_method(self, keys: Sequence[str], likely: int = 0) -> tuple[int, int]:
        """The method by which most of these keys name one file each, and how many do.

        ``likely`` was the strictest one that fits for some of them: if it fits for all, it is it.
        """
        best, most, all_keys = 0, 0, len({key for key in keys if key})
        count = len(self._pairs(likely, keys)[0])
        if count == all_keys:
            return likely, count
        for method in range(len(METHODS)):
            count = len(self._pairs(method, keys)[0])
            if count > most:
                best, most = method, count
            if most == all_keys:
                break
        return best, most

    def _pairs(self, method: int, keys: Sequence[str]) -> tuple[dict[str, int], int]:
        """File by key, one to one, and how many keys were not clear."""
        places, of_key = self.by(method), METHODS[method].of_key
        found: dict[str, int] = {}
        unclear = 0
        for key in dict.fromkeys(keys):
            reduced = (of_key(spelled) for spelled in spellings(key))
            file = next((places[one] for one in reduced if one in places), None)
            if file is not None and file >= 0:
                found[key] = file
            unclear += file == -1
        owners = Counter(found.values())
        return {k: f for k, f in found.items() if owners[f] == 1}, unclear + sum(
            count for count in owners.values() if count > 1
        )

    def _sure(self, matched: int, keys: int) -> bool:
        """Whether numbers may name the files: they stand in many columns, and may begin at 0 or 1.

        Half of the files at least, and all of the keys or all of the files. Below folders of
        classes they hardly ever do.
        """
        return (
            self.numbers and 2 * matched >= len(self.names) and matched in (keys, len(self.names))
        )

    def match(self, table: Table, column: int) -> TableMatch:
        """Match all rows of a table by what stands in one column."""
        keys = [clean_key(row[column]) if len(row) > column else "" for row in table.rows]
        likely, _ = self.best_method(keys[:_TRIAL])
        method, count = self.best_method(keys, likely)
        pairs, ambiguous = self._pairs(method, keys)
        if method == _NUMBER and not self._sure(count, len(set(filter(None, keys)))):
            return TableMatch(column, METHODS[method].name)
        files: dict[int, int] = {}
        repeated: dict[int, list[int]] = {}
        for row, key in enumerate(keys):
            if key in pairs:
                if pairs[key] in files:
                    repeated.setdefault(pairs[key], []).append(row)
                else:
                    files[pairs[key]] = row
        missing = [key for key in dict.fromkeys(keys) if key and key not in pairs]
        rows = sum(bool(key) for key in keys)
        return TableMatch(
            column, _spoken(METHODS[method].name, pairs), files, repeated, rows, ambiguous, missing
        )


def _spoken(method: str, keys: Iterable[str]) -> str:
    """The name of a method; where no key has a folder, a path is a name."""
    if any("/" in key for key in keys):
        return method
    return method.replace("path without suffix", "stem").replace("path", "name")


def match_table(index: FileIndex, table: Table) -> tuple[Table, TableMatch] | None:
    """The match by the column that names most pictures; None where no column names any.

    A column with a usual header is believed at once, another one when it names half of the rows.
    The table comes back with its headers, also where these are no usual ones.
    """
    others = (_with_class_folder, _with_blanks_in_names)
    readings = (table, *(other for read in others if (other := read(table)) is not None))
    return next((found for one in readings if (found := _matched(index, one)) is not None), None)


def _matched(index: FileIndex, table: Table) -> tuple[Table, TableMatch] | None:
    column = _best_column(index, table)
    match = index.match(table, column) if column is not None else None
    if match is None or not match.files:
        return None
    if not table.headers and table.rows and 0 not in match.files.values():
        headed = replace(table, headers=table.rows[0], rows=table.rows[1:])
        return headed, index.match(headed, match.column)
    return table, match


def _with_class_folder(table: Table) -> Table | None:
    """The table with paths made of class and name, as ``cats/001.png``, in a column of their own.

    Base names may be those of several pictures when each class has its folder.
    """
    name, label = table.column([*FILE_COLUMNS, *ID_COLUMNS]), table.column(CLASS_COLUMNS)
    if name is None or label is None or name == label:
        return None
    width = len(table.headers)
    rows = [(*row, f"{row[label]}/{row[name]}") for row in table.rows if len(row) == width]
    headers = [*table.headers, FILE_COLUMNS[0]]
    headers[name] = ""  # said by the path now
    return replace(table, headers=tuple(headers), rows=rows)


def _with_blanks_in_names(table: Table) -> Table | None:
    """Lines of words (``my cat 7``) read so that only the last blank divides."""
    if table.headers or not table.name.endswith(".txt") or len(table.rows[0]) < 3:
        return None
    return replace(table, rows=[joined(row) for row in table.rows])


def _best_column(index: FileIndex, table: Table) -> int | None:
    """The column that names most pictures; numbers of rows only where no column has names."""
    trial = table.rows[:_TRIAL]
    usual = table.column([*FILE_COLUMNS, *ID_COLUMNS])
    best, most = usual, (False, 0)
    for column in _columns(table):
        keys = [clean_key(row[column]) for row in trial if len(row) > column]
        method, count = index.best_method(keys)
        sure = 2 * count >= len(trial)
        worth = (bool(count) and method != _NUMBER, count)
        if worth > most and (sure or column == usual):
            best, most = column, worth
        if column == usual and sure:
            break
    return best


def _columns(table: Table) -> list[int]:
    """The columns in the order in which they are tried."""
    width = max((len(row) for row in table.rows[:_TRIAL]), default=0)
    named = [table.column([name]) for name in (*FILE_COLUMNS, *ID_COLUMNS)]
    first = [column for column in named if column is not None]
    classes = {table.column([name]) for name in CLASS_COLUMNS}
    rest = [column for column in range(width) if column not in classes]
    return list(dict.fromkeys([*first, *rest]))


def match_words(table: Table, match: TableMatch, pictures: int) -> str:
    """``labels.csv: 24 of 24 rows matched by stem.`` and what did not."""
    matched = len(match.files) + sum(map(len, match.repeated.values()))
    rows = f"{matched:,} of {counted(match.rows, 'row')}"
    words = f"{table.name}: {rows} matched by {match.method}"
    if table.encoding:
        words += f" (read as {table.encoding})"
    if match.ambiguous:
        words += f"; {counted(match.ambiguous, 'row')} could mean several pictures"
    elif match.unmatched and matched < match.rows:
        words += f"; no picture for {listed(match.unmatched, 3)}"
    without = pictures - len(match.files)
    return f"{words}; {counted(without, 'picture')} without a row." if without else f"{words}."
