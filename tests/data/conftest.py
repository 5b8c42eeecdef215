from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def photo(seed: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A smooth random colour picture: like a photograph, different for each seed."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of different PNG photographs."""

    def make(count: int, name: str = "photos", first: int = 0, **where: str) -> Path:
        folder = tmp_path / name
        target = folder / where.get("under", "")
        target.mkdir(parents=True, exist_ok=True)
        for index in range(first, first + count):
            photo(index).save(target / f"{index:03d}.png")
        return folder

    return make


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds hardly any pixels."""

    def chunk(body: bytes) -> bytes:
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT" + zlib.compress(bytes(100)))


def save_turned(folder: Path, name: str, upright: Image.Image, orientation: int) -> None:
    """Save a picture as a camera held another way would: turned, with a note in EXIF."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = upright.transpose(back[orientation]) if orientation in back else upright
    turned.save(folder / name, exif=exif)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with one of every kind that breaks programs, and what each should come to."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    good = photo(1)
    save_turned(folder, "turned.png", photo(2), 6)
    photo(3).convert("CMYK").save(folder / "ink.jpg")
    clear = photo(4).quantize(16)
    clear.save(folder / "palette.png", transparency=0)
    deep = (np.arange(48 * 40).reshape(40, 48) * 34).astype(np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    Image.fromarray(deep[::-1].astype(np.float32) / 65535).save(folder / "float.tiff")
    good.save(folder / "whole.jpg", quality=90)
    data = (folder / "whole.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "SHOUT.JPG").write_bytes(photo_bytes(photo(5), "PNG", tmp_path))
    (folder / "empty.png").write_bytes(b"")
    (folder / "words.jpg").write_text("this is no picture")
    (folder / "page.png").write_text("<!DOCTYPE html><html>404</html>")
    (folder / "zeros.jpg").write_bytes(bytes(5000))
    (folder / "bomb.png").write_bytes(png_header(50_000, 50_000))
    (folder / "large.png").write_bytes(png_header(12_000, 10_000))
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("RGB", (1, 20_000)).save(folder / "thread.png")
    photo(6).save(folder / "été 雪 ☃.png")
    frames = [photo(7), photo(8)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    photo(9).convert("1").save(folder / "bits.png")
    photo(10).convert("LA").save(folder / "grey_alpha.png")
    noise = np.random.default_rng(0).integers(0, 256, 3000, np.uint8).tobytes()
    (folder / "noise.webp").write_bytes(b"RIFF" + noise)
    (folder / "eps.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    return folder


def photo_bytes(picture: Image.Image, kind: str, place: Path) -> bytes:
    picture.save(place / "scratch", kind)
    return (place / "scratch").read_bytes()
