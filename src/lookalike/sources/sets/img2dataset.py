"""What img2dataset wrote, picture by picture: its ``files`` folders and its ``webdataset`` tars.

Archives are read as streams, member by member, and never unpacked: only regular files up to the
byte limit are looked at, and their names serve to pair a picture with its JSON, never as paths.
"""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookalike.data.readers.tar import ends_early
from lookalike.errors import SourceError
from lookalike.settings.collect import Columns
from lookalike.sources.sets.lists import choose, from_row
from lookalike.sources.store.collection import Delivery

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
KINDS = {**dict.fromkeys(PICTURES, "picture"), ".json": "note"}
"""What a file of a shard is, by its ending."""

UNFETCHED = "not fetched by img2dataset"


class FetchedShards:
    """An output folder of img2dataset: iterate over it for the pictures, then read ``notes``.

    ``refused`` counts, by reason, what lies there and gives no picture; ``notes`` says which shards
    are cut off or unfinished, and how many addresses img2dataset itself could not fetch.

    Raises:
        SourceError: the folder holds neither tars nor numbered folders with pictures and JSON.
    """

    def __init__(self, folder: Path, columns: Columns, *, most_bytes: int) -> None:
        tars = folder.glob("*.tar")
        parts = (part for part in folder.glob("[0-9]*") if part.is_dir())
        self._shards = [*sorted(tars), *sorted(parts)]
        self._folder, self._columns, self._most = folder, columns, most_bytes
        if not self._shards:
            raise SourceError(
                f"{folder} holds no output of img2dataset (looked for 00000.tar and 00000/). Run "
                "it with --output_format webdataset or files; docs/collect.md has the command."
            )
        self.refused: Counter[str] = Counter()
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[Delivery]:
        """The pictures with their addresses and terms, shard by shard.

        Raises:
            SourceError: every shard is damaged before its first picture.
        """
        empty, damaged = True, list[str]()
        for shard in self._shards:
            read = self._from_folder if shard.is_dir() else self._from_tar
            try:
                for delivery in read(shard):
                    empty = False
                    yield delivery
            except (tarfile.TarError, EOFError, OSError) as problem:
                damaged.append(f"{shard.name} is damaged ({problem}); run img2dataset again for it")
        if empty and damaged:
            raise SourceError(f"{self._folder}: {'; '.join(damaged)}.")
        self.notes += [*damaged, *self._statistics()]

    def _from_folder(self, part: Path) -> Iterator[Delivery]:
        sides: dict[str, dict[str, Path]] = {}
        for file in sorted(part.iterdir()):
            if file.suffix.lower() in KINDS and file.is_file():
                sides.setdefault(file.stem, {})[KINDS[file.suffix.lower()]] = file
        for files in sides.values():
            yield from self._delivery({kind: self._read(files[kind]) for kind in files}, part)

    def _read(self, file: Path) -> bytes | None:
        return file.read_bytes() if file.stat().st_size <= self._most else None

    def _from_tar(self, tar: Path) -> Iterator[Delivery]:
        """Members of one picture stand side by side and share the name before the first dot."""
        key, sides = "", dict[str, bytes | None]()
        with tarfile.open(tar, "r|") as stream:
            for member in stream:
                name, _, ending = member.name.rpartition("/")[2].partition(".")
                kind = KINDS.get(f".{ending.lower()}")
                if not member.isreg() or kind is None:
                    continue
                if name != key:
                    yield from self._delivery(sides, tar)
                    key, sides = name, {}
                file = stream.extractfile(member) if member.size <= self._most else None
                sides[kind] = file.read() if file is not None else None
            yield from self._delivery(sides, tar)
        if ends_early(tar):
            raise EOFError("it ends early")

    def _delivery(self, sides: Mapping[str, bytes | None], shard: Path) -> Iterator[Delivery]:
        """A picture with what its JSON says; a reason where one of them gives nothing."""
        if not sides:
            return
        picture, note = sides.get("picture"), sides.get("note")
        if picture is None:
            self.refused["too many bytes" if "picture" in sides else UNFETCHED] += 1
            return
        try:
            row: Any = json.loads(note or b"")
        except (ValueError, RecursionError):
            self.refused["no JSON beside it, or a broken one"] += 1
            return
        if not isinstance(row, dict) or row.get("status") not in (None, "success"):
            self.refused[UNFETCHED] += 1
            return
        found = from_row(row, choose(row, self._columns, shard), source="img2dataset")
        if found is None:
            self.refused["no address"] += 1
            return
        yield Delivery(found=replace(found, notes={"shard": shard.name}), data=picture)

    def _statistics(self) -> Iterator[str]:
        """What img2dataset's own counts say: addresses that failed, shards that it did not end."""
        files = {shard: shard.with_name(f"{shard.stem}_stats.json") for shard in self._shards}
        there = [file for file in files.values() if file.is_file()]
        unfinished = [shard.name for shard, file in files.items() if there and file not in there]
        if unfinished:
            yield (
                f"img2dataset was stopped before it ended {', '.join(unfinished[:5])} (no "
                "_stats.json beside it): run it again, then this command"
            )
        asked = failed = 0
        why: Counter[str] = Counter()
        for file in there:
            try:
                counts = json.loads(file.read_bytes())
                count, successes = (int(counts.get(name, 0)) for name in ("count", "successes"))
                reasons = {k: int(v) for k, v in (counts.get("status_dict") or {}).items()}
            except (ValueError, RecursionError, TypeError, AttributeError):
                yield f"{file.name} is damaged: what img2dataset counted there is left out"
                continue
            asked, failed = asked + count, failed + count - successes
            why.update(reasons)
        if failed:
            why.pop("success", None)
            most = ", ".join(f"{reason} {count}" for reason, count in why.most_common(3))
            yield f"img2dataset could not fetch {failed} of {asked} addresses ({most})"
