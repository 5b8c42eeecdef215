"""Work in parts: what each part found, kept in a folder of its own until all are put together.

::

    packs/a-parts/
      3-of-8/
        part.json       which work, which part, whether it is whole, and the digests of:
        records.jsonl   a line for each thing that was looked at, in order: an answer, or why not
        arrays.bin      its arrays, one behind the other
        shards/         what is in the shards at a URL that the part has fetched

A part is a pure function of the work and of its number. It grows line by line: a process that is
killed loses what it held in memory, and the same command again goes on behind the last whole line.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import numpy as np

from lookalike import checkpoints, locks
from lookalike.errors import DataError, RunLockedError
from lookalike.progress import Tell, silent
from lookalike.results import Result, plain
from lookalike.settings.machines import Part, part_of

_NO_MATTER = ("machines", "workers")
"""Settings that say how, not what."""

INFO, RECORDS, ARRAYS, SHARDS = "part.json", "records.jsonl", "arrays.bin", "shards"
_FLUSHED = 64
"""So many records are held in memory at most."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Row = dict[str, Any]
Key = tuple[str | int, Any]
"""What an item is called, which decides its part, and what tells whether it is still the same."""


@dataclass(frozen=True)
class Work:
    """A verb with its arguments and settings, as JSON holds them: what all parts have in common.

    ``to`` is the place that it makes, beside which the parts are kept.
    """

    verb: str
    arguments: tuple[str, ...]
    settings: Row
    to: str

    @staticmethod
    def of(verb: str, arguments: Sequence[Any], settings: Any, to: Path) -> Work:
        """This call of a verb; how it is divided is no matter of the work.

        Raises:
            DataError: a setting is something that lives in this process alone.
        """
        values = {name: value for name, value in plain(settings).items() if name not in _NO_MATTER}
        given = tuple("" if one is None else str(one) for one in arguments)
        try:
            return Work(verb, given, json.loads(json.dumps(values)), str(to))
        except TypeError as problem:
            raise DataError(
                f"{verb} cannot be divided: a setting cannot be told to other processes ({problem})"
                ". Name it in words, or do all of it here."
            ) from problem

    @staticmethod
    def from_dict(values: Row) -> Work:
        """Read what ``vars`` gave."""
        return Work(values["verb"], tuple(values["arguments"]), values["settings"], values["to"])


@dataclass(frozen=True)
class PartDone(Result):
    """One part is whole. ``items`` is how many things it looked at."""

    verb: str
    part: str
    items: int
    folder: Path
    next: str

    def lines(self) -> list[str]:
        """What was done."""
        number, _, of = self.part.partition("/")
        return [
            f"Part {number} of {of} of {self.verb}: {self.items:,} looked at, in {self.folder}.",
        ]

    @property
    def next_step(self) -> str:
        """To merge, when all parts are there."""
        return f"{self.next} (when all {self.part.partition('/')[2]} parts are there)"


@dataclass(frozen=True)
class Asking(Generic[Item, Answer]):
    """How answers are had: ``ask`` gives those of some items in order, ``key`` names an item.

    ``kinds`` are the dataclasses that answers are made of. Items that ``ask`` passes by have no
    answer, and while it runs it may say why at the end of ``refused``, as (name, reason).
    ``division`` is what decides the part of an item, where that is not its name. Items of the names
    that are ``optional`` may have been asked for or not.
    """

    ask: Callable[[list[Item]], Iterable[tuple[Item, Answer]]]
    key: Callable[[Item], Key]
    kinds: tuple[type, ...] = ()
    refused: list[tuple[str, str]] = field(default_factory=list)
    division: Callable[[Item], str] | None = None
    optional: Container[str | int] = ()

    def divides(self, item: Item) -> str | int:
        """What decides the part of an item."""
        return self.key(item)[0] if self.division is None else self.division(item)


def parts_folder(to: Path) -> Path:
    """Where the parts of what is to be at ``to`` are kept."""
    to = to.absolute()
    return to.with_name(f"{to.name}-parts")


