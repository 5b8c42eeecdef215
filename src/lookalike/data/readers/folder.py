"""A folder of pictures, with its sub-folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from lookalike.data.readers.base import BYTE_LIMIT, PictureFile, PictureSource, clean_name
from lookalike.data.readers.label_tables import looks_like_labels
from lookalike.data.readers.labels import put_labels
from lookalike.data.readers.layout import is_system, is_text, passed_over
from lookalike.errors import DataError

_RUN_FILES = frozenset({"env.json", "stats.jsonl", "checkpoints", "samples"})


def made_here(names: Collection[str]) -> str:
    """What a folder with these files in it is, if this program made it: "a pack", "a run" or ""."""
    if "pack.json" in names:
        return "a pack"
    return "a run" if "recipe.json" in names and not _RUN_FILES.isdisjoint(names) else ""


class FolderSource(PictureSource):
    """Every file under a folder; hidden and system files, packs, runs and text files aside."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._texts: dict[str, Callable[[], bytes]] = {}
        self._hidden: list[str] = []
        self._links: list[tuple[str, str]] = []
        self._seen: set[str] = set()
        self._walk(path, "")
        # Links last, so that what they lead to is known by its own name where it has one.
        while self._links:
            self._follow(*self._links.pop(0))
        self.files.sort(key=lambda file: file.name)
        put_labels(self, self._texts)
        self.found += passed_over(self._hidden)

    def _walk(self, place: str | Path, name: str) -> None:
        """Take the files of a folder and of the folders in it; ``name`` is what it is called."""
        self._seen.add(os.path.realpath(place))
        try:
            with os.scandir(place) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as problem:
            self.refused.append((clean_name(name) or ".", f"is a folder that {_closed(problem)}"))
            return
        ours = made_here({entry.name for entry in found})
        if ours and name:
            self.found.append(f"{clean_name(name)} is {ours} and was passed over.")
            return
        if name and not found:
            self.found.append(f"{clean_name(name)} is an empty folder.")
        found.reverse()
        while found:  # each goes when it was looked at, since a folder can have millions
            entry = found.pop()
            below = f"{name}/{entry.name}" if name else entry.name
            if is_system(entry.name):
                self._hidden.append(clean_name(below))
            elif entry.is_symlink() and os.path.isdir(entry.path):
                self._links.append((entry.path, below))
            elif entry.is_dir(follow_symlinks=False):
                self._walk(entry.path, below)
            else:
                self._add(entry.path, below)

    def _follow(self, place: str, name: str) -> None:
        """Walk a linked folder, unless it holds this one or was walked already."""
        real = os.path.realpath(place)
        root = os.path.realpath(self.path)
        if real in self._seen or os.path.commonpath([real, root]) == real:
            self.found.append(f"{clean_name(name)} is a link to a folder that is read already.")
        else:
            self._walk(place, name)

    def _add(self, place: str, raw: str) -> None:
        name = clean_name(raw)
        try:
            state = os.stat(place)
        except OSError as problem:
            self.refused.append((name, _closed(problem)))
            return
        if not stat.S_ISREG(state.st_mode):
            self.refused.append((name, "is not a plain file"))
        elif is_text(os.path.basename(raw)) or _is_parquet_of_labels(name):
            self._texts[name] = lambda: read_text_file(Path(place))
        else:
            differs = raw if raw != name else ""
            file = PictureFile(name, state.st_size, state.st_mtime_ns, self.path, differs)
            self.files.append(file)

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files as they are: workers open them themselves."""
        yield from files


def _is_parquet_of_labels(name: str) -> bool:
    return name.lower().endswith(".parquet") and looks_like_labels(name)


def _closed(problem: OSError) -> str:
    return f"cannot be opened ({problem.strerror or problem})"


def read_text_file(place: Path) -> bytes:
    """The bytes of a table or a note, at most 256 MB.

    Raises:
        DataError: it cannot be opened.
    """
    try:
        with place.open("rb") as file:
            return file.read(BYTE_LIMIT)
    except OSError as problem:
        raise DataError(
            f"{place} {_closed(problem)}. Make it readable or move it away."
        ) from problem


def texts_of(path: Path) -> dict[str, Callable[[], bytes]]:
    """The text files that lie in a folder, or in its folders, without looking for pictures."""
    found: dict[str, Callable[[], bytes]] = {}
    for place in sorted(path.glob("*")) + sorted(path.glob("*/*")):
        if is_text(place.name) and place.is_file():
            name = clean_name(place.relative_to(path).as_posix())
            found[name] = lambda place=place: read_text_file(place)  # type: ignore[misc]
    return found


def files_below(path: Path) -> list[str]:
    """The names of all files below a folder that may be pictures, hidden folders aside."""
    names = []
    for place, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not is_system(name))
        inside = os.path.relpath(place, path)
        names += [
            name if inside == "." else f"{Path(inside).as_posix()}/{name}"
            for name in sorted(files)
            if not is_system(name) and not is_text(name)
        ]
    return names
