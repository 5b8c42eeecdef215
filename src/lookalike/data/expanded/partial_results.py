"""Results of long work, kept piece by piece in a folder until all of it is done."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import checkpoints

KEY = "unfinished.json"
_ERRORS = (OSError, ValueError, RecursionError, KeyError, EOFError, zipfile.BadZipFile)

Arrays = Mapping[str, NDArray[Any]]


class Unfinished:
    """Pieces by name, each written whole; ``key`` is everything that decides them.

    A folder that was left by other work (another key) is begun anew, one that is not of this kind
    is not touched. Pieces are looked for in the folders ``beside`` as well.
    """

    def __init__(self, folder: Path, key: Mapping[str, Any], beside: Sequence[Path] = ()) -> None:
        self.folder = folder
        self._beside = tuple(beside)
        self._key = json.dumps(key, sort_keys=True, default=str).encode()

    def load(self, name: str) -> tuple[Any, Arrays] | None:
        """What was kept under this name: plain values and arrays; None where there is nothing."""
        for folder in (self.folder, *self._beside):
            if not self._mine(folder):
                continue
            try:
                with np.load(folder / f"{name}.npz", allow_pickle=False) as held:
                    arrays = {key: held[key] for key in held.files}
                return json.loads(bytes(arrays.pop("told")).decode()), arrays
            except _ERRORS:
                continue
        return None

    def save(self, name: str, told: Any, arrays: Arrays) -> None:
        """Keep plain values and arrays under this name."""
        if not self._mine(self.folder):
            self.clear()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(KEY, self._key)
        into = io.BytesIO()
        words = np.frombuffer(json.dumps(told).encode(), np.uint8)
        np.savez(into, allow_pickle=False, told=words, **arrays)
        self._write(f"{name}.npz", into.getvalue())

    def clear(self) -> None:
        """Remove its own files from a folder of this kind, and the folder if nothing else is in it.

        A person's folder may have had this name before.
        """
        if not (self.folder / KEY).is_file():
            return
        for file in self.folder.iterdir():
            if file.suffix == ".npz" or (file.name.startswith(".") and file.suffix == ".part"):
                file.unlink(missing_ok=True)
        (self.folder / KEY).unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _write(self, name: str, data: bytes) -> None:
        checkpoints.write_whole(self.folder / name, data)

    def _mine(self, folder: Path) -> bool:
        try:
            return (folder / KEY).read_bytes() == self._key
        except OSError:
            return False
