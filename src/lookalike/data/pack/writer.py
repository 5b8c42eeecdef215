"""Writing packs: picture by picture, with flat memory, whole or not at all."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds
from lookalike.data.pack.atomic_folder import into_place, replace, staging
from lookalike.data.pack.label_schema import Schema, SchemaBuilder
from lookalike.data.pack.pack import (
    FORMAT,
    HEADER,
    RECTANGULAR,
    VERSION,
    Pack,
    PackShards,
    Row,
    new_fingerprint,
    shard_header,
)
from lookalike.errors import PackError
from lookalike.images import Pixels
from lookalike.results import plain
from lookalike.sizes import Rectangle, shape_of, size_of

_ESCAPED = "backslashreplace"
"""What no encoding can write (half of a character, a byte of a name) becomes JSON's own escape."""


class PackWriter:
    """Writes a pack beside its place and renames it when it is complete.

    Use as a context manager: ``append`` pictures, then ``finish``. When the block is left by an
    exception, or without ``finish``, nothing remains and a pack that was there before is untouched.
    """

    def __init__(
        self, to: Path, *, size: int, channels: int = 3, shard_bytes: int = 1 << 30
    ) -> None:
        self.to = to
        self.size = size
        self.shape = (*shape_of(size), channels)
        self.count = 0
        self._per_shard = max(1, shard_bytes // int(np.prod(self.shape)))
        self._shards: list[Row] = []
        self._shard: BinaryIO | None = None
        self._schema = SchemaBuilder()
        self._classes: Counter[str] = Counter()
        self._amended: dict[int, Row] = {}
        self._digest = new_fingerprint(self.shape)
        self._staging = ExitStack()
        self.folder = Path()
        self._rows: TextIO

    def __enter__(self) -> PackWriter:
        self.folder = self._staging.enter_context(staging(self.to))
        self._rows = (self.folder / "rows.jsonl").open("w", encoding="utf-8", errors=_ESCAPED)
        return self

    def __exit__(self, *problem: object) -> None:
        with suppress(OSError):  # a full disk refuses again; what it holds is thrown away
            self._close()
        self._staging.close()

    def _close(self) -> None:
        try:
            self._rows.close()
        finally:
            self._end_shard()

    def _end_shard(self) -> None:
        shard, self._shard = self._shard, None
        if shard is not None:
            with shard:
                shard.seek(0)
                shard.write(shard_header((self._shards[-1]["count"], *self.shape)))

    def append(self, pixels: Pixels, row: Mapping[str, Any], *, counts: bool = True) -> None:
        """Add one picture, uint8 ``[H, W, channels]``, and its manifest line.

        The line may hold ``class`` (a word) and ``attributes`` (words by name); both become labels.
        A picture that does not count (a changed copy) leaves class counts and the mean and spread
        of numeric attributes as they are.
        """
        if pixels.dtype != np.uint8 or pixels.shape != self.shape:
            raise ValueError(f"expected uint8 {self.shape}, got {pixels.dtype} {pixels.shape}")
        if self._shard is None or self._shards[-1]["count"] == self._per_shard:
            self._next_shard()
        assert self._shard is not None
        data = np.ascontiguousarray(pixels).tobytes()
        self._shard.write(data)
        self._digest.update(data)
        self._shards[-1]["count"] += 1
        self.count += 1
        if counts:
            self._see(row)
        self._rows.write(json.dumps(dict(row), ensure_ascii=False) + "\n")

    def amend(self, number: int, row: Mapping[str, Any]) -> None:
        """Give a picture labels that it had not when it was written: ``class``, ``attributes``."""
        self._amended[number] = dict(row)
        self._see(row)

    def _see(self, row: Mapping[str, Any]) -> None:
        if row.get("class"):
            self._classes[str(row["class"])] += 1
        if row.get("attributes"):
            self._schema.see(row["attributes"])

    def _next_shard(self) -> None:
        self._end_shard()
        name = f"images-{len(self._shards):05d}.npy"
        self._shards.append({"file": name, "count": 0})
        self._shard = (self.folder / name).open("wb")
        self._shard.write(bytes(HEADER))

    def written(self) -> Iterator[tuple[Pixels, Row]]:
        """The pictures written so far with their lines, while others may be added behind them."""
        self._rows.flush()
        if self._shard is not None:
            self._shard.flush()
        about = {"size": self.size, "channels": self.shape[2], "shards": self._shards}
        pictures = PackShards(self.folder, about)
        with (self.folder / "rows.jsonl").open(encoding="utf-8") as rows:
            for number, line in enumerate(islice(rows, self.count)):
                row = json.loads(line) | self._amended.get(number, {})
                yield pictures.take(np.array([number]))[0], row

    def finish(
        self,
        *,
        holdout: NDArray[np.bool_] | None = None,
        info: Mapping[str, Any] | None = None,
        refused: Sequence[Mapping[str, Any]] = (),
    ) -> Pack:
        """Write labels, manifest and ``pack.json``, and put the pack in its place.

        ``holdout`` is bool ``[count]``, ``info`` goes into ``pack.json`` as it is.
        """
        if not self.count:
            raise PackError(f"no picture was written to {self.to}: a pack needs at least one.")
        held = np.zeros(self.count, np.bool_) if holdout is None else np.asarray(holdout, np.bool_)
        if held.shape != (self.count,):
            raise ValueError(f"holdout has the shape {held.shape}, not ({self.count},)")
        self._close()
        schema = self._schema.done()
        classes = sorted(self._classes) if len(self._classes) > 1 else []
        self._labels(schema, classes, held)
        np.save(self.folder / "train.npy", np.flatnonzero(~held).astype(np.int64))
        np.save(self.folder / "holdout.npy", np.flatnonzero(held).astype(np.int64))
        with (self.folder / "refused.jsonl").open("w", encoding="utf-8", errors=_ESCAPED) as file:
            file.writelines(json.dumps(dict(one), ensure_ascii=False) + "\n" for one in refused)
        self._write_info(schema, classes, held, {**(info or {}), "refused": len(refused)})
        _put_in_place(self.folder, self.to)
        return Pack.open(self.to)

    def _labels(self, schema: Schema, classes: list[str], held: NDArray[np.bool_]) -> None:
        """Stream the rows once: the manifest gains its split, the labels their numbers."""
        number = {name: index for index, name in enumerate(classes)}
        chosen = _new_array(self.folder / "classes.npy", np.int32, (self.count,))
        wide = (
            _new_array(
                self.folder / "attributes.npy", np.float32, (self.count, len(schema.columns))
            )
            if schema.columns
            else None
        )
        source = self.folder / "rows.jsonl"
        manifest = self.folder / "manifest.jsonl"
        with (
            source.open(encoding="utf-8") as rows,
            manifest.open("w", encoding="utf-8", errors=_ESCAPED) as lines,
        ):
            for index, line in enumerate(rows):
                row = json.loads(line) | self._amended.get(index, {})
                chosen[index] = number.get(str(row.get("class")), -1)
                if wide is not None:
                    wide[index] = schema.encode(row.get("attributes") or {})
                row["split"] = "holdout" if held[index] else "train"
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        source.unlink()
        for array in (chosen, wide):
            if array is not None:
                self._digest.update(array.data.cast("B"))
                array.flush()
        self._digest.update(held.tobytes())

    def _write_info(
        self,
        schema: Schema,
        classes: list[str],
        held: NDArray[np.bool_],
        extra: Mapping[str, Any],
    ) -> None:
        columns = [f"class={name}" for name in classes] + list(schema.columns)
        self._digest.update(json.dumps([columns, schema.as_list()]).encode())
        info = {
            **extra,
            "format": FORMAT,
            "version": RECTANGULAR if isinstance(self.size, Rectangle) else VERSION,
            "name": self.to.name,
            "size": plain(self.size),
            "channels": self.shape[2],
            "count": self.count,
            "train": int((~held).sum()),
            "holdout": int(held.sum()),
            "shards": self._shards,
            "classes": classes,
            "class_counts": {name: self._classes[name] for name in classes},
            "columns": columns,
            "attributes": schema.as_list(),
            "fingerprint": self._digest.hexdigest(),
        }
        text = json.dumps(info, indent=1, ensure_ascii=False)
        (self.folder / "pack.json").write_text(text + "\n", "utf-8", _ESCAPED)


class ChangedCopies:
    """The changed copies of a pack (``augment``) on their way into another pack.

    A copy is known by the file and frame of its original; ``of`` is that one's row in its pack.
    """

    def __init__(self) -> None:
        self.count = 0
        self._rows: dict[tuple[Any, Any], int] = {}

    def placed(self, line: Row, number: int) -> Row | None:
        """The line as it stands at row ``number``; None for a copy whose original did not come."""
        address = line.get("source"), line.get("frame")
        if "augment" not in line:
            self._rows[address] = number
            return line
        if address not in self._rows:
            return None
        self.count += 1
        return {**line, "of": self._rows[address]}


def _new_array(file: Path, kind: type, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    array = np.lib.format.open_memmap(file, mode="w+", dtype=kind, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as room:
            # Without it a full disk would end the process, when a page is written.
            os.posix_fallocate(room.fileno(), 0, file.stat().st_size)
    return array


def _put_in_place(folder: Path, to: Path) -> None:
    """Rename ``folder`` to ``to``; a pack that was there goes away after the new one is in."""
    if not to.exists():
        into_place(folder, to)
        return
    if not Pack.is_pack(to) and any(to.iterdir() if to.is_dir() else [to]):
        raise PackError(
            f"{to} exists and is not a pack, so nothing was written there. "
            "Name another place, or move it away."
        )
    replace(folder, to)


def write_pack(
    to: Path,
    pixels: Pixels,
    *,
    rows: Sequence[Mapping[str, Any]] | None = None,
    holdout: float = 0.1,
    seed: int = 0,
) -> Pack:
    """Make a pack from an array uint8 ``[N, H, W, C]`` that is in memory; a plain random split."""
    count = len(pixels)
    held = np.zeros(count, np.bool_)
    order = seeds.array_generator(seed, "holdout").permutation(count)
    held[order[: round(count * holdout)]] = True
    size = size_of(*pixels.shape[1:3])
    with PackWriter(to, size=size, channels=pixels.shape[3]) as writer:
        for index in range(count):
            row = rows[index] if rows is not None else {"source": str(index)}
            writer.append(pixels[index], row)
        return writer.finish(holdout=held)
