"""Any color mode, depth and profile -> 8 bits of grey or sRGB, whole or in strips.

A picture of a camera or a scanner has a hundred megabytes when it is decoded. What Pillow makes of
it on the way to a small square (a premultiplied copy, a copy in another mode, floats of deep grey)
would take that much again several times, so what has to be converted is converted strip by strip
and made smaller at once.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from lookalike.images import Pixels

Box = tuple[float, float, float, float]
Convert = Callable[[Image.Image], Image.Image]

GAP = 3.0
"""A picture is averaged over whole blocks until it has this many times the wanted side."""

CLEAR, PROBE = 128, 32
"""A picture is transparent where alpha is below ``CLEAR`` somewhere in it at ``PROBE`` pixels."""

_STRIP = 1 << 20
_SUPPORT = 2.5
"""Half the width of the Lanczos window, less the half pixel that is inside anyway."""


PROFILE_NOTE = "color profile converted to sRGB"
BROKEN_PROFILE_NOTE = "broken color profile ignored"


def plain_mode(picture: Image.Image, notes: list[str]) -> Image.Image:
    """A picture in the mode L, RGB or RGBA of sRGB; what was done to it goes to ``notes``."""
    profile = profile_of(picture, notes)
    return profile.applied(conversion(picture, notes, profile)(picture))


@dataclass(frozen=True)
class ColorProfile:
    """What an embedded profile (ICC.1:2010) says of the colors of a picture; ``space`` "" for sRGB.

    Ink is converted before a picture is made smaller, all else after, which is the same and costs
    nothing.
    """

    data: bytes = b""
    space: str = ""

    def inks(self, picture: Image.Image) -> Image.Image:
        """CMYK as RGB."""
        return self._changed(picture, "CMYK")

    def applied(self, picture: Image.Image) -> Image.Image:
        """A picture of mode L, RGB or RGBA in sRGB, in the same mode."""
        if self.space == "GRAY" and picture.mode == "L":
            return self._changed(picture, "L").convert("L")
        if self.space != "RGB":
            return picture
        colors = self._changed(picture.convert("RGB"), "RGB")
        if picture.mode == "RGBA":
            colors.putalpha(picture.getchannel("A"))
        return colors if picture.mode != "L" else colors.convert("L")

    def _changed(self, picture: Image.Image, mode: str) -> Image.Image:
        changed = ImageCms.applyTransform(picture, _to_srgb(self.data, mode))
        assert changed is not None  # it is not done in place
        return changed


SRGB = ColorProfile()


def profile_of(picture: Image.Image, notes: list[str]) -> ColorProfile:
    """The color profile that a picture carries and that changes something."""
    data = picture.info.get("icc_profile")
    if not data:
        return SRGB
    try:
        space = _space(data)
        fits = space in ("RGB", "GRAY") or (space == "CMYK" and picture.mode == "CMYK")
        if not fits or (picture.mode == "CMYK") != (space == "CMYK"):
            raise ValueError(f"a profile for {space} in a picture of mode {picture.mode}")
        changes = _changes(data, {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space])
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError):
        notes.append(BROKEN_PROFILE_NOTE)
        return SRGB
    if not changes:
        return SRGB
    notes.append(PROFILE_NOTE)
    return ColorProfile(data, space)


def _space(data: bytes) -> str:
    profile = ImageCms.getOpenProfile(io.BytesIO(data)).profile
    return str(profile.xcolor_space).strip()


@lru_cache(maxsize=8)
def _to_srgb(data: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    profile = ImageCms.getOpenProfile(io.BytesIO(data))
    return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")


@lru_cache(maxsize=8)
def _changes(data: bytes, mode: str) -> bool:
    """Whether a profile moves any of some colors by more than two levels."""
    if mode == "CMYK":
        return True
    levels = np.linspace(0, 255, 6).astype(np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    probe = Image.fromarray(colors).convert(mode)
    changed = ImageCms.applyTransform(probe, _to_srgb(data, mode))
    assert changed is not None
    moved = np.asarray(changed, np.int16) - np.asarray(probe.convert("RGB"), np.int16)
    return int(np.abs(moved).max()) > 2


def conversion(picture: Image.Image, notes: list[str], profile: ColorProfile = SRGB) -> Convert:
    """How this picture, or any part of it, gets into the mode L, RGB or RGBA."""
    mode = picture.mode
    if mode == "CMYK" and profile.space == "CMYK":
        return profile.inks
    if mode in ("L", "RGB", "LA", "RGBA") and "transparency" not in picture.info:
        return _as_it_is if mode != "LA" else _into("RGBA")
    if mode in ("I", "F") or mode.startswith("I;"):
        notes.append("deep grey scaled to 8 bits")
        return _Depth.of(picture)
    if mode in ("PA", "La", "RGBa") or "transparency" in picture.info:
        return _into("RGBA")
    if mode in ("1", "L"):
        return _into("L")
    if mode not in ("P", "RGB", "RGBX", "YCbCr", "HSV"):
        notes.append(f"{mode} turned into RGB")
    return _into("RGB")


def opaque(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, what is transparent on white."""
    return on_white(plain_mode(picture, [])).convert("RGB")