class OnePart:
    """The items of one part are asked here, and every answer is kept in its folder.

    Use as a context, and ``finish`` it when everything of the part is done.

    Raises:
        RunLockedError: another process works on this part.
    """

    def __init__(self, work: Work, part: Part) -> None:
        self.work, self.only = work, part
        self.folder = parts_folder(Path(work.to)) / f"{part.number}-of-{part.of}"
        self.items = self.total = 0
        self._stack = ExitStack()
        self._info: Row = {
            "work": json.loads(json.dumps(vars(work))),
            "part": [part.number, part.of],
            "whole": False,
            "refused": [],
        }

    def __enter__(self) -> OnePart:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(_alone(self.folder))
        known = _read_info(self.folder)
        if known is None or any(known[name] != self._info[name] for name in ("work", "part")):
            for name in (RECORDS, ARRAYS):
                (self.folder / name).unlink(missing_ok=True)
        self._write_info()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def finish(self) -> None:
        """The part is whole."""
        for name in (RECORDS, ARRAYS):
            (self.folder / name).touch()
        digests = [_digest(self.folder / name) for name in (RECORDS, ARRAYS)]
        self._info |= {"whole": True, "digests": digests}
        self._write_info()

    def answers(
        self, items: Iterable[Item], asking: Asking[Item, Answer]
    ) -> Iterator[tuple[Item, Answer]]:
        """The items of this part that were not asked before."""
        mine = [item for item in items if self.only.owns(asking.divides(item))]
        return self._answers([mine], asking)

    def _answers(
        self, batches: Iterable[list[Item]], asking: Asking[Item, Answer]
    ) -> Iterator[tuple[Item, Answer]]:
        """The items of this part, which come in batches, that were not asked before."""
        reasons = _Reasons(asking.refused)
        self.items = self.total = 0
        with RecordWriter(self.folder) as records:
            for batch in batches:
                self.total += len(batch)
                known = self._known(batch, asking, records)
                if known < len(batch):
                    yield from self._ask(batch[known:], asking, records, reasons)
            records.cut(self.items)
        self._info["refused"] = reasons.late()
        reasons.take()

    def _known(
        self, batch: Sequence[Item], asking: Asking[Item, Answer], records: RecordWriter
    ) -> int:
        """How many of the first items have a record; those that are of other items are dropped."""
        count = 0
        asked = records.keys[self.items : self.items + len(batch)]
        for key, item in zip(asked, batch, strict=False):
            if key != json.loads(json.dumps(asking.key(item))):
                break
            count += 1
        self.items += count
        if count < len(batch):
            records.cut(self.items)
        return count

    def _ask(
        self,
        batch: list[Item],
        asking: Asking[Item, Answer],
        records: RecordWriter,
        reasons: _Reasons,
    ) -> Iterator[tuple[Item, Answer]]:
        ahead = iter(batch)

        def pass_by(passed: Item) -> None:
            key = asking.key(passed)
            records.append(key, None, reasons.of(key[0]))

        for item, answer in asking.ask(batch):
            for passed in ahead:
                self.items += 1
                if asking.key(passed) == asking.key(item):
                    break
                pass_by(passed)
            records.append(asking.key(item), answer)
            yield item, answer
        for passed in ahead:
            self.items += 1
            pass_by(passed)

    def run(
        self, items: Iterable[Item], asking: Asking[Item, Answer], what: str, tell: Tell = silent
    ) -> PartDone:
        """Ask all items of this part, and nothing else."""
        mine = [item for item in items if self.only.owns(asking.divides(item))]
        return self.run_batches([mine], asking, lambda done, total: tell(what, done, total))

    def run_batches(
        self,
        batches: Iterable[list[Item]],
        asking: Asking[Item, Answer],
        tell: Callable[[int, int], None],
    ) -> PartDone:
        """Ask the items of this part, which come in batches; ``tell`` of those that came so far."""
        with self:
            for _ in self._answers(batches, asking):
                tell(self.items, self.total)
            self.finish()
        return self.done()

    @property
    def indexes(self) -> tuple[Path, ...]:
        """Where it is kept what lies in the shards of this part."""
        return (self.folder / SHARDS,)

    def done(self) -> PartDone:
        """What is told of it."""
        again = f"lookalike merge {shlex.quote(self.work.to)}"
        return PartDone(self.work.verb, str(self.only), self.items, self.folder, again)

    def _write_info(self) -> None:
        checkpoints.write_whole(self.folder / INFO, json.dumps(self._info).encode())


