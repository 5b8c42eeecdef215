"""Arrays kept beside a pack, in ``PACK/.features``: above all its real pictures' feature vectors.

Names begin with the pack's fingerprint, so what belongs to other pictures is never read. The file
``<fingerprint>-<features hash>.npz`` holds row numbers and vectors, so a second run, an evaluation
or a report on the same pack begins where the first one ended.
"""

from __future__ import annotations

import io
import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds
from lookalike.checkpoints import write_whole
from lookalike.data.pack.pack import Indices, Pack, Split
from lookalike.data.pack.scratch_array import gathered
from lookalike.metrics.features.features import Features, Vectors

FOLDER = ".features"

log = logging.getLogger(__name__)


def cache_file(pack: Pack, name: str) -> Path:
    """Where something of this name is kept; the folder may not exist yet."""
    return pack.path / FOLDER / f"{pack.fingerprint}-{name}"


def read_arrays(pack: Pack, name: str, *keys: str) -> tuple[NDArray[Any], ...] | None:
    """The arrays of these keys; None where the file is missing, damaged or lacks one of them."""
    try:
        with np.load(cache_file(pack, name)) as arrays:
            return tuple(arrays[key] for key in keys)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def write_arrays(pack: Pack, name: str, **arrays: NDArray[Any]) -> None:
    """Keep them; beside a pack on a read-only disk they are simply made again next time."""
    file, buffer = cache_file(pack, name), io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    try:
        file.parent.mkdir(exist_ok=True)
        write_whole(file, buffer.getvalue())
    except OSError as problem:
        log.info("%s is not kept beside %s: %s", name, pack.path, problem)


class RealFeatures:
    """What ``features`` sees in the pictures of ``pack``, by row of the whole pack."""

    def __init__(self, pack: Pack, features: Features) -> None:
        self.pack, self.features = pack, features
        self._rows: Indices = np.zeros(0, np.int64)
        self._vectors: Vectors = np.zeros((0, features.dim), np.float32)
        self._place: dict[int, int] = {}
        self._unsaved = False
        self._read()

    @property
    def _name(self) -> str:
        return f"{self.features.hash}.npz"

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Indices:
        """The rows that are known, in no order."""
        return self._rows

    def missing(self, rows: Indices) -> Indices:
        """Those of ``rows`` that have not been looked at yet, in their order."""
        return np.array([row for row in rows.tolist() if row not in self._place], np.int64)

    def look(self, rows: Indices) -> None:
        """Look at the pictures of these rows that are not known yet."""
        fresh = self.missing(np.asarray(list(dict.fromkeys(rows.tolist())), np.int64))
        if len(fresh):
            self._add(fresh, np.asarray(gathered(self._seen, fresh)))
            self._unsaved = True

    def _seen(self, rows: Indices) -> Vectors:
        return self.features(self.pack.shards.take(rows))

    def learn(self, rows: Indices, vectors: Vectors) -> None:
        """Take over what was seen in these rows elsewhere."""
        fresh = [at for at, row in enumerate(rows.tolist()) if row not in self._place]
        self._add(rows[fresh], vectors[fresh])
        self._unsaved = True

    def of(self, rows: Indices) -> Vectors:
        """The vectors of these rows, ``[N, dim]``; unknown ones are looked at first."""
        self.look(rows)
        places = np.array([self._place[row] for row in rows.tolist()], np.int64)
        return np.asarray(gathered(self._vectors.__getitem__, places))

    def save(self) -> None:
        """Keep what is new; a pack on a read-only disk is simply looked at again next time."""
        if self._unsaved:
            write_arrays(self.pack, self._name, rows=self._rows, vectors=self._vectors)
        self._unsaved = False

    def _read(self) -> None:
        known = read_arrays(self.pack, self._name, "rows", "vectors")
        if known is None:
            return
        rows, vectors = known
        if vectors.shape == (len(rows), self.features.dim) and (rows < self.pack.count).all():
            self._add(rows.astype(np.int64), vectors.astype(np.float32, copy=False))

    def _add(self, rows: NDArray[np.int64], vectors: Vectors) -> None:
        start = len(self._rows)
        self._rows = np.concatenate([self._rows, rows])
        self._vectors = np.concatenate([self._vectors, vectors]) if start else vectors
        self._place.update({row: start + i for i, row in enumerate(rows.tolist())})


def shuffled(split: Split) -> Indices:
    """The rows of a split in one fixed random order: every prefix is a fair choice."""
    order = seeds.array_generator(0, f"reals/{split.name}").permutation(len(split))
    return split.pack_rows(order)
