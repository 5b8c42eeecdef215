"""One file's way into a pack: read, made square, and measured. Runs in workers."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageOps

from lookalike.data.decode.color_modes import opaque
from lookalike.data.decode.decode import (
    DecodedPicture,
    PictureFacts,
    ReadSettings,
    in_plain_words,
    open_picture,
    read_opened,
    read_picture,
)
from lookalike.data.decode.faces import FaceSettings, cut_face
from lookalike.data.decode.frames import frames_of
from lookalike.data.decode.memory_limits import LARGE_BYTES, LARGE_PIXELS, alone
from lookalike.data.readers.base import PictureFile
from lookalike.data.similarity.hash import perceptual_hashes, thumbnail
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
class Accepted:
    """A picture that is fit for the pack, uint8 ``[S, S, C]``; ``frame`` counts from 0."""

    pixels: Pixels
    facts: PictureFacts
    marks: Marks
    frame: int | None = None


@dataclass(frozen=True)
class Refused:
    """A file or frame that is not, and why; ``chosen`` when it was left out without reading.

    ``again`` when the reason lies in the place, not in the file, so that it is tried next time.
    """

    reason: str
    chosen: bool = False
    frame: int | None = None
    again: bool = False


_GENERATED = "lookalike:index"
_EXPANDED = "lookalike:synthetic"
"""What the PNGs of ``generate`` and ``expand`` carry; the latter belong to the set."""


def marks_of(pixels: Pixels) -> Marks:
    """Measure one prepared picture, uint8 ``[S, S, C]``."""
    plain, mirrored = perceptual_hashes(pixels)
    return Marks(digest_of(pixels.tobytes()), plain, mirrored, thumbnail(pixels))


def digest_of(data: bytes) -> int:
    """63 bits that stand for these bytes."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1


@dataclass(frozen=True)
class Preprocessor:
    """What is taken out of a file: its picture, the one face in it, or every frame of it."""

    look: ReadSettings
    faces: FaceSettings | None = None
    frames: bool = False

    def __call__(self, files: Sequence[PictureFile]) -> list[tuple[Accepted | Refused, ...]]:
        """Read some files; never raises because of what is in them."""
        return [tuple(self._take(file)) for file in files]

    def _take(self, file: PictureFile) -> Iterator[Accepted | Refused]:
        with alone(file.size > LARGE_BYTES):
            yield from self._taken(file)

    def _taken(self, file: PictureFile) -> Iterator[Accepted | Refused]:
        try:
            data = file.read()
        except DataError as problem:
            yield Refused(str(problem), again=isinstance(problem.__cause__, OSError))
            return
        sha256 = hashlib.sha256(data).hexdigest()
        for number, read in self._frames(data) if self.frames else [(None, self._still(data))]:
            if isinstance(read, DataError):
                yield Refused(str(read), frame=number)
            else:
                facts = replace(read.facts, sha256=sha256)
                yield Accepted(read.pixels, facts, marks_of(read.pixels), number)

    def _still(self, data: bytes) -> DecodedPicture | DataError:
        try:
            # Gone before it is read: some decoders hold a whole picture as soon as they are open.
            opened = open_picture(data, self.look.pixel_limit)
            if _GENERATED in opened.info and _EXPANDED not in opened.info:
                raise DataError("is a synthetic picture that lookalike generated, none of yours")
            whole = PictureFacts.of(opened)
            del opened
            with alone(whole.width * whole.height > LARGE_PIXELS):
                if self.faces is None:
                    return read_picture(data, self.look)
                return self._face(data, whole)
        except DataError as problem:
            return problem

    def _frames(self, data: bytes) -> Iterator[tuple[int | None, DecodedPicture | DataError]]:
        for number, frame in frames_of(data, self.look):
            if isinstance(frame, DataError):
                yield number, frame
            elif number is None:
                yield None, self._still(data)
            else:
                yield number, self._frame(frame)

    def _frame(self, frame: Image.Image) -> DecodedPicture | DataError:
        try:
            with in_plain_words():
                if self.faces is None:
                    return read_opened(frame, self.look)
                whole = io.BytesIO()
                opaque(ImageOps.exif_transpose(frame)).save(whole, "BMP")
                return self._face(whole.getvalue(), PictureFacts.of(frame))
        except DataError as problem:
            return problem

    def _face(self, data: bytes, whole: PictureFacts) -> DecodedPicture:
        """The aligned face, with the facts of the whole picture."""
        assert self.faces is not None
        face = read_picture(cut_face(data, self.faces), self.look)
        return replace(face, facts=replace(whole, notes=face.facts.notes))