class AllParts:
    """The answers of all parts, in the order of the items; nothing is asked."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    @property
    def indexes(self) -> tuple[Path, ...]:
        """Where it is kept what lies in the shards of the parts."""
        return tuple(folder / SHARDS for folder in self.folders)

    def answers(
        self, items: Iterable[Item], asking: Asking[Item, Answer]
    ) -> Iterator[tuple[Item, Answer]]:
        """Every item.

        Raises:
            DataError: the items are not those that the parts looked at.
        """
        readers = [read_records(folder, asking.kinds) for folder in self.folders]
        abouts = [_read_info(folder) or {} for folder in self.folders]
        late = {name: why for about in abouts for name, why in about.get("refused", ())}
        heads = [next(reader, None) for reader in readers]
        for item in items:
            name, state = asking.key(item)
            number = part_of(asking.divides(item), len(self.folders)) - 1
            found, answer, why = heads[number] or (None, None, None)
            if found != json.loads(json.dumps([name, state])):
                if name in asking.optional:
                    continue
                raise DataError(
                    f"{name} is not as {self.folders[number]} saw it (found {found}): the source "
                    "changed, or is another one here. Make the parts again from one state of it."
                )
            heads[number] = next(readers[number], None)
            if answer is not None:
                yield item, answer
            elif name not in asking.optional and (why := why or late.get(name)):
                asking.refused.append((str(name), why))
        left = [folder for folder, head in zip(self.folders, heads, strict=True) if head]
        if left:
            raise DataError(
                f"{left[0]} looked at more than is there now: the source changed. Make the parts "
                "again from one state of it."
            )


Parts = OnePart | AllParts
"""Whose answers a verb works with, if it does not ask for all of them itself."""


def open_parts(folders: Sequence[Path]) -> tuple[Work, tuple[Path, ...]]:
    """The work that these folders are the parts of, and the folders by number.

    Raises:
        DataError: a part is missing, unfinished, damaged, or of other work.
    """
    known = {folder: info for folder in folders if (info := _read_info(folder)) is not None}
    if not known:
        raise DataError(
            "there are no parts to put together. Make them first: lookalike prepare SOURCE --to "
            "PACK --part 1/8, and so on up to 8/8; then: lookalike merge PACK"
        )
    first, about = next(iter(known.items()))
    places: dict[int, Path] = {}
    for folder, info in known.items():
        if info["work"] != about["work"] or info["part"][1] != about["part"][1]:
            raise DataError(
                f"{first} and {folder} are parts of different work ({_difference(about, info)}). "
                "Name the folders of one work, or remove those of the other."
            )
        places[info["part"][0]] = folder
    of = about["part"][1]
    missing = [n for n in range(1, of + 1) if n not in places or not known[places[n]]["whole"]]
    if missing:
        listed = ", ".join(map(str, missing[:20])) + (" …" if len(missing) > 20 else "")
        raise DataError(
            f"{of - len(missing)} of {of} parts are whole; missing or unfinished: {listed}. Give "
            f"their command (again), as with --part {missing[0]}/{of}."
        )
    ordered = tuple(places[number] for number in range(1, of + 1))
    for folder in ordered:
        if known[folder]["digests"] != [_digest(folder / name) for name in (RECORDS, ARRAYS)]:
            raise DataError(f"{folder} is damaged: its files are not as written. Copy it again.")
    return Work.from_dict(about["work"]), ordered


def forget_parts(folders: Sequence[Path]) -> None:
    """Delete the folders of parts, and the folder that held nothing else."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    for place in {folder.parent for folder in folders}:
        with suppress(OSError):
            place.rmdir()


def parts_in(folder: Path) -> list[Path]:
    """The folders of parts in a folder."""
    return sorted(place.parent for place in folder.glob(f"*/{INFO}"))


def _difference(one: Row, other: Row) -> str:
    if one["part"][1] != other["part"][1]:
        return f"one of {one['part'][1]} parts, one of {other['part'][1]}"
    first, second = one["work"], other["work"]
    for name in ("verb", "arguments"):
        if first[name] != second[name]:
            return f"{first[name]} and {second[name]}"
    names = [n for n, v in first["settings"].items() if second["settings"].get(n) != v]
    return f"they differ in {', '.join(names)}"


@dataclass
class RecordWriter:
    """Appends records to the files of a part, behind the whole ones that are there."""

    folder: Path
    keys: list[Any] = field(default_factory=list)
    _files: tuple[BinaryIO, ...] = ()
    _held: int = 0

    def __enter__(self) -> RecordWriter:
        self._files = tuple((self.folder / name).open("ab") for name in (ARRAYS, RECORDS))
        self._cut()
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def append(self, key: Key, answer: Any, why: str | None = None) -> None:
        """Keep one answer, or None with the reason why there is none."""
        arrays: list[np.ndarray] = []
        line = {"key": key, "answer": _packed(answer, arrays)}
        line |= {"why": why} if why else {}
        line["arrays"] = [[array.dtype.str, list(array.shape)] for array in arrays]
        for array in arrays:
            self._files[0].write(array.tobytes())
        self._files[1].write(json.dumps(line).encode() + b"\n")
        self._held += 1
        if self._held >= _FLUSHED:
            self._held = 0
            for file in self._files:  # arrays first: a line never promises what is not there
                file.flush()

    def cut(self, count: int) -> None:
        """Drop what was found behind so many records, before anything is appended."""
        if len(self.keys) > count:
            self.keys = []
            self._cut(count)

    def _cut(self, most: int | None = None) -> None:
        """Read the keys of whole records, and cut off what a killed process left behind them."""
        there = (self.folder / ARRAYS).stat().st_size
        at = end = 0
        with (self.folder / RECORDS).open("rb") as lines:
            for raw in islice(lines, most):
                try:
                    line = json.loads(raw)
                    needed = sum(_bytes(*about) for about in line["arrays"])
                    key, answered = line["key"], line["answer"] is not None or "why" in line
                except (ValueError, RecursionError, KeyError, TypeError):
                    break
                if not (raw.endswith(b"\n") and at + needed <= there and answered):
                    break
                self.keys.append(key)
                at, end = at + needed, end + len(raw)
        for file, length in zip(self._files, (at, end), strict=True):
            file.truncate(length)


