"""A photo that is to be changed: its own pixels, and the square that a pack would hold of it.

Read by the reader of packs and within its limits. What a photo says of itself (its orientation, its
color profile) is kept as it is: pixels stay as they are stored, and :attr:`Photo.to_square` knows
where they lie in the square, through the turn by EXIF, the crop, the padding or the face.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin

from lookalike import images
from lookalike.data.decode.alpha import bled
from lookalike.data.decode.color_modes import SRGB, conversion, opaque, profile_of
from lookalike.data.decode.decode import (
    ORIENTATION,
    ReadSettings,
    cut_box,
    in_plain_words,
    open_picture,
    padded,
    read_picture,
)
from lookalike.data.decode.faces import FaceSettings, cut_face, face_square
from lookalike.images import Pixels
from lookalike.sizes import shape_of

Affine = NDArray[np.float64]
"""``[3, 3]``: a place (x, y, 1) to another one, in pixels from the upper left corner."""

_WITHOUT_PROFILE = {"CMYK", "LAB", "YCbCr", "HSV"}
"""Modes whose profile does not describe the RGB that they are turned into."""


@dataclass(frozen=True, kw_only=True)
class SquareSettings:
    """How the square is taken out of a photo: as the pictures of a pack were."""

    look: ReadSettings
    faces: FaceSettings | None = None

    @staticmethod
    def of(plan: Mapping[str, Any], size: int, channels: int) -> SquareSettings:
        """The settings that the plan of a pack tells; without one the middle of the photo."""
        known = {one.name for one in fields(ReadSettings)} - {"size", "channels"}
        given = {name: value for name, value in plan.items() if name in known}
        faces = FaceSettings(**plan["faces"]) if plan.get("faces") else None
        return SquareSettings(look=ReadSettings(size=size, channels=channels, **given), faces=faces)


@dataclass(frozen=True, eq=False)
class Photo:
    """``pixels`` ``[H, W, C]`` as they are stored, ``square`` ``[S, S, C]`` as a pack has it.

    ``to_square`` maps stored pixels to the square's. Where the square has alpha, so have the
    pixels, with colors under it where nothing is seen. Else ``alpha`` ``[H, W]`` is what the photo
    has of it. ``exif`` and ``profile`` are to be written back, ``digest`` is the SHA-256 of the
    file.
    """

    pixels: Pixels
    square: Pixels
    to_square: Affine
    digest: str
    alpha: Pixels | None = None
    exif: bytes = b""
    profile: bytes = b""
    notes: tuple[str, ...] = ()


def read_photo(data: bytes, settings: SquareSettings) -> Photo:
    """Read a photo whole from the bytes of its file.

    Raises:
        DataError: it cannot or may not be read, or shows not exactly one face where the pack has
            faces; the message is the reason alone.
    """
    look = settings.look
    square = read_square(data, settings)
    with in_plain_words(), open_picture(data, look.pixel_limit) as picture:
        return _whole(picture, square, settings, hashlib.sha256(data).hexdigest())


def read_square(data: bytes, settings: SquareSettings) -> Pixels:
    """The square alone, uint8 ``[S, S, C]``.

    Raises:
        DataError: as :func:`read_photo`.
    """
    faces = settings.faces
    return read_picture(data if faces is None else cut_face(data, faces), settings.look).pixels


def _whole(picture: Image.Image, square: Pixels, settings: SquareSettings, digest: str) -> Photo:
    notes: list[str] = []
    if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
        notes.append("the first frame alone")
        picture.seek(0)
    mode, profile = picture.mode, picture.info.get("icc_profile") or b""
    picture.load()
    exif = picture.getexif()
    turn = int(exif.get(ORIENTATION, 1))
    inks = mode == "CMYK"
    plain = conversion(picture, notes, profile_of(picture, notes) if inks else SRGB)(picture)
    alpha = None
    if settings.look.channels == 4:
        plain = bled(plain.convert("RGBA"), seen=1)
    elif plain.mode == "RGBA":
        alpha, plain = np.asarray(plain.getchannel("A")), plain.convert("RGB")
    pixels = np.asarray(plain)
    if mode in _WITHOUT_PROFILE and profile:
        notes.append(f"its {mode} profile does not fit RGB and was left out")
        profile = b""
    return Photo(
        pixels=pixels[..., None] if pixels.ndim == 2 else pixels,
        square=square.copy(),
        to_square=_to_square(picture, turn, settings),
        digest=digest,
        alpha=alpha,
        exif=exif.tobytes() if len(exif) else b"",
        profile=profile,
        notes=tuple(notes),
    )


def _to_square(picture: Image.Image, turn: int, settings: SquareSettings) -> Affine:
    """Stored pixels -> the square's: upright, into the face where there is one, into the box."""
    upright = _turned(*picture.size, turn)
    wide, high = picture.size if turn < 5 else picture.size[::-1]
    if settings.faces is None:
        return _boxed(wide, high, settings.look) @ upright
    face = face_square(opaque(ImageOps.exif_transpose(picture)), settings.faces)
    into_face = np.linalg.inv(np.array([face.matrix[:3], face.matrix[3:], (0.0, 0.0, 1.0)]))
    return _boxed(face.side, face.side, settings.look) @ into_face @ upright


def _turned(width: int, height: int, turn: int) -> Affine:
    """Stored places -> upright ones, for each value of EXIF's orientation."""
    w, h = float(width), float(height)
    rows = {
        2: ((-1, 0, w), (0, 1, 0)),
        3: ((-1, 0, w), (0, -1, h)),
        4: ((1, 0, 0), (0, -1, h)),
        5: ((0, 1, 0), (1, 0, 0)),
        6: ((0, -1, h), (1, 0, 0)),
        7: ((0, -1, h), (-1, 0, w)),
        8: ((0, 1, 0), (-1, 0, w)),
    }
    first, second = rows.get(turn, ((1, 0, 0), (0, 1, 0)))
    return np.array([first, second, (0, 0, 1)], np.float64)


def _boxed(width: int, height: int, look: ReadSettings) -> Affine:
    """Upright places -> the square's: the box, resized, in the middle of the square."""
    left, top, right, bottom = cut_box(width, height, look)
    target = padded(right - left, bottom - top, look)
    across, along = target[0] / (right - left), target[1] / (bottom - top)
    high, wide = shape_of(look.size)
    corner = (wide - target[0]) // 2, (high - target[1]) // 2
    return np.array(
        [
            (across, 0, corner[0] - left * across),
            (0, along, corner[1] - top * along),
            (0, 0, 1),
        ]
    )


def photo_of(pixels: Pixels) -> Photo:
    """A picture uint8 ``[S, S, C]`` of the pack's size as a photo of its own."""
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Photo(pixels=pixels, square=pixels, to_square=np.eye(3), digest=digest)


def encode_photo(photo: Photo, pixels: Pixels, text: Mapping[str, str]) -> bytes:
    """Pixels in the place of a photo's own as PNG bytes, with all that the photo says of itself."""
    told = PngImagePlugin.PngInfo()
    for key, value in text.items():
        told.add_itxt(key, value)
    picture = images.to_pillow(pixels)
    if photo.alpha is not None:
        picture = picture.convert("RGB")
        picture.putalpha(Image.fromarray(photo.alpha))
    buffer = io.BytesIO()
    extra: dict[str, Any] = {"exif": photo.exif} if photo.exif else {}
    extra |= {"icc_profile": photo.profile} if photo.profile else {}
    picture.save(buffer, "PNG", pnginfo=told, compress_level=3, **extra)
    return buffer.getvalue()
