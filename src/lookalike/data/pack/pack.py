"""The pack: pictures as memory-mapped uint8 shards, ready to train from.

A pack is a folder: ``images-00000.npy …`` (uint8 ``[n, H, W, channels]``), ``classes.npy``,
``attributes.npy``, ``train.npy`` and ``holdout.npy`` (row numbers), ``manifest.jsonl`` (one line a
picture), ``refused.jsonl`` and ``pack.json``. Opening reads ``pack.json`` only and maps the rest,
so that a pack of ten million pictures opens at once. Packs are made by
:class:`lookalike.data.pack.writer.PackWriter`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import PackError
from lookalike.images import Pixels
from lookalike.sizes import read_size, shape_of

FORMAT = "lookalike-pack"
VERSION, RECTANGULAR = 1, 2
"""The second is that of pictures that are not square, which older programs refuse by it."""
HEADER = 128
"""Bytes in front of the pixels of a shard: a standard ``.npy`` header padded to this length."""

MOST_VERIFIED = 4 << 30
"""The most bytes of pixels that :meth:`Pack.verified` reads."""
FIELDS = {"attributes", "class_counts", "count", "holdout", "train"}
"""What ``pack.json`` has to have, beside what opening reads of it."""

log = logging.getLogger(__name__)
_verified: set[tuple[Any, ...]] = set()
_TOGETHER = 256
_SETTLED = 2_000_000_000
"""Nanoseconds: two changes of a file may have the same time when they are nearer."""
Row = dict[str, Any]
Indices = NDArray[np.int64]


class PackShards:
    """All pictures of a pack as one array that never has to fit in memory.

    ``info`` is what ``pack.json`` says, or will say, of ``size``, ``channels`` and ``shards``.
    """

    def __init__(self, path: Path, info: dict[str, Any]) -> None:
        self._path = path
        self._files: list[tuple[str, int]] = [(one["file"], one["count"]) for one in info["shards"]]
        self._shape = (*shape_of(read_size(info["size"])), int(info["channels"]))
        counts = [count for _, count in self._files]
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._opened: dict[int, Pixels] = {}

    def check(self) -> None:
        """Compare every shard's length in bytes with what ``pack.json`` promises."""
        each = int(np.prod(self._shape))
        for name, count in self._files:
            file, wanted = self._path / name, HEADER + count * each
            found = file.stat().st_size if file.is_file() else None
            if found != wanted:
                state = "is missing" if found is None else f"has {found} bytes, not {wanted}"
                raise damaged(self._path, f"{name} {state}")

    def _shard(self, number: int) -> Pixels:
        if number not in self._opened:
            name, count = self._files[number]
            shape = (count, *self._shape)
            mapped = np.memmap(self._path / name, np.uint8, "r", offset=HEADER, shape=shape)
            self._opened[number] = np.asarray(mapped)
        return self._opened[number]

    def take(self, rows: Indices) -> Pixels:
        """Copy these rows, uint8 ``[len(rows), H, W, C]``."""
        if len(self._files) == 1:
            return self._shard(0)[rows]
        taken = np.empty((len(rows), *self._shape), np.uint8)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(owners):
            mine = owners == number
            taken[mine] = self._shard(int(number))[rows[mine] - self._starts[number]]
        return taken