class _Reasons:
    """Why items have no answer, as far as a list has said it, which grows meanwhile."""

    def __init__(self, refused: list[tuple[str, str]]) -> None:
        self._refused, self._at = refused, len(refused)
        self._said: dict[str | int, str] = {}
        self._open: list[str | int] = []
        self._kept: set[tuple[str | int, str]] = set()

    def of(self, name: str | int) -> str | None:
        """The reason of one item; None where it is said later, if at all."""
        self._look()
        why = self._said.get(name)
        if why is None:
            self._open.append(name)
        else:
            self._kept.add((name, why))
        return why

    def late(self) -> list[tuple[str | int, str]]:
        """Those that were not said when they were asked for."""
        self._look()
        late = [(name, self._said[name]) for name in self._open if name in self._said]
        self._kept.update(late)
        return late

    def take(self) -> None:
        """Take those that are kept with the part off the list: whoever merges adds them again."""
        self._refused[:] = [row for row in self._refused if row not in self._kept]

    def _look(self) -> None:
        self._said.update(self._refused[self._at :])
        self._at = len(self._refused)


def read_records(folder: Path, kinds: Sequence[type]) -> Iterator[tuple[Any, Any, str | None]]:
    """The records of a part as (key, answer, why there is none), one after the other."""
    named = {kind.__name__: kind for kind in kinds}
    with (folder / RECORDS).open("rb") as lines, (folder / ARRAYS).open("rb") as data:
        for raw in lines:
            line = json.loads(raw)
            arrays = [
                np.frombuffer(data.read(_bytes(dtype, shape)), dtype).reshape(shape)
                for dtype, shape in line["arrays"]
            ]
            yield line["key"], _unpacked(line["answer"], arrays, named), line.get("why")


def _bytes(dtype: str, shape: Sequence[int]) -> int:
    return int(np.dtype(dtype).itemsize * np.prod(shape, dtype=np.int64))


def _packed(value: Any, arrays: list[np.ndarray]) -> Any:
    """A value as JSON can hold it; its arrays are put aside."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if is_dataclass(value) and not isinstance(value, type):
        own = {one.name: _packed(getattr(value, one.name), arrays) for one in fields(value)}
        return {"kind": type(value).__name__, **own}
    if isinstance(value, list | tuple):
        return [_packed(one, arrays) for one in value]
    if isinstance(value, dict):
        return {"kind": "", **{name: _packed(one, arrays) for name, one in value.items()}}
    return value


def _unpacked(value: Any, arrays: Sequence[np.ndarray], kinds: dict[str, type]) -> Any:
    """The inverse of :func:`_packed`; lists come back as tuples."""
    if isinstance(value, list):
        return tuple(_unpacked(one, arrays, kinds) for one in value)
    if not isinstance(value, dict):
        return value
    if "kind" not in value:
        return arrays[value["array"]]
    own = {n: _unpacked(one, arrays, kinds) for n, one in value.items() if n != "kind"}
    return kinds[value["kind"]](**own) if value["kind"] else own


def _read_info(folder: Path) -> Row | None:
    """What a part says of itself; None where it says nothing, or something that is not ours."""
    try:
        info = json.loads((folder / INFO).read_text("utf-8"))
        known = [*sorted(info["work"]), *map(type, info["part"]), type(info["refused"])]
        if known != [*sorted(f.name for f in fields(Work)), int, int, list]:
            return None
        return {"digests": None, "whole": False, **info}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "blake2b").hexdigest()[:32]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the part for this process; on disks without locks nothing is held."""
    with (folder / "lock").open("ab") as file:
        try:
            locks.take(file)
        except BlockingIOError as problem:
            raise RunLockedError(
                f"Another process works on {folder}. Wait for it, or stop it."
            ) from problem
        yield
