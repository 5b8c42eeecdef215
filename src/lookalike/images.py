"""The image contract: uint8 NHWC on disk and between rooms, float NCHW in [-1, 1] in networks.

Ranges and layouts change in this file only. A fourth channel is alpha, and colors are not
multiplied by it: those under alpha 0 are those nearby (:mod:`lookalike.data.decode.alpha`). What
knows only colors sees such pictures on a ground, which is put under them in this file, too.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.uint8]

GROUND = (122, 158, 126)
"""The color under transparent pictures where they are measured: one that pictures seldom have, so
that alpha is measured with the colors. On white or black, many icons could not be seen at all."""

CHECKS, LIGHT, DARK = 8, 255, 220
"""How many squares a side of the checkerboard has on which a person sees them, and their greys."""


def to_network(pixels: Pixels | torch.Tensor) -> torch.Tensor:
    """uint8 ``[N, H, W, C]`` -> float32 ``[N, C, H, W]`` in [-1, 1] (contiguous NCHW)."""
    import torch

    if isinstance(pixels, np.ndarray):
        pixels = torch.from_numpy(np.require(pixels, requirements=("C", "W")))
    if pixels.dtype != torch.uint8 or pixels.ndim != 4:
        raise ValueError(f"expected uint8 [N, H, W, C], got {pixels.dtype} {tuple(pixels.shape)}")
    return pixels.permute(0, 3, 1, 2).to(torch.float32).div(127.5).sub(1).contiguous()


def to_pixels(pictures: torch.Tensor) -> Pixels:
    """float ``[N, C, H, W]`` in [-1, 1] -> uint8 ``[N, H, W, C]``; values outside are clipped."""
    import torch

    scaled = pictures.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def grey(colors: torch.Tensor) -> torch.Tensor:
    """Red, green and blue ``[3, H, W]`` -> brightness ``[1, H, W]`` (ITU-R 601, as Pillow)."""
    shares = colors.new_tensor([0.299, 0.587, 0.114])
    return (colors * shares[:, None, None]).sum(0, keepdim=True)


def on_ground(x: torch.Tensor, ground: torch.Tensor | None = None) -> torch.Tensor:
    """Float ``[N, 4, H, W]`` in [-1, 1] -> the colors on a ground, ``[N, 3, H, W]``.

    ``ground`` ``[N, 3]`` is a color for each in [-1, 1]; left out, :data:`GROUND`. Pictures of
    other channels are given back. Differentiable in all four.
    """
    if x.shape[1] != 4:
        return x
    if ground is None:
        ground = x.new_tensor(GROUND)[None] / 127.5 - 1
    under = ground.to(x)[:, :, None, None]
    return under + (x[:, 3:] + 1) / 2 * (x[:, :3] - under)


def measurable(pictures: Pixels) -> Pixels:
    """uint8 ``[.., H, W, C]`` for what knows only colors: four channels on :data:`GROUND`."""
    return _over(pictures, np.array(GROUND, np.float32)) if pictures.shape[-1] == 4 else pictures


def visible(pictures: Pixels) -> Pixels:
    """uint8 ``[.., H, W, C]`` for a person's eyes: four channels on a grey checkerboard."""
    if pictures.shape[-1] != 4:
        return pictures
    height, width = pictures.shape[-3:-1]
    side = max(1, min(height, width) // CHECKS)
    odd = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    return _over(pictures, np.where(odd, DARK, LIGHT).astype(np.float32)[..., None])


def _over(pictures: Pixels, ground: NDArray[np.float32]) -> Pixels:
    """Colors over a ground by their alpha (Porter and Duff 1984), some pictures at a time."""
    flat = pictures.reshape(-1, *pictures.shape[-3:])
    found: Pixels = np.empty((*flat.shape[:-1], 3), np.uint8)
    for first in range(0, len(flat), 256):
        some = flat[first : first + 256].astype(np.float32)
        blended = ground + some[..., 3:] / 255 * (some[..., :3] - ground)
        found[first : first + 256] = blended.round()
    return found.reshape(*pictures.shape[:-1], 3)


MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name for pictures of so many channels."""


def to_pillow(picture: Pixels) -> Image.Image:
    """One uint8 ``[H, W, C]`` picture as a Pillow image: grey, RGB or RGBA."""
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def from_pillow(picture: Image.Image, channels: int) -> Pixels:
    """A Pillow image as uint8 ``[H, W, C]`` with 1, 3 or 4 channels."""
    array = np.asarray(picture.convert(MODES[channels]), dtype=np.uint8)
    return array[..., None] if channels == 1 else array


def encode_png(picture: Pixels, text: Mapping[str, str] | None = None, level: int = 1) -> bytes:
    """One uint8 ``[H, W, C]`` picture as PNG bytes; ``text`` goes into text chunks."""
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    to_pillow(picture).save(buffer, "PNG", pnginfo=info, compress_level=level)
    return buffer.getvalue()


def write_png(path: Path, picture: Pixels, text: Mapping[str, str] | None = None) -> None:
    """Write one uint8 ``[H, W, C]`` picture, whole or not at all; ``text`` goes into PNG text."""
    data, part = encode_png(picture, text), path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as problem:
        problem.filename = problem.filename or str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, channels: int = 3) -> Pixels:
    """Read a picture written by us as uint8 ``[H, W, C]``. For strangers' files: data.decode."""
    with Image.open(path) as picture:
        return from_pillow(picture, channels)


def enlarge(pictures: Pixels, least: int) -> Pixels:
    """Repeat pixels so that sides are at least ``least``; keeps small pictures visible."""
    times = max(1, math.ceil(least / min(pictures.shape[1:3])))
    return pictures.repeat(times, axis=1).repeat(times, axis=2)


def squared(pictures: Pixels) -> Pixels:
    """uint8 ``[N, H, W, C]`` in the middle of squares: white, or clear with alpha."""
    count, height, width, channels = pictures.shape
    if height == width:
        return pictures
    side = max(height, width)
    squares = np.full((count, side, side, channels), 0 if channels == 4 else 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    squares[:, top : top + height, left : left + width] = pictures
    return squares


def grid(
    pictures: Pixels, columns: int | None = None, gap: int = 2, background: int = 255
) -> Pixels:
    """uint8 ``[N, H, W, C]`` -> one uint8 picture with N tiles, ``gap`` pixels between them.

    It is for a person: transparent pictures are on a checkerboard.
    """
    pictures = visible(pictures)
    count, height, width, channels = pictures.shape
    columns = columns or max(1, math.ceil(math.sqrt(count)))
    rows = max(1, math.ceil(count / columns))
    sheet = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, channels), background, np.uint8
    )
    for index, picture in enumerate(pictures):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def class_rows(
    pictures: Pixels, numbers: NDArray[np.int64], classes: Iterable[int], each: int = 10
) -> Pixels:
    """The first pictures of every class, a row each; ``numbers`` ``[N]`` are their classes."""
    blank = np.full((1, *pictures.shape[1:]), 255, np.uint8)
    rows = []
    for number in classes:
        first = pictures[np.flatnonzero(numbers == number)[:each]]
        rows += [first, blank.repeat(each - len(first), axis=0)]
    return grid(enlarge(np.concatenate(rows), 64), columns=each)


def animation(
    frames: Sequence[Pixels], milliseconds: int = 350, hold: int = 6, exif: bytes = b""
) -> bytes:
    """Frames (uint8 ``[H, W, C]``) as an animated WebP; the last frame is held ``hold`` times."""
    pillows = [to_pillow(frame).convert(MODES[max(3, frame.shape[-1])]) for frame in frames]
    if not pillows:
        raise ValueError("an animation needs at least one frame")
    durations = [milliseconds] * (len(pillows) - 1) + [milliseconds * hold]
    buffer = io.BytesIO()
    pillows[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=pillows[1:],
        duration=durations,
        loop=0,
        quality=80,
        method=2,
        exif=exif,
    )
    return buffer.getvalue()
