"""What img2dataset wrote, picture by picture: its ``files`` folders and its ``webdataset`` tars.

Archives are read as streams, member by member, and never unpacked: only regular files up to the
byte limit are looked at, and their names serve to pair a picture with its JSON, never as paths.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookalike.errors import SourceError
from lookalike.settings.collect import Columns
from lookalike.sources.sets.lists import choose, from_row
from lookalike.sources.store.collection import Delivery

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
MOST_JSON = 1_000_000


def read(folder: Path, columns: Columns, *, most_bytes: int) -> Iterator[Delivery]:
    """The pictures of an img2dataset output folder with their addresses and terms.

    Raises:
        SourceError: the folder holds neither tars nor numbered folders with pictures and JSON.
    """
    tars = sorted(folder.glob("*.tar"))
    parts = sorted(part for part in folder.glob("[0-9]*") if part.is_dir())
    if not tars and not parts:
        raise SourceError(
            f"{folder} holds no output of img2dataset (looked for 00000.tar and 00000/). Run it "
            "with --output_format webdataset or files; docs/collect.md has the command."
        )
    for tar in tars:
        yield from _from_tar(tar, columns, most_bytes)
    for part in parts:
        yield from _from_folder(part, columns, most_bytes)


def _from_folder(part: Path, columns: Columns, most: int) -> Iterator[Delivery]:
    for note in sorted(part.glob("*.json")):
        picture = next(
            (note.with_suffix(end) for end in PICTURES if note.with_suffix(end).is_file()), None
        )
        if picture is not None and picture.stat().st_size <= most:
            yield from _pair(
                note.read_bytes()[:MOST_JSON], picture.read_bytes(), columns=columns, place=part
            )


def _from_tar(tar: Path, columns: Columns, most: int) -> Iterator[Delivery]:
    """Members of one picture stand side by side and share the name before the first dot."""
    key, sides = "", dict[str, bytes]()
    try:
        with tarfile.open(tar, "r|") as stream:
            for member in stream:
                if not member.isreg() or member.size > most:
                    continue
                name, _, ending = member.name.rpartition("/")[2].partition(".")
                if name != key:
                    yield from _pair(**sides, columns=columns, place=tar)
                    key, sides = name, {}
                file = stream.extractfile(member)
                if file is not None and f".{ending}" in (*PICTURES, ".json"):
                    sides["note" if ending == "json" else "picture"] = file.read()
            yield from _pair(**sides, columns=columns, place=tar)
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise SourceError(
            f"{tar} is damaged ({problem}); run img2dataset again for it."
        ) from problem


def _pair(
    note: bytes = b"", picture: bytes = b"", *, columns: Columns, place: Path
) -> Iterator[Delivery]:
    """A picture with its JSON; nothing where one of them is missing or the fetch failed."""
    try:
        row: Any = json.loads(note)
    except ValueError:
        return
    if not picture or not isinstance(row, dict) or row.get("status") not in (None, "success"):
        return
    found = from_row(row, choose(row, columns, place), source="img2dataset")
    if found is not None:
        yield Delivery(found=replace(found, notes={"shard": place.name}), data=picture)