class Split:
    """One side of a pack: its training pictures, or those held out.

    Indices count from 0 within the split, in any order, and may repeat.
    """

    def __init__(self, pack: Pack, name: str, rows: Indices) -> None:
        self.pack = pack
        self.name = name
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def pack_rows(self, indices: ArrayLike | None = None) -> Indices:
        """The row numbers in the whole pack of these pictures, or of all, int64 ``[N]``."""
        if indices is None:
            return np.array(self._rows)
        wanted = np.asarray(indices, np.int64).reshape(-1)
        if wanted.size and not (0 <= wanted.min() and wanted.max() < len(self)):
            raise IndexError(
                f"pictures {wanted.min()} to {wanted.max()} asked of the {self.name} split, "
                f"which has {len(self)}"
            )
        return self._rows[wanted]

    def images(self, indices: ArrayLike) -> Pixels:
        """A copy of these pictures, uint8 ``[N, H, W, C]``."""
        return self.pack.shards.take(self.pack_rows(indices))

    def all_images(self) -> Pixels:
        """Every picture of the split at once; for small work only."""
        return self.pack.shards.take(np.asarray(self._rows))

    def classes(self, indices: ArrayLike) -> Indices:
        """Class numbers, int64 ``[N]``; -1 where a picture has no class."""
        return self.pack.class_numbers[self.pack_rows(indices)].astype(np.int64)

    def labels(self, indices: ArrayLike) -> NDArray[np.float32]:
        """float32 ``[N, len(pack.columns)]``: one-hot class, then the attribute columns."""
        rows = self.pack_rows(indices)
        count = len(self.pack.classes)
        numbers = self.pack.class_numbers[rows].astype(np.int64)
        wide = np.zeros((len(rows), len(self.pack.columns)), np.float32)
        if count and wide.shape[1]:
            known = numbers >= 0
            wide[np.nonzero(known)[0], numbers[known]] = 1.0
        if wide.shape[1] > count:
            wide[:, count:] = self.pack.attribute_numbers[rows]
        return wide

    def rows(self, indices: ArrayLike) -> list[Row]:
        """The manifest lines of these pictures."""
        return [self.pack.manifest_line(int(row)) for row in self.pack_rows(indices)]

    def each(self) -> Iterator[tuple[Pixels, Row]]:
        """Every picture with its manifest line, in order; some of them are read together."""
        for start in range(0, len(self), _TOGETHER):
            some = np.arange(start, min(start + _TOGETHER, len(self)))
            yield from zip(self.images(some), self.rows(some), strict=True)


