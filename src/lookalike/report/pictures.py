"""Pictures inside a page: as data URIs, cut out of sample grids, as frames over time."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from lookalike import images
from lookalike.images import Pixels
from lookalike.sizes import shape_of

GAP = 2
FRAMES, FRAME_TILES, FRAME_COLUMNS = 40, 24, 6
SHARP = 48
"""Pictures of at most this many pixels a side are shown with square pixels, not blurred."""
LOSSLESS = 96


def uri(picture: Pixels, most: int = 256) -> str:
    """One uint8 ``[H, W, C]`` picture as a WebP data URI, at most ``most`` pixels wide."""
    pillow = images.to_pillow(images.visible(picture)).convert("RGB")
    if pillow.width > most:
        pillow = pillow.resize((most, round(most * pillow.height / pillow.width)))
    buffer = io.BytesIO()
    # Lossy color subsampling smears small pictures, and lossless costs little there.
    pillow.save(buffer, "WEBP", lossless=max(pillow.size) <= LOSSLESS, quality=86, method=3)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def img(picture: Pixels, alt: str) -> str:
    """An ``<img>`` of one picture."""
    height, width = picture.shape[:2]
    sharp = ' class="px"' if max(height, width) <= SHARP else ""
    return (
        f'<img{sharp} src="{uri(picture)}" width="{width}" height="{height}" '
        f'alt="{escape(alt, quote=True)}">'
    )


def tiles(grid: Path, size: int, channels: int) -> Pixels:
    """The pictures of a sample grid, uint8 ``[N, H, W, C]``, without the enlargement.

    Transparent ones are on a checkerboard, and of three channels.
    Tiles that the grid left empty (white) at its end are dropped; a grid that cannot be read has
    no pictures.
    """
    channels, (height, width) = min(channels, 3), shape_of(size)
    try:
        sheet = images.read(grid, channels)
    except OSError:
        return np.zeros((0, height, width, channels), np.uint8)
    times = max(1, math.ceil(64 / size))
    high, wide = height * times, width * times
    cut = [
        sheet[top : top + high : times, left : left + wide : times]
        for top in range(0, sheet.shape[0] - high + 1, high + GAP)
        for left in range(0, sheet.shape[1] - wide + 1, wide + GAP)
    ]
    while len(cut) > 1 and (cut[-1] == 255).all():
        cut.pop()
    return np.stack(cut) if cut else np.zeros((0, height, width, channels), np.uint8)


def gallery(pictures: Sequence[Pixels] | Pixels, alt: str, kind: str) -> str:
    """Pictures in a grid whose columns the style of ``kind`` decides."""
    shown = "".join(img(picture, f"{alt} {i + 1}") for i, picture in enumerate(pictures))
    return f'<div class="tiles {kind}">{shown}</div>'


def frames(grids: Sequence[tuple[int, Path]], size: int, channels: int) -> list[tuple[int, str]]:
    """(images seen, data URI) of up to forty moments, first and last among them."""
    chosen = np.unique(np.linspace(0, len(grids) - 1, min(FRAMES, len(grids))).round().astype(int))
    shots = []
    for index in chosen.tolist():
        seen, path = grids[index]
        pictures = tiles(path, size, channels)[:FRAME_TILES]
        if not len(pictures):
            continue
        small = _within(pictures, 96)
        sheet = images.grid(images.enlarge(small, 64), FRAME_COLUMNS)
        shots.append((seen, uri(sheet, 600)))
    return shots


def _within(pictures: Pixels, most: int) -> Pixels:
    """Every second, third … pixel averaged, so that no side is above ``most``."""
    by = math.ceil(max(pictures.shape[1:3]) / most)
    if by == 1:
        return pictures
    count, height, width, channels = pictures.shape
    down, across = height // by, width // by
    whole = pictures[:, : down * by, : across * by]
    blocks = whole.reshape(count, down, by, across, by, channels)
    mean: Pixels = blocks.mean(axis=(2, 4)).round().astype(np.uint8)
    return mean
