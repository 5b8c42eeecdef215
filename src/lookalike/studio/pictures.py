"""Pictures on their way in and out: what people bring is never given back as it came.

A file is decoded within limits, and what the page gets is encoded anew; so nothing that hides in a
file (a page, a script, a place in EXIF) reaches a browser.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps
from starlette.responses import Response

from lookalike import images
from lookalike.data.decode.decode import open_picture, reason
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.studio.errors import KindError

MOST_PICTURE_BYTES = 64 << 20
MOST_PIXELS = 80_000_000
LONGEST_SIDE = 2048
"""Pictures that are kept for training have at most this many pixels a side."""

FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
BRIEFLY = {"Cache-Control": "private, max-age=60"}


def within_limits(data: bytes) -> Image.Image:
    """A picture of a person, opened and not decoded yet.

    Raises:
        DataError: it is no picture, or one of too many pixels.
    """
    picture = open_picture(data)
    if picture.width * picture.height > MOST_PIXELS:
        raise DataError(f"has {picture.width:,} x {picture.height:,} pixels, too many")
    return picture


def opened(data: bytes, longest: int = LONGEST_SIDE) -> Image.Image:
    """A picture of a person, upright, in RGB, RGBA or grey, at most ``longest`` pixels a side.

    Raises:
        KindError: it is no picture that can be read, or one of too many pixels.
    """
    try:
        picture = within_limits(data)
        picture.draft("RGB", (longest, longest))
        ImageOps.exif_transpose(picture, in_place=True)
        picture.thumbnail((longest, longest))
        if picture.has_transparency_data:
            return picture.convert("RGBA")
        return picture.convert("L" if picture.mode in {"1", "L"} else "RGB")
    except Exception as problem:  # a strange file can fail in any way
        words = str(problem) if isinstance(problem, DataError) else reason(problem)
        raise KindError(f"This is no picture that can be read: it {words}.") from problem


def encoded(picture: Image.Image) -> bytes:
    """A picture as it is kept: a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def on_checks(picture: Image.Image) -> Image.Image:
    """In RGB; what is transparent on a checkerboard."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    return images.to_pillow(images.visible(np.asarray(picture)))


def square(picture: Image.Image, side: int) -> Pixels:
    """The middle of a picture as a square, uint8 ``[side, side, 3]``."""
    return images.from_pillow(ImageOps.fit(on_checks(picture), (side, side)), 3)


def webp(pixels: Pixels | Image.Image, quality: int = 90) -> bytes:
    """One picture (uint8 ``[H, W, C]``) as WebP, for the screen."""
    picture = pixels if isinstance(pixels, Image.Image) else images.to_pillow(pixels)
    buffer = io.BytesIO()
    on_checks(picture).save(buffer, "WEBP", quality=quality, method=1)
    return buffer.getvalue()


def as_webp(pixels: Pixels | Image.Image, quality: int = 90, *, forever: bool = False) -> Response:
    """An answer of one picture for the screen; ``forever`` where nothing else gets its address."""
    headers = FOREVER if forever else BRIEFLY
    return Response(webp(pixels, quality), media_type="image/webp", headers=headers)