class Pack:
    """A folder of prepared pictures, opened for reading. Use :meth:`open`."""

    def __init__(self, path: Path, info: dict[str, Any]) -> None:
        self.path = path
        self.info = info
        self.name = str(info.get("name") or path.name)
        self.size = read_size(info["size"])
        self.channels: int = info["channels"]
        self.shape = (*shape_of(self.size), self.channels)
        self.count: int = info["count"]
        self.classes: tuple[str, ...] = tuple(info["classes"])
        self.columns: tuple[str, ...] = tuple(info["columns"])
        self.fingerprint: str = info["fingerprint"]
        self.shards = PackShards(path, info)
        self.class_numbers: NDArray[np.int32] = self._array("classes.npy", (self.count,))
        wide = len(self.columns) - len(self.classes)
        self.attribute_numbers: NDArray[np.float32] = (
            self._array("attributes.npy", (self.count, wide))
            if wide
            else np.zeros((self.count, 0), np.float32)
        )
        self.train = Split(self, "train", self._array("train.npy", (info["train"],)))
        self.holdout = Split(self, "holdout", self._array("holdout.npy", (info["holdout"],)))
        self._offsets: Indices | None = None

    def __repr__(self) -> str:
        return f"Pack({str(self.path)!r}, {self.count} x {self.size} px)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Pack.open, (self.path,)

    @staticmethod
    def is_pack(path: Path) -> bool:
        """Say whether this folder looks like a pack (it may still be damaged)."""
        return os.path.isfile(path / "pack.json")  # also where one may not look

    @staticmethod
    def open(path: Path | str) -> Pack:
        """Open a pack and check that it is whole.

        Raises:
            PackError: it is missing, damaged, or of another version.
        """
        path = Path(path)
        info = _read_info(path)
        try:
            pack = Pack(path, info)
        except (KeyError, TypeError, ValueError) as problem:
            raise damaged(path, f"its pack.json does not fit ({problem!r})") from problem
        pack.shards.check()
        return pack

    def verified(self) -> Pack:
        """This pack, after all of it was read and compared with its fingerprint.

        Of more than 4 GB of pixels only the lengths of the files were compared, by opening it. One
        that this process has compared already is not read again while its files are as they were.

        Raises:
            PackError: pixels, labels or split are not those that the pack was made with.
        """
        if self.count * math.prod(self.shape) > MOST_VERIFIED:
            return self
        state = self._state()
        if state not in _verified:
            self._verify()
            if time.time_ns() - max(when for *_, when in state[3:]) > _SETTLED:
                _verified.add(state)
        return self

    def _state(self) -> tuple[Any, ...]:
        """What changes when a file of the pack does."""
        abouts = [(file.name, file.stat()) for file in sorted(self.path.glob("*.npy"))]
        sizes = [(name, about.st_size, about.st_mtime_ns) for name, about in abouts]
        info = json.dumps([list(self.columns), self.info["attributes"]])
        return str(self.path.resolve()), self.fingerprint, info, *sizes

    def _verify(self) -> None:
        digest = new_fingerprint(self.shape)
        block = max(1, (16 << 20) // math.prod(self.shape))
        for start in range(0, self.count, block):
            rows = np.arange(start, min(start + block, self.count))
            digest.update(self.shards.take(rows).data)
        digest.update(np.ascontiguousarray(self.class_numbers).data.cast("B"))
        if self.attribute_numbers.shape[1]:
            digest.update(np.ascontiguousarray(self.attribute_numbers).data.cast("B"))
        held = np.zeros(self.count, np.bool_)
        rows = self.holdout.pack_rows()
        held[rows[(0 <= rows) & (rows < self.count)]] = True
        digest.update(held.tobytes())
        digest.update(json.dumps([list(self.columns), self.info["attributes"]]).encode())
        both = np.concatenate([self.train.pack_rows(), rows])
        whole = np.array_equal(np.sort(both), np.arange(self.count))
        if digest.hexdigest() != self.fingerprint or not whole:
            raise damaged(
                self.path, "its pictures, labels or split are not those that it was made with"
            )

    def _array(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        try:
            array = np.asarray(np.load(self.path / name, mmap_mode="r" if shape[0] else None))
        except (OSError, ValueError, EOFError) as problem:
            raise damaged(self.path, f"{name} cannot be read ({problem})") from problem
        kind = "f" if name == "attributes.npy" else "i"
        if array.shape != shape or array.dtype.kind != kind:
            wanted = f"{shape} and {'float' if kind == 'f' else 'integer'}"
            found = f"the shape {array.shape} and the type {array.dtype}"
            raise damaged(self.path, f"{name} has {found}, not {wanted}")
        return array

    def manifest(self) -> Iterator[Row]:
        """Every manifest line in the order of the pictures, read as a stream."""
        with (self.path / "manifest.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                yield self._row(line)

    def manifest_line(self, row: int) -> Row:
        """The manifest line of one row of the whole pack."""
        with (self.path / "manifest.jsonl").open("rb") as file:
            if self._offsets is None:
                lengths = np.fromiter((len(line) for line in file), np.int64)
                self._offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            file.seek(int(self._offsets[row]))
            return self._row(file.readline())

    def _row(self, line: str | bytes, file: str = "manifest.jsonl") -> Row:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise damaged(self.path, f"a line of its {file} cannot be read")
        return row

    def refused(self) -> list[Row]:
        """The files that were left out, each with its reason; lines that are damaged are said."""
        file = self.path / "refused.jsonl"
        if not file.is_file():
            return []
        rows: list[Row] = []
        for line in file.read_text("utf-8", "replace").splitlines():
            try:
                rows.append(self._row(line, file.name))
            except PackError as problem:
                log.warning("%s", problem)
                break
        return rows


def damaged(path: Path, what: str) -> PackError:
    """The error about a pack in which something is not as it was written."""
    return PackError(
        f"the pack {path} is damaged: {what}. "
        "Copy the pack again, or make it again with 'lookalike prepare'."
    )


def _read_info(path: Path) -> dict[str, Any]:
    file = path / "pack.json"
    if not file.is_file():
        missing = "does not exist" if not path.exists() else "is not a pack (it has no pack.json)"
        raise PackError(
            f"{path} {missing}. Make a pack from a folder of pictures with: "
            "lookalike prepare FOLDER --to PACK"
        )
    try:
        info: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as problem:
        raise damaged(path, f"pack.json cannot be read ({problem})") from problem
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise PackError(f"{file} was not written by lookalike; name a folder that is a pack.")
    lacking = sorted(FIELDS - info.keys())
    known = info.get("version") in {VERSION, RECTANGULAR}
    if known and lacking:
        raise damaged(path, f"its pack.json lacks {', '.join(lacking)}")
    if not known:
        raise PackError(
            f"the pack {path} is of version {info.get('version')!r}, this program reads version "
            f"{VERSION}. Make it again with 'lookalike prepare', or use the matching program."
        )
    return info


def new_fingerprint(shape: Sequence[int]) -> hashlib.blake2b:
    """The beginning of the digest over pixels, labels and split; ``shape`` is ``(H, W, C)``."""
    return hashlib.blake2b(repr(tuple(shape)).encode(), digest_size=16)


def shard_header(shape: Sequence[int]) -> bytes:
    """The header of a uint8 ``.npy`` file (version 1.0), padded to :data:`HEADER` bytes."""
    words = str({"descr": "|u1", "fortran_order": False, "shape": tuple(shape)}).encode("ascii")
    start = b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little")
    return start + words.ljust(HEADER - 11) + b"\n"
