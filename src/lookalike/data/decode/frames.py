"""Every frame of an animation, and every page of a TIFF, as a picture of its own.

Three bounds hold for one file, so that a few kilobytes of an animation cannot fill the memory or
keep a worker busy for long: the number of frames, the pixels that are decoded, and the bytes of
the squares that come out. They depend on the file and the settings alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from PIL import Image

from lookalike.data.decode.decode import ReadSettings, in_plain_words, open_picture, reason
from lookalike.errors import DataError
from lookalike.sizes import shape_of

FRAMES = 1_000
"""The most frames that are taken out of one file."""

FRAME_PIXELS = 40_000_000
"""The largest frame: several copies of it are in memory while an animation is composed."""

DECODED = 1_000_000_000
"""The most pixels that are decoded of one file, all frames together."""

SQUARES = 1 << 26
"""The most bytes of squares that one file may become."""

MOVING = frozenset({"GIF", "PNG", "WEBP", "TIFF", "AVIF", "FLI", "DCX"})
"""Formats whose frames are pictures. Layers (PSD) and the second view of a camera (MPO) are not."""


Frame = tuple[int | None, Image.Image | DataError]
"""The number of a frame, from 0, or None in a file that stands still; the frame or why not."""


def frames_of(data: bytes, settings: ReadSettings) -> Iterator[Frame]:
    """Each frame, composed as it is shown, in order; a file that stands still gives itself.

    What ends the frames early comes last, as the reason in plain words. A frame is to be used
    before the next one is asked for.
    """
    try:
        with in_plain_words(), open_picture(data, settings.pixel_limit) as picture:
            if picture.format in MOVING and getattr(picture, "is_animated", False):
                yield from _moving(picture, settings)
            else:
                yield None, picture
    except DataError as problem:
        yield None, problem


def _moving(picture: Image.Image, settings: ReadSettings) -> Iterator[Frame]:
    limit = min(FRAMES, max(1, SQUARES // (math.prod(shape_of(settings.size)) * settings.channels)))
    decoded, number = 0, 0
    try:
        while True:
            picture.seek(number)
            pixels = picture.width * picture.height
            decoded += pixels
            if number >= limit or decoded > DECODED or pixels > FRAME_PIXELS:
                yield number, DataError(_too_much(picture, number, decoded))
                return
            picture.load()
            frame = picture.copy()
            frame.format = picture.format
            yield number, frame
            number += 1
    except EOFError:
        return
    except Exception as problem:
        yield number, DataError(f"frame {number}: {reason(problem)}; {_kept(number)}")


def _too_much(picture: Image.Image, number: int, decoded: int) -> str:
    if picture.width * picture.height > FRAME_PIXELS:
        size = f"{picture.width} x {picture.height}"
        return (
            f"frame {number} is {size}, the limit for frames is {FRAME_PIXELS / 1e6:.0f} million "
            f"pixels; {_kept(number)}"
        )
    if decoded > DECODED:
        return f"has frames of more than {DECODED / 1e6:.0f} million pixels; {_kept(number)}"
    return f"has more than {number} frames; {_kept(number)}"


def _kept(number: int) -> str:
    return f"the {number} before it were kept" if number else "none was kept"
