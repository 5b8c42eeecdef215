"""Pillow #8363, FAME-Net #6, ImageIndexer #58: files refused for a reason that is not theirs."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest
from case_tools import fill, png, prepared, refusals


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_sound_png_with_a_long_text_or_profile_is_read(tmp_path: Path, kind: bytes) -> None:
    folder = fill(tmp_path / "in", 20)
    data = png(900)
    long = chunk(kind, b"C\0\0" + zlib.compress(b"x" * (2 << 20)))
    (folder / "long.png").write_bytes(data[:33] + long + data[33:])
    done = prepared(folder)
    assert (done.count, done.refused) == (21, 0)


def tiff(tags: dict[int, int]) -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags.items())
    return struct.pack("<4sIH", b"II*\0", 8, len(tags)) + entries + bytes(4)


KINDS = {
    "clip.avi": (b"RIFF" + struct.pack("<I", 4000) + b"AVI LIST", "is an AVI video"),
    "a.wav": (b"RIFF" + struct.pack("<I", 4000) + b"WAVEfmt ", "is a WAV sound"),
    "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC photograph"),
    "v.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "is an MP4 or QuickTime video"),
    "a.jxl": (b"\0\0\0\x0cJXL \r\n\x87\n", "is a JPEG XL picture"),
    "a.cr3": (b"\0\0\0\x18ftypcrx \0\0\0\0", "is a camera's raw file"),
    "a.nef": (tiff({256: 40, 257: 40, 271: 0, 277: 1}), "is a camera's raw file"),
    "bands.tif": (tiff({256: 40, 257: 40, 258: 8, 277: 5}), "is a TIFF with 5 bands"),
    "a.pdf": (b"%PDF-1.7\n", "is a PDF"),
    "a.zip": (b"PK\3\4", "is a zip archive"),
    "a.mkv": (b"\x1aE\xdf\xa3", "is a Matroska or WebM video"),
    "a.npy": (b"\x93NUMPY", "is a NumPy array"),
}


def test_what_is_no_picture_is_named_by_its_kind(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", 20)
    for name, (start, _) in KINDS.items():
        (folder / name).write_bytes(start + os.urandom(2000))
    reasons = refusals(prepared(folder))
    wrong = {name for name, (_, why) in KINDS.items() if not reasons[name].startswith(why)}
    assert wrong == set()
