"""Anything a person has -> one uint8 picture: orientation, colour modes, alpha, depth, fit.

Files go by their content, never by their suffix. Whatever cannot be read is a ``DataError`` whose
message is the reason in plain words; nothing else leaves :func:`read_picture`.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageColor, ImageFilter, UnidentifiedImageError

from lookalike import images
from lookalike.data.decode.alpha import bled
from lookalike.data.decode.color_modes import (
    SRGB,
    Box,
    conversion,
    on_white,
    profile_of,
    resized,
)
from lookalike.data.decode.formats import (
    FIRST_FORMATS,
    allow_long_texts,
    readable_formats,
    what_it_is,
)
from lookalike.data.readers.base import BYTE_LIMIT
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.sizes import Rectangle, shape_of

Fit = Literal["crop", "pad", "stretch"]

PIXEL_LIMIT = 80_000_000
SIZE_LIMIT = 4096
"""The largest side of a square; a hundred thousand pixels would fill any memory."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}
ORIENTATION = 0x0112


@dataclass(frozen=True, kw_only=True)
class ReadSettings:
    """How a picture becomes a square, or a rectangle of this ``size``.

    ``crop`` cuts the central ``crop`` pixels out before anything else (CelebA recipes use 160).
    ``background`` fills what is transparent or padded: white, black, blur or #rrggbb. With four
    ``channels`` nothing is filled: what is padded is transparent, too.
    Pictures with a side below ``least`` or more than ``pixel_limit`` pixels are refused; JPEGs are
    decoded at a reduced scale, so for them Pillow's own limit of 178 million applies.
    """

    size: int = 64
    channels: int = 3
    fit: Fit = "crop"
    background: str = "white"
    crop: int | None = None
    least: int = 8
    pixel_limit: int = PIXEL_LIMIT

    def __post_init__(self) -> None:
        if (
            not 1 <= self.size <= max(shape_of(self.size)) <= SIZE_LIMIT
            or self.channels not in images.MODES
        ):
            raise DataError(
                f"size {self.size} with {self.channels} channels cannot be prepared: the size is "
                f"at least 1 and at most {SIZE_LIMIT} pixels, channels are 1 (grey) or 3 (color), "
                "or 4 (color and alpha)."
            )
        if self.fit not in ("crop", "pad", "stretch"):
            raise DataError(f"unknown fit {self.fit!r}: choose crop, pad or stretch.")
        if self.crop is not None and self.crop < 1:
            raise DataError(f"a crop of {self.crop} pixels leaves nothing: name at least 1.")
        if self.background != "blur":
            background_colour(self.background)


@dataclass(frozen=True)
class PictureFacts:
    """What a file was before it became a square; ``notes`` are what was done to it."""

    sha256: str
    width: int
    height: int
    format: str
    mode: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(picture: Image.Image) -> PictureFacts:
        """The facts of an opened picture, also before it is decoded."""
        return PictureFacts("", *picture.size, picture.format or "?", picture.mode)

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> PictureFacts:
        """The facts as a manifest line has them."""
        sides = int(row["width"]), int(row["height"])
        return PictureFacts(row["sha256"], *sides, row["format"], row["mode"], tuple(row["notes"]))


@dataclass(frozen=True)
class DecodedPicture:
    """A picture that was read: as the pack has it, uint8 ``[H, W, C]``, and what it was."""

    pixels: Pixels
    facts: PictureFacts


def background_colour(name: str) -> tuple[int, int, int]:
    """The RGB of ``white``, ``black``, ``#rrggbb`` (or any colour name that Pillow knows)."""
    try:
        return ImageColor.getrgb(name)[:3]
    except ValueError as problem:
        raise DataError(
            f"unknown background {name!r}: use white, black, blur, or a colour like #ffcc00."
        ) from problem


def read_picture(data: bytes, settings: ReadSettings) -> DecodedPicture:
    """Read one picture from the bytes of its file.

    Raises:
        DataError: it cannot or may not be read; the message is the reason alone.
    """
    try:
        return _decoded(data, settings)
    except DataError:
        raise
    except Exception as problem:
        mended = _mended(data, settings)
        if mended is not None:
            return mended
        raise reason(problem) from problem


