"""What lies below the folder of the studio, under ids that say nothing of paths.

The page sends ids and gets names to show. An id is found by looking through the folder, never by
taking it apart; so there is none that leads outside. Links are not followed.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.data.pack.pack import Pack
from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.folder import made_here
from lookalike.data.readers.layout import is_picture_name, is_system
from lookalike.data.readers.open import open_source
from lookalike.run import Run
from lookalike.studio.errors import UnknownError
from lookalike.studio.requests import checked_id

RUN, PACK, FOLDER, ZIP = "run", "pack", "folder", "zip"
SOURCES = (FOLDER, ZIP, PACK)
"""Kinds that a training may begin from."""

HOME = ".lookalike-studio"
"""What the studio keeps for itself; readers of pictures pass over hidden folders."""

DEEPEST, MOST_FOLDERS, MOST_ENTRIES = 5, 5000, 1000
FRESH = 2.0
"""Seconds for which one look through the folder is good."""

_OPEN_SOURCES = 6


@dataclass(frozen=True)
class Entry:
    """One thing in the folder: a run, a pack, a folder or a zip of pictures.

    ``pictures`` counts those that lie in a folder itself, ``classes`` its folders with pictures.
    The page never sees its ``path``.
    """

    id: str
    kind: str
    name: str
    path: Path = field(metadata={"json": False})
    pictures: int = 0
    classes: int = 0


class Library:
    """The things below one folder, and what was opened of them."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.home = self.root / HOME
        self.dropped = self.home / "dropped"
        """Where pictures go that were dropped on the page."""
        self.runs = self.root / "runs"
        """Where new runs go."""
        self._looked = float("-inf")
        self._entries: dict[str, Entry] = {}
        self._opened: OrderedDict[str, PictureSource] = OrderedDict()
        self._packs: OrderedDict[str, tuple[int, Pack]] = OrderedDict()
        self._lock = threading.RLock()

    # ---- what there is ----------------------------------------------------------------------

    def entries(self, *kinds: str, anew: bool = False) -> list[Entry]:
        """Everything of these kinds, runs and packs that changed last first."""
        with self._lock:
            if anew or time.monotonic() - self._looked > FRESH:
                self._entries = {entry.id: entry for entry in _found(self.root, self.dropped)}
                self._looked = time.monotonic()
            return [entry for entry in self._entries.values() if entry.kind in kinds]

    def find(self, id_: object, *kinds: str) -> Entry:
        """The thing with this id.

        Raises:
            RequestError: that is no id.
            UnknownError: nothing of these kinds has it.
        """
        wanted = checked_id(id_)
        known = self._entries.get(wanted)
        if known is not None and known.kind in kinds and known.path.exists():
            return known
        for entry in self.entries(*kinds, anew=known is not None):
            if entry.id == wanted:
                return entry
        raise UnknownError(
            "That is no longer there. It was moved or deleted; go back and look again."
        )

    def run(self, id_: object) -> Run:
        """The run with this id.

        Raises:
            UnknownError: there is none.
        """
        return Run.open(self.find(id_, RUN).path)

    def pack(self, entry: Entry) -> Pack:
        """A pack, opened anew when it has changed; the last few stay open.

        Raises:
            PackError: it is damaged.
        """
        with self._lock:
            written = (entry.path / "pack.json").stat().st_mtime_ns
            known = self._packs.pop(entry.id, None)
            if known is None or known[0] != written:
                known = written, Pack.open(entry.path)
            self._packs[entry.id] = known
            while len(self._packs) > _OPEN_SOURCES:
                self._packs.popitem(last=False)
            return known[1]

    def source(self, entry: Entry) -> PictureSource:
        """What reads a folder or zip; the last few stay open."""
        with self._lock:
            if entry.id not in self._opened:
                self._opened[entry.id] = open_source(entry.path)
            self._opened.move_to_end(entry.id)
            while len(self._opened) > _OPEN_SOURCES:
                self._opened.popitem(last=False)
            return self._opened[entry.id]

    def files(self, entry: Entry) -> Sequence[PictureFile]:
        """The pictures of a folder or zip, as its reader gives them."""
        return self.source(entry).files

    def loaded(self, entry: Entry, index: int) -> bytes:
        """The bytes of one picture of a folder or zip.

        Raises:
            UnknownError: it has fewer.
            DataError: the file cannot be read.
        """
        source = self.source(entry)
        if not 0 <= index < len(source.files):
            raise UnknownError("There is no picture of this number.")
        return next(iter(source.loaded([source.files[index]]))).read()

    def look_again(self) -> None:
        """Something was added: what is asked for next is looked for anew."""
        with self._lock:
            self._looked = float("-inf")


def id_of(path: Path) -> str:
    """The id of what lies there: a hash, the same tomorrow."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _found(root: Path, dropped: Path) -> Iterator[Entry]:
    """Runs and packs first, by the time of their last change, then sources by name."""
    entries = [*_below(root, root), *(_below(dropped, dropped) if dropped.is_dir() else ())]
    made = [entry for entry in entries if entry.kind in (RUN, PACK)]
    yield from sorted(made, key=_changed, reverse=True)[:MOST_ENTRIES]
    sources = [entry for entry in entries if entry.kind not in (RUN, PACK)]
    yield from sorted(sources, key=lambda entry: entry.name.lower())[:MOST_ENTRIES]


def _changed(entry: Entry) -> float:
    """When a run or a pack was last written to."""
    names = ("health.json", "stats.jsonl", "recipe.json", "pack.json")
    files = (entry.path / name for name in names)
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def _below(root: Path, shown_from: Path) -> Iterator[Entry]:
    """Everything below a folder, breadth first, within limits; each folder is read once."""
    todo, looked = deque([(_Folder.of(root), 0)]), 0
    while todo and looked < MOST_FOLDERS:
        folder, depth = todo.popleft()
        looked += 1
        path = folder.path
        name = "." if path == shown_from else path.relative_to(shown_from).as_posix()
        if folder.made:
            kind = PACK if folder.made == "a pack" else RUN
            yield Entry(id_of(path), kind, name, path)
            continue
        below = [_Folder.of(path / one) for one in folder.folders]
        if depth < DEEPEST:
            todo += [(one, depth + 1) for one in below]
        classes = sum(one.pictures > 0 for one in below)
        if folder.pictures or classes > 1:
            yield Entry(id_of(path), FOLDER, name, path, folder.pictures, classes)
        for file in folder.zips:
            yield Entry(
                id_of(path / file), ZIP, file if name == "." else f"{name}/{file}", path / file
            )


@dataclass(frozen=True)
class _Folder:
    """What lies in a folder: what it was made as, its folders and zips, how many pictures."""

    path: Path
    made: str = ""
    folders: tuple[str, ...] = ()
    zips: tuple[str, ...] = ()
    pictures: int = 0

    @staticmethod
    def of(path: Path) -> _Folder:
        """Read it; there is nothing where one may not look."""
        try:
            with os.scandir(path) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return _Folder(path)
        own = [entry for entry in inside if not is_system(entry.name)]
        files = [entry.name for entry in own if entry.is_file(follow_symlinks=False)]
        return _Folder(
            path,
            made_here({entry.name for entry in inside}) or "",
            tuple(entry.name for entry in own if entry.is_dir(follow_symlinks=False)),
            tuple(name for name in files if name.lower().endswith(".zip")),
            sum(map(is_picture_name, files)),
        )