def on_white(picture: Image.Image) -> Image.Image:
    """A picture of mode L, RGB or RGBA; the last as RGB, what is transparent on white."""
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, None, picture)
    return ground


def is_transparent(picture: Image.Image) -> bool:
    """Whether anything can be seen through an opened picture; decodes it only where it may be so.

    Raises:
        OSError, ValueError, SyntaxError: it cannot be decoded.
    """
    if not picture.has_transparency_data:
        return False
    small = picture.convert("RGBA").resize((PROBE, PROBE), Image.Resampling.BOX)
    return int(np.asarray(small.getchannel("A")).min()) < CLEAR


def resized(
    picture: Image.Image, target: tuple[int, int], box: Box, convert: Convert
) -> Image.Image:
    """The box of a picture, converted and resized (Lanczos), with little memory.

    The same as converting the whole and resizing it with ``reducing_gap``.
    """
    factors = tuple(int((box[at + 2] - box[at]) / target[at] / GAP) or 1 for at in (0, 1))
    if factors == (1, 1) or picture.mode in ("L", "RGB"):
        whole = convert(picture)
        return whole.resize(target, Image.Resampling.LANCZOS, box=box, reducing_gap=GAP)
    wide, high = factors
    left, top, right, bottom = _needed(picture.size, target, box)
    small: Image.Image | None = None
    for start, stop in _strips(top, bottom, right - left, high):
        part = convert(picture.crop((left, start, right, stop)))
        part = (part.convert("RGBa") if part.mode == "RGBA" else part).reduce((wide, high))
        if small is None:
            small = Image.new(part.mode, (part.width, math.ceil((bottom - top) / high)))
        small.paste(part, (0, (start - top) // high))
    assert small is not None
    inside = (
        (box[0] - left) / wide,
        (box[1] - top) / high,
        (box[2] - left) / wide,
        (box[3] - top) / high,
    )
    small = small.resize(target, Image.Resampling.LANCZOS, box=inside)
    return small.convert("RGBA") if small.mode == "RGBa" else small


def _needed(size: tuple[int, int], target: tuple[int, int], box: Box) -> tuple[int, int, int, int]:
    """The whole pixels that the Lanczos window reaches around the box."""
    across = _SUPPORT * (box[2] - box[0]) / target[0]
    along = _SUPPORT * (box[3] - box[1]) / target[1]
    return (
        max(0, int(box[0] - across)),
        max(0, int(box[1] - along)),
        min(size[0], math.ceil(box[2] + across)),
        min(size[1], math.ceil(box[3] + along)),
    )


def _strips(top: int, bottom: int, width: int, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """Rows from ``top`` to ``bottom`` in pieces of about a million pixels."""
    rows = max(1, _STRIP // width // multiple) * multiple
    for start in range(top, bottom, rows):
        yield start, min(start + rows, bottom)


def _as_it_is(picture: Image.Image) -> Image.Image:
    return picture


def _into(mode: str) -> Convert:
    return lambda picture: picture.convert(mode)


@dataclass(frozen=True)
class _Depth:
    """Grey of any depth as 8 bits: ``(value - low) * scale``."""

    low: float
    scale: float

    @staticmethod
    def of(picture: Image.Image) -> _Depth:
        """8, 12 and 16 bits by their full range, others by the least and greatest value."""
        low, high, kind = math.inf, -math.inf, "i"
        for start, stop in _strips(0, picture.height, picture.width):
            deep = np.asarray(picture.crop((0, start, picture.width, stop)))
            kind = deep.dtype.kind
            values = _finite(deep)
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        if low >= 0 and kind == "f" and high <= 1:
            return _Depth(0, 255)
        if low >= 0 and high <= 65535:
            full = next(full for full in (255, 4095, 65535) if high <= full)
            return _Depth(0, 255 / full)
        return _Depth(low, 255 / max(high - low, 1e-12))

    def __call__(self, picture: Image.Image) -> Image.Image:
        found: Pixels = np.empty(picture.size[::-1], np.uint8)
        for start, stop in _strips(0, picture.height, picture.width):
            values = _finite(np.asarray(picture.crop((0, start, picture.width, stop))))
            values -= self.low
            values *= self.scale
            found[start:stop] = values.round().clip(0, 255)
        return Image.fromarray(found)


def _finite(deep: NDArray[np.generic]) -> NDArray[np.float32]:
    """A copy as float32; what is no number or endless counts as 0."""
    return np.nan_to_num(deep.astype(np.float32), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