def _decoded(data: bytes, settings: ReadSettings) -> DecodedPicture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_picture(data, settings.pixel_limit) as picture:
            return _read(picture, settings)


TORN_NOTE = "its last bytes are missing"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_NOISE = bytes(range(1, 129))


def _mended(data: bytes, settings: ReadSettings) -> DecodedPicture | None:
    """A JPEG that lacks its end mark, if nothing else is missing of what is used; else None.

    Where pixels are missing, whatever follows is taken for them: then two ends give two pictures.
    """
    if not data.startswith(_JPEG) or data.endswith(_JPEG_END):
        return None
    start = data.removesuffix(b"\xff")
    try:
        plain, noisy = (_decoded(start + end + _JPEG_END, settings) for end in (b"", _NOISE))
    except Exception:  # it is damaged in other ways, too, and the first reason says so
        return None
    if not np.array_equal(plain.pixels, noisy.pixels):
        return None
    return replace(plain, facts=replace(plain.facts, notes=(*plain.facts.notes, TORN_NOTE)))


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Inside, decoders do not warn, and whatever they raise becomes a reason in plain words.

    Raises:
        DataError: the message is the reason alone.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DataError:
        raise
    except Exception as problem:
        raise reason(problem) from problem


def reason(problem: Exception) -> DataError:
    """What a decoder raised, as a reason in plain words."""
    if isinstance(problem, MemoryError):
        return DataError("needs more memory to decode than one picture may use")
    words = (str(problem).strip() or type(problem).__name__)[:200]
    return DataError(f"is truncated or damaged ({words})")


def open_picture(data: bytes, pixel_limit: int = PIXEL_LIMIT) -> Image.Image:
    """Open without decoding, and refuse what is no picture or far too large.

    Raises:
        DataError: the message is the reason alone.
    """
    if len(data) > BYTE_LIMIT:
        raise DataError(f"has more than {BYTE_LIMIT >> 20} MB")
    allow_long_texts()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                picture = Image.open(io.BytesIO(data), formats=FIRST_FORMATS)
            except UnidentifiedImageError:
                picture = Image.open(io.BytesIO(data), formats=readable_formats())
    except UnidentifiedImageError as problem:
        raise DataError(what_it_is(data)) from problem
    except Image.DecompressionBombError as problem:
        raise DataError(
            "claims more than 178 million pixels (a decompression bomb, or far too large); "
            "it was not decoded"
        ) from problem
    except Exception as problem:
        raise reason(problem) from problem
    pixels = picture.width * picture.height
    if picture.format != "JPEG" and pixels > pixel_limit:
        raise DataError(
            f"is {picture.width} x {picture.height}: {pixels / 1e6:.0f} million pixels, the limit "
            f"is {pixel_limit / 1e6:.0f} million; it was not decoded"
        )
    return picture


def _read(picture: Image.Image, settings: ReadSettings) -> DecodedPicture:
    notes: list[str] = []
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        notes.append(f"first of {frames} frames")
        picture.seek(0)
    return read_opened(picture, settings, notes)


def read_opened(
    picture: Image.Image, settings: ReadSettings, notes: Sequence[str] = ()
) -> DecodedPicture:
    """The square of an opened picture (or of one frame that was copied out of it).

    Raises:
        DataError: it is too small; whatever Pillow raises when it cannot be decoded.
    """
    facts, notes = PictureFacts.of(picture), list(notes)
    width, height = picture.size
    if min(width, height) < settings.least:
        raise DataError(
            f"is {width} x {height} pixels: a side under {settings.least} shows nothing"
        )
    profile = profile_of(picture, notes)
    if picture.format == "JPEG":
        stored = _as_stored(settings, picture)
        box = cut_box(width, height, stored)
        _draft(picture, box, stored, keep_colors=profile is not SRGB)
    picture.load()
    # After loading: Pillow has turned TIFFs by then, and PNGs may say it behind their pixels.
    turn = picture.getexif().get(ORIENTATION, 1)
    stored = _as_stored(settings, picture)
    box = cut_box(width, height, stored)
    enlarged = _enlarged(box, stored)
    scale = picture.width / width, picture.height / height
    box = (box[0] * scale[0], box[1] * scale[1], box[2] * scale[0], box[3] * scale[1])
    convert = conversion(picture, notes, profile)
    if turn in _TURNS:
        notes.append("turned by EXIF")
    target = padded(box[2] - box[0], box[3] - box[1], stored)
    small = profile.applied(resized(picture, target, box, convert))
    square = _fit(small, settings, _TURNS.get(turn))
    if enlarged:
        notes.append(f"enlarged from {enlarged} px")
    pixels = images.from_pillow(square, settings.channels)
    return DecodedPicture(pixels, replace(facts, notes=tuple(notes)))


