"""Is it a picture? Looked at before it is decoded, and decoded once before it is kept."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from PIL import Image

from lookalike.settings.collect import Limits
from lookalike.sources.http.refusals import RefusedError

ENDINGS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "AVIF": "avif",
}
"""Formats that are kept, by Pillow's name, with the ending that we give them."""

LEAST_SIDE = 64
"""Pixels, where no other least side was asked for."""

_one_at_a_time = Lock()
"""A picture at the limit takes 200 MB to decode, and warning filters are not per thread."""


@dataclass(frozen=True)
class FileFacts:
    """What the file really is, whatever its name or its media type says."""

    format: str
    width: int
    height: int

    @property
    def ending(self) -> str:
        """The file name ending for this format, without the dot."""
        return ENDINGS[self.format]


def inspect(data: bytes, limits: Limits) -> FileFacts:
    """Read the head, check the size in pixels, then decode the first frame to be sure of it.

    JPEGs are decoded at an eighth of their size, which still reads every byte of them.

    Raises:
        RefusedError: not a picture of a kept format, broken, too many pixels, or too small.
    """
    if len(data) > limits.most_bytes:
        raise RefusedError("too many bytes", f"{len(data)}, at most {limits.most_bytes}")
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(io.BytesIO(data), formats=_formats())
        except Image.DecompressionBombError as problem:
            raise RefusedError("too many pixels", str(problem)) from problem
        except Exception as problem:
            raise RefusedError("not a picture", _start(data)) from problem
        with picture:
            facts = FileFacts(str(picture.format), *picture.size)
            _measure(facts, limits)
            _decode(picture)
    return facts


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """The kept formats that this Pillow can open (MPO comes through the JPEG reader)."""
    Image.init()
    return tuple(name for name in ENDINGS if name in Image.OPEN)


def _measure(facts: FileFacts, limits: Limits) -> None:
    size = f"{facts.width}x{facts.height}"
    if facts.width * facts.height > limits.most_pixels:
        raise RefusedError("too many pixels", f"{size}, at most {limits.most_pixels}")
    least = LEAST_SIDE if limits.least_side is None else limits.least_side
    if min(facts.width, facts.height) < least:
        raise RefusedError("too small", f"{size}, sides of {least} wanted")


def _decode(picture: Image.Image) -> None:
    try:
        picture.draft(None, (max(1, picture.width // 8), max(1, picture.height // 8)))
        picture.load()
    except Exception as problem:  # Pillow raises many kinds; each of them means a broken file
        raise RefusedError("broken picture", f"{type(problem).__name__}: {problem}") from problem


def _start(data: bytes) -> str:
    """The first bytes, so that a person sees a web page for what it is."""
    return f"it starts with {data[:24]!r}" if data else "it is empty"
