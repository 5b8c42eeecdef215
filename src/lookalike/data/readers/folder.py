"""A folder of pictures, with its sub-folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from lookalike.data.readers.base import (
    PictureFile,
    PictureSource,
    clean_name,
    is_litter,
    labeled_by_folder,
)
from lookalike.data.readers.label_tables import folder_table


class FolderSource(PictureSource):
    """Every file under a folder, hidden ones and plain tables aside."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for place in self._places():
            self._add(place)
        self.files = labeled_by_folder(self.files, folder_table(path))

    def _places(self) -> Iterator[Path]:
        """The files in order; a folder that was seen already (by a link), a pack or a run is not."""
        seen: set[str] = set()
        for place, folders, names in os.walk(self.path, followlinks=True):
            real = os.path.realpath(place)
            ours = "pack.json" in names or ("recipe.json" in names and "env.json" in names)
            if real in seen or (ours and Path(place) != self.path):
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
            yield from (Path(place) / name for name in sorted(names))

    def _add(self, place: Path) -> None:
        if is_litter(place.name):
            return
        raw = place.relative_to(self.path).as_posix()
        name = clean_name(raw)
        try:
            state = place.stat()
        except OSError as problem:
            self.refused.append((name, f"cannot be opened ({problem.strerror or problem})"))
            return
        if not stat.S_ISREG(state.st_mode):
            self.refused.append((name, "is not a plain file"))
            return
        differs = raw if raw != name else ""
        self.files.append(PictureFile(name, state.st_size, state.st_mtime_ns, self.path, differs))

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The files as they are: workers open them themselves."""
        yield from files