def _as_stored(settings: ReadSettings, picture: Image.Image) -> ReadSettings:
    """The settings for the pixels as they lie in the file: on their side, where they do."""
    size = settings.size
    if not isinstance(size, Rectangle) or picture.getexif().get(ORIENTATION) not in SIDEWAYS:
        return settings
    return replace(settings, size=size.turned)


def _enlarged(box: Box, settings: ReadSettings) -> int:
    """The shorter side of a box that has too few pixels; 0 where it has enough."""
    sides = box[3] - box[1], box[2] - box[0]
    short = any(have < want for have, want in zip(sides, shape_of(settings.size), strict=True))
    return round(min(sides)) if short else 0


def cut_box(width: int, height: int, settings: ReadSettings) -> Box:
    """The part of the picture that is used, centred; in pixels of the original."""
    wide: float = min(width, settings.crop or width)
    high: float = min(height, settings.crop or height)
    down, across = shape_of(settings.size)
    if settings.fit == "crop" and wide * down > high * across:
        wide = high * across / down
    elif settings.fit == "crop":
        high = wide * down / across
    left, top = (width - wide) / 2, (height - high) / 2
    return left, top, left + wide, top + high


def padded(wide: float, high: float, settings: ReadSettings) -> tuple[int, int]:
    """Width and height of a box of these sides in the picture: all of it, unless padded."""
    down, across = shape_of(settings.size)
    if settings.fit != "pad":
        return across, down
    if wide * down > high * across:
        return across, max(1, round(across * high / wide))
    return max(1, round(down * wide / high)), down


def _draft(picture: Image.Image, box: Box, settings: ReadSettings, *, keep_colors: bool) -> None:
    """Let libjpeg decode at 1/2, 1/4 or 1/8 when twice the wanted size remains."""
    mode = "L" if settings.channels == 1 and not keep_colors else None
    down, across = shape_of(settings.size)
    factor = max(2 * across / max(box[2] - box[0], 1), 2 * down / max(box[3] - box[1], 1))
    if factor < 1:
        wanted = math.ceil(picture.width * factor), math.ceil(picture.height * factor)
        picture.draft(mode, wanted)
    elif mode is not None:
        picture.draft(mode, picture.size)


def _fit(small: Image.Image, settings: ReadSettings, turn: Image.Transpose | None) -> Image.Image:
    """The box, resized, in the middle of the picture: upright, on the background."""
    if turn is not None:
        small = small.transpose(turn)
    height, width = shape_of(settings.size)
    if small.size == (width, height) and small.mode in ("L", "RGB"):
        return small
    corner = (width - small.width) // 2, (height - small.height) // 2
    if settings.channels == 4:
        clear = Image.new("RGBA", (width, height))
        clear.paste(small.convert("RGBA"), corner)
        return bled(clear)
    square = _background(small, settings)
    square.paste(small.convert("RGB"), corner, small if small.mode == "RGBA" else None)
    return square


def _background(small: Image.Image, settings: ReadSettings) -> Image.Image:
    height, width = shape_of(settings.size)
    if settings.background != "blur":
        return Image.new("RGB", (width, height), background_colour(settings.background))
    opaque = on_white(small).convert("RGB")
    stretched = opaque.resize((width, height), Image.Resampling.BICUBIC)
    return stretched.filter(ImageFilter.GaussianBlur(settings.size / 10))
