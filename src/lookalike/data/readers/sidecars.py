"""Small files that belong to one picture: ``key.cls`` (its class), ``key.json`` (its attributes).

Webdataset (https://github.com/webdataset/webdataset) ends the key at the first dot of the base
name. Where one key has several pictures so, their names have dots, and the key ends at the last.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lookalike.data.readers.encodings import decode_text
from lookalike.data.readers.label_tables import flat
from lookalike.data.readers.layout import counted, is_picture_name, listed

SIDE_SUFFIXES = (".cls", ".json")
SIDE_LIMIT = 1 << 20
"""The most bytes of one such file."""

_DOWNLOADED = frozenset({"key", "status", "url"})
_TECHNICAL = _DOWNLOADED | frozenset(
    "caption error_message width height original_width original_height exif sha256 md5".split()
)
"""What img2dataset notes of a download: no labels."""


@dataclass
class SideFacts:
    """What the small files beside a picture say."""

    class_name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, data: bytes) -> bool:
        """Take what one of them says; False where it says nothing."""
        text = decode_text(data)[0].strip()
        if name.lower().endswith(".cls"):
            self.class_name = text
            return bool(text)
        try:
            row: Any = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(row, Mapping):
            return False
        words = flat(row)
        technical = _TECHNICAL if words.keys() >= _DOWNLOADED else frozenset()
        self.attributes |= {name: value for name, value in words.items() if name not in technical}
        return True


def _short(name: str) -> str:
    """Up to the first dot of the base name."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base[:1]}{base[1:].partition('.')[0]}"


def _long(name: str) -> str:
    """Up to the last dot of the base name."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.rpartition('.')[0] or base}"


def sidecars(pictures: Sequence[str], others: Iterable[str]) -> tuple[list[list[str]], list[str]]:
    """The side files of each picture, and sentences about keys that have several pictures."""
    sides: dict[str, list[str]] = defaultdict(list)
    for name in others:
        if name.lower().endswith(SIDE_SUFFIXES):
            sides[_long(name)].append(name)
    by_key: dict[str, list[str]] = defaultdict(list)
    for name in pictures:
        if is_picture_name(name):
            by_key[_short(name)].append(name)
    found, shared = [], set()
    for name in pictures:
        own = [*sides.get(name, ()), *sides.get(_long(name), ())]
        if not own:
            own = sides.get(_short(name), [])
            if own and len(by_key[_short(name)]) > 1:
                shared.add(_short(name))
        found.append(own)
    return found, [_several(by_key, shared)] if shared else []


def _several(by_key: Mapping[str, Sequence[str]], shared: Iterable[str]) -> str:
    keys = sorted(shared)
    first = listed(by_key[keys[0]], 3)
    return (
        f"{counted(len(keys), 'key')} with several pictures, which share its labels: "
        f"{listed(keys, 3)} ({first})."
    )
