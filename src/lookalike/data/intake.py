"""One file's way into a pack: read, made square, and measured. Runs in workers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lookalike.data.faces import FaceSettings, cut_face
from lookalike.data.hashes import perceptual_hashes, thumbnail
from lookalike.data.items import Item
from lookalike.data.reading import Reading, ReadSettings, open_picture, read_picture
from lookalike.errors import DataError
from lookalike.images import Pixels


@dataclass(frozen=True)
class Marks:
    """What tells a prepared picture from another one.

    ``digest`` is 63 bits of its pixels, ``hash`` and ``mirrored`` are perceptual, ``thumb`` is
    uint8 ``[16, 16, C]``.
    """

    digest: int
    hash: int
    mirrored: int
    thumb: Pixels


@dataclass(frozen=True)
class Facts:
    """What a file was before it became a square."""

    sha256: str
    width: int
    height: int
    format: str
    mode: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(row: Mapping[str, Any]) -> Facts:
        """The facts as a manifest line has them."""
        sides = int(row["width"]), int(row["height"])
        return Facts(row["sha256"], *sides, row["format"], row["mode"], tuple(row["notes"]))


@dataclass(frozen=True)
class Taken:
    """A picture that is fit for the pack, uint8 ``[S, S, C]``."""

    pixels: Pixels
    facts: Facts
    marks: Marks


@dataclass(frozen=True)
class Refused:
    """A file that is not, and why; ``chosen`` when it could be read but was left out."""

    reason: str
    chosen: bool = False


def marks_of(pixels: Pixels) -> Marks:
    """Measure one prepared picture, uint8 ``[S, S, C]``."""
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=8).digest()
    plain, mirrored = perceptual_hashes(pixels)
    return Marks(int.from_bytes(digest, "little") >> 1, plain, mirrored, thumbnail(pixels))


def take(
    settings: ReadSettings, items: Sequence[Item], faces: FaceSettings | None = None
) -> list[Taken | Refused]:
    """Read some files (or the face in each); never raises because of what is in them."""
    found: list[Taken | Refused] = []
    for item in items:
        try:
            data = item.read()
            read = read_picture(data, settings) if faces is None else _face(data, settings, faces)
            sha256 = hashlib.sha256(data).hexdigest()
            facts = Facts(sha256, read.width, read.height, read.format, read.mode, read.notes)
            found.append(Taken(read.pixels, facts, marks_of(read.pixels)))
        except DataError as problem:
            found.append(Refused(str(problem)))
    return found


def _face(data: bytes, settings: ReadSettings, faces: FaceSettings) -> Reading:
    """The aligned face, with the facts of the whole picture."""
    with open_picture(data, settings.pixel_limit) as whole:
        size, kind, mode = whole.size, whole.format or "?", whole.mode
    read = read_picture(cut_face(data, faces), settings)
    return replace(read, width=size[0], height=size[1], format=kind, mode=mode)
