"""What the doctor measures on one picture. Runs in workers; judges nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike import images
from lookalike.data.decode.decode import PictureFacts, ReadSettings, open_picture, read_picture
from lookalike.data.decode.memory_limits import LARGE_BYTES, LARGE_PIXELS, alone
from lookalike.data.decode.worker import Marks, Refused, marks_of
from lookalike.data.readers.base import PictureFile
from lookalike.errors import DataError
from lookalike.images import Pixels

LOOK = 256
"""The side at which sharpness is measured, when the picture has that many pixels."""

SQUARE = 64
"""The side of the squares that are kept for thumbnails, features and comparisons."""

_BLUR_WIDTH = 11


@dataclass(frozen=True)
class PictureMeasures:
    """One picture in numbers. ``square`` is uint8 ``[64, 64, 3]``, or the pack's own picture.

    ``brightness`` and ``contrast`` are mean and standard deviation of grey in 0..255, ``blur`` runs
    from 0 (sharp) to 1, ``colorful`` is the mean distance from grey in levels.
    """

    square: Pixels
    facts: PictureFacts
    marks: Marks
    brightness: float
    contrast: float
    blur: float
    colorful: float


def examine(
    settings: ReadSettings, files: Sequence[PictureFile]
) -> list[PictureMeasures | Refused]:
    """Measure some files; never raises because of what is in them."""
    found: list[PictureMeasures | Refused] = []
    for file in files:
        try:
            with alone(file.size > LARGE_BYTES):
                found.append(_examined(file.read(), settings))
        except DataError as problem:
            found.append(Refused(str(problem)))
    return found


def _examined(data: bytes, settings: ReadSettings) -> PictureMeasures:
    with open_picture(data, settings.pixel_limit) as opened:
        side = min(LOOK, max(settings.least, min(opened.size)))
        large = opened.width * opened.height > LARGE_PIXELS
    del opened  # some decoders hold a whole picture as soon as they are open
    with alone(large):
        read = read_picture(data, replace(settings, size=side, channels=3))
    return measure(read.pixels, replace(read.facts, sha256=hashlib.sha256(data).hexdigest()))


def measure(picture: Pixels, facts: PictureFacts) -> PictureMeasures:
    """Measure one picture, uint8 ``[H, W, C]``."""
    side = min(SQUARE, *picture.shape[:2])
    square = picture if picture.shape[:2] == (side, side) else _resized(picture, side)
    grey = _grey(picture)
    return PictureMeasures(
        square=square,
        facts=facts,
        marks=marks_of(square),
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        blur=blur_effect(grey),
        colorful=_colorful(square),
    )


def _resized(picture: Pixels, side: int) -> Pixels:
    small = images.to_pillow(picture).resize((side, side), Image.Resampling.LANCZOS)
    return images.from_pillow(small, picture.shape[-1])


def _grey(picture: Pixels) -> NDArray[np.float32]:
    return np.asarray(images.to_pillow(picture).convert("L"), np.float32)


def _colorful(picture: Pixels) -> float:
    if picture.shape[-1] == 1:
        return 0.0
    values = picture.astype(np.float32)
    return float((values.max(-1) - values.min(-1)).mean())


def blur_effect(grey: NDArray[np.float32]) -> float:
    """How little a strong blur changes a picture, 0 (sharp) to 1 (blurred already).

    Crete et al. 2007, "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", eq. 2-7, over windows of 11 pixels; the worse of both directions.
    """
    totals, kept = [], []
    for lines in (grey, grey.T):
        if lines.shape[1] < _BLUR_WIDTH:
            continue
        variation = np.abs(np.diff(lines, axis=1))
        left = variation - np.abs(np.diff(_smooth(lines), axis=1))
        totals.append(float(variation[1:-1, 1:-1].sum()))
        kept.append(float(left.clip(0)[1:-1, 1:-1].sum()))
    # A direction in which hardly anything changes (stripes) says nothing about sharpness.
    most = max(totals, default=0.0)
    found = [(t - k) / t for t, k in zip(totals, kept, strict=True) if t > most / 10]
    return max(found, default=1.0)


def _smooth(lines: NDArray[np.float32]) -> NDArray[np.float32]:
    """A moving mean of 11 pixels along the rows, the border mirrored."""
    half = _BLUR_WIDTH // 2
    padded = np.pad(lines, ((0, 0), (half + 1, half)), mode="symmetric").astype(np.float64)
    sums = padded.cumsum(axis=1)
    return np.asarray((sums[:, _BLUR_WIDTH:] - sums[:, :-_BLUR_WIDTH]) / _BLUR_WIDTH, np.float32)
