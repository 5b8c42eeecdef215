"""A folder with every kind of file that breaks programs, and damaged copies of sound ones.

Written for the doctor and for prepare: each file is either read, or refused with its reason.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

Maker = Callable[[], bytes]


@dataclass
class Hostile:
    """The folder; ``must_refuse`` has a pattern of the reason by name, ``may_read`` the others."""

    folder: Path
    must_refuse: dict[str, str] = field(default_factory=dict)
    must_read: set[str] = field(default_factory=set)
    either: set[str] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """Every file that a report has to name or to count as read."""
        return set(self.must_refuse) | self.must_read | self.either


def picture(seed: int, width: int = 96, height: int = 80) -> Image.Image:
    """A soft picture with an edge, another one for each seed."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (5, 6, 3), np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).copy()
    pixels[height // 3 : height // 2, width // 4 : width // 2] = draw.integers(0, 256, 3)
    return Image.fromarray(pixels)


def saved(one: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    one.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(body: bytes) -> bytes:
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def png(
    width: int, height: int, data: bytes, *more: bytes, depth: int = 8, color: int = 0
) -> bytes:
    head = chunk(b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    body = b"".join(map(chunk, more)) + chunk(b"IDAT" + data) + chunk(b"IEND")
    return b"\x89PNG\r\n\x1a\n" + head + body


def plain_png(width: int, height: int, depth: int, color: int, row: int) -> bytes:
    """A sound PNG of zeros, compressed row by row so that making it needs no memory."""
    press = zlib.compressobj(9)
    line = bytes(1 + row)
    packed = b"".join(press.compress(line) for _ in range(height)) + press.flush()
    return png(width, height, packed, depth=depth, color=color)


def looping_tiff() -> bytes:
    """A TIFF whose directory names itself as the next one."""
    entries = [(256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 200), (278, 4, 1, 16), (279, 4, 1, 256)]
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries)
    return (b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", 8)).ljust(
        200, b"\0"
    ) + bytes(range(256))


def many_frames(count: int) -> bytes:
    frames = [Image.new("P", (16, 16), index % 256) for index in range(256)]
    for frame in frames:
        frame.putpalette([value for grey in range(256) for value in (grey, 255 - grey, 90)])
    rest = (frames * (count // 256 + 1))[1:count]
    return saved(frames[0], "GIF", save_all=True, append_images=rest, optimize=False)


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


class Canary:
    """Leaves a file behind when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.path), "w"))


def refused(folder: Path) -> Iterator[tuple[str, str, Maker]]:
    """Files that nobody can use: name, pattern of the reason, bytes."""
    whole = {
        kind: saved(picture(1), kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")
    }
    for kind, data in whole.items():
        yield f"head.{kind.lower()}", "truncated|damaged", lambda data=data: data[:20]
    yield "empty.png", "empty", lambda: b""
    yield "words.jpg", "text", lambda: b"this is no picture"
    yield "page.png", "web page", lambda: b"<!DOCTYPE html><html>404</html>"
    yield "zeros.jpg", "only zeros", lambda: bytes(5000)
    yield "drawing.png", "SVG", lambda: b'<?xml version="1.0"?><svg xmlns="x"/>'
    yield "paper.jpg", "text", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    yield "document.jpg", "not a picture", lambda: b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\nendobj\n"
    yield (
        "archive.png",
        "not a picture",
        lambda: zipped({"in.zip": zipped({"a.png": whole["PNG"]})}),
    )
    yield "weights.png", "not a picture", lambda: pickle.dumps(Canary(folder.parent / "canary"))
    yield "program.webp", "truncated|not a picture", lambda: b"\x7fELF" + bytes(range(256)) * 9
    yield "bomb.png", "178 million", lambda: png(50_000, 50_000, zlib.compress(bytes(100)))
    yield (
        "bomb.bmp",
        "million",
        lambda: (
            b"BM"
            + struct.pack(
                "<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0
            )
        ),
    )
    yield "bomb.ppm", "million", lambda: b"P6 100000 100000 255\n" + bytes(100)
    yield (
        "bomb.gif",
        "million|truncated",
        lambda: (
            b"GIF89a"
            + struct.pack("<HH", 65535, 65535)
            + bytes([0x80, 0, 0] + [0] * 6)
            + b"\x2c"
            + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
            + b"\x02\x02\x4c\x01\x00\x3b"
        ),
    )
    yield "large.png", "120 million", lambda: png(12_000, 10_000, zlib.compress(bytes(100)))
    yield "lines.png", "million", lambda: plain_png(20_000, 9_000, 1, 0, 2500)
    text = b"zTXtbomb\0\0" + zlib.compress(bytes(100 << 20), 9)
    yield "text.png", "damaged|memory", lambda: png(64, 64, zlib.compress(bytes(65 * 64)), text)
    yield "dot.png", "1 x 1", lambda: saved(Image.new("RGB", (1, 1)), "PNG")
    yield "thread.png", "1 x 20000", lambda: saved(Image.new("RGB", (1, 20_000)), "PNG")
    yield "thread.jpg", "20000 x 1", lambda: saved(Image.new("RGB", (20_000, 1)), "JPEG")
    yield "tiny.gif", "7 x 7", lambda: saved(Image.new("P", (7, 7)), "GIF")


def sound() -> Iterator[tuple[str, Maker]]:
    """Files that look odd and are fine."""
    ways = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    for turn, way in ways.items():
        exif = Image.Exif()
        exif[0x0112] = turn
        upright = picture(10 + turn)
        yield (
            f"turned{turn}.jpg",
            lambda u=upright, w=way, e=exif: saved(u.transpose(Image.Transpose(w)), "JPEG", exif=e),
        )
    for index, mode in enumerate(("1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "F", "I", "YCbCr")):
        deep = mode in ("F", "I", "I;16")
        grey = picture(30 + index).convert("L").convert("I" if deep else "L")
        one = grey.convert(mode) if deep else picture(30 + index).convert(mode)
        yield f"mode {index}.tiff", lambda one=one: saved(one, "TIFF")
    clear = picture(50).quantize(16)
    yield "palette.png", lambda: saved(clear, "PNG", transparency=0)
    yield "SHOUT.JPG", lambda: saved(picture(51), "PNG")
    yield "été 雪 ☃ \u202e.png", lambda: saved(picture(52), "PNG")
    yield "<script>alert(1)<.png", lambda: saved(picture(53), "PNG")
    yield "-rf; $(reboot) '\".png", lambda: saved(picture(54), "PNG")
    yield "x" * 240 + ".png", lambda: saved(picture(55), "PNG")
    yield "no suffix", lambda: saved(picture(56), "WEBP")
    yield (
        "moving.gif",
        lambda: saved(picture(57), "GIF", save_all=True, append_images=[picture(58), picture(59)]),
    )
    yield (
        "moving.png",
        lambda: saved(picture(60), "PNG", save_all=True, append_images=[picture(61), picture(62)]),
    )
    yield (
        "pages.tiff",
        lambda: saved(picture(63), "TIFF", save_all=True, append_images=[picture(64)]),
    )
    yield "wide.png", lambda: saved(picture(65, 20_000, 9), "PNG")
    yield "progressive.jpg", lambda: saved(picture(66), "JPEG", progressive=True)
    yield "icon.ico", lambda: saved(picture(67, 64, 64), "ICO")
    yield "old.pcx", lambda: saved(picture(68), "PCX")
    yield "old.tga", lambda: saved(picture(69), "TGA")
    yield "plain.ppm", lambda: saved(picture(70), "PPM")
    yield "wave.jp2", lambda: saved(picture(71), "JPEG2000")


def heavy() -> Iterator[tuple[str, Maker]]:
    """Much work or much memory, each allowed or refused."""
    yield "frames.gif", lambda: many_frames(3000)
    yield "loop.tiff", looping_tiff
    yield "grey80.png", lambda: plain_png(8900, 8900, 8, 0, 8900)
    yield "color80.png", lambda: plain_png(8900, 8900, 8, 2, 8900 * 3)
    yield "clear80.png", lambda: plain_png(8900, 8900, 8, 6, 8900 * 4)
    yield "deep80.png", lambda: plain_png(8900, 8900, 16, 0, 8900 * 2)
    yield "deepclear70.png", lambda: plain_png(8400, 8400, 16, 6, 8400 * 8)
    yield "twotone80.png", lambda: plain_png(8900, 8900, 8, 4, 8900 * 2)
    yield "waves80.jpg", lambda: saved(Image.new("RGB", (8900, 8900)), "JPEG", progressive=True)
    yield "wide100.jpg", lambda: saved(Image.new("L", (65_000, 2_600)), "JPEG")
    yield (
        "ink60.tiff",
        lambda: saved(Image.new("CMYK", (7700, 7700)), "TIFF", compression="tiff_deflate"),
    )
    yield (
        "float60.tiff",
        lambda: saved(Image.new("F", (7700, 7700)), "TIFF", compression="tiff_deflate"),
    )


def mutants(count: int) -> Iterator[tuple[str, Maker]]:
    """Sound files of every common format with a few bytes changed, cut or doubled."""
    draw = np.random.default_rng(7)
    kinds = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "ICO", "TGA", "PCX", "JPEG2000")
    for index in range(count):
        kind = kinds[index % len(kinds)]
        data = bytearray(saved(picture(1000 + index, 48, 40), kind))
        # Half of the changes hit the first bytes, where the lengths and counts are.
        for _ in range(int(draw.integers(1, 9))):
            most = len(data) if draw.random() < 0.5 else min(64, len(data))
            data[int(draw.integers(0, most))] = int(draw.choice([0, 1, 127, 128, 255, 64]))
        if draw.random() < 0.3:
            at = int(draw.integers(0, len(data)))
            data = data[:at] if draw.random() < 0.5 else data[:at] + data[at // 2 :]
        yield f"mutant{index:04d}.{kind.lower()}", lambda data=bytes(data): data


def make(folder: Path, damaged: int = 40, large: bool = False) -> Hostile:
    """Write the folder: about 70 kinds, ``damaged`` mutants, and ``large`` ones on request."""
    folder.mkdir(parents=True)
    corpus = Hostile(folder)
    for name, why, data in refused(folder):
        (folder / name).write_bytes(data())
        corpus.must_refuse[name] = why
    for name, data in sound():
        (folder / name).write_bytes(data())
        corpus.must_read.add(name)
    for name, data in (*mutants(damaged), *(heavy() if large else ())):
        (folder / name).write_bytes(data())
        corpus.either.add(name)
    _odd_places(corpus)
    return corpus


def _odd_places(corpus: Hostile) -> None:
    """What is no plain file: a pipe, devices, links to nowhere and in a circle, a hole of 5 GB."""
    folder = corpus.folder
    os.mkfifo(folder / "pipe.png")
    (folder / "endless.png").symlink_to("/dev/zero")
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    (folder / "circle.png").symlink_to(folder / "circle.png")
    (folder / "around").symlink_to(folder, target_is_directory=True)
    (folder / "folder.png").mkdir()
    with (folder / "hole.png").open("wb") as file:
        file.truncate(5 << 30)
    for name in ("pipe.png", "endless.png"):
        corpus.must_refuse[name] = "not a plain file"
    for name in ("nowhere.png", "circle.png"):
        corpus.must_refuse[name] = "cannot be opened"
    corpus.must_refuse["hole.png"] = "limit is"
