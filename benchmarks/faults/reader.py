"""Pictures and archives that mean harm: the reader fuzzed along its own coverage, and archives.

A trial of fuzzing takes ``SECONDS`` of processor time: files of every common format are changed,
and a change that reaches lines of the reader or of Pillow's plugins that nothing reached before
becomes a file to change further. The reader has to answer with a picture or with an error of ours,
within 10 s and 560 MB. A signal that ends the decoder is counted and has to stay in the worker that
it happens in.
"""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.faults.jobs import JOBS, Workshop

SECONDS = 30.0
FUZZED = 120
SLOW, MEMORY = 10.0, 560 << 20
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "ICO", "TGA", "PCX", "JPEG2000")
TRACED = (f"{os.sep}PIL{os.sep}", f"{os.sep}data{os.sep}decode{os.sep}")


def trial(workshop: Workshop, number: int) -> tuple[str, str]:
    """What was tried, and what was wrong (nothing, if nothing)."""
    if number < len(ARCHIVES):
        return _archive(workshop, number)
    return _fuzz(number)


def _fuzz(number: int) -> tuple[str, str]:
    words = f"fuzzing {number}"
    code = f"from benchmarks.faults.reader import fuzz; fuzz({number}, {SECONDS})"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    if ran.returncode > 0:
        return words, f"exit status {ran.returncode}: {ran.stderr[-600:]}"
    if ran.returncode:
        # Its worker would have died alone: the file is known, and one file is what it costs.
        return f"{words}: the decoder crashed ({ran.returncode})", ""
    told = json.loads(ran.stdout.splitlines()[-1])
    return f"{words}: {told['files']:,} files, {told['lines']:,} lines", told["wrong"]


def fuzz(number: int, seconds: float) -> None:
    """Change files for so long, and print what was found as JSON."""
    from lookalike.data.decode.decode import ReadSettings, read_picture
    from lookalike.data.decode.memory_limits import bound_memory
    from lookalike.errors import DataError

    bound_memory(MEMORY)
    draw = np.random.default_rng((5, number))
    reached = Reached()
    files = [_sound(draw, kind) for kind in FORMATS]
    settings, tried, wrong = ReadSettings(size=32), 0, ""
    until = time.process_time() + seconds
    while time.process_time() < until and not wrong:
        data = _changed(files, draw)
        begun, before = time.process_time(), len(reached.lines)
        sys.settrace(reached)
        try:
            read_picture(data, settings)
        except DataError:
            pass
        except BaseException as problem:
            wrong = f"{problem!r} of {data[:40]!r}"
        finally:
            sys.settrace(None)
        tried += 1
        if time.process_time() - begun > SLOW:
            wrong = f"{time.process_time() - begun:.0f} s for {data[:40]!r}"
        if len(reached.lines) > before:
            files.append(data)
    print(json.dumps({"files": tried, "lines": len(reached.lines), "wrong": wrong}))


class Reached:
    """The lines of the reader and of Pillow that were run: a function for ``sys.settrace``."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()

    def __call__(self, frame: Any, event: str, argument: object) -> Any:
        name = frame.f_code.co_filename
        if not any(part in name for part in TRACED):
            return None

        def inner(frame: Any, event: str, argument: object) -> Any:
            self.lines.add((name, frame.f_lineno))
            return inner

        return inner


def _sound(draw: np.random.Generator, kind: str) -> bytes:
    pixels = draw.integers(0, 256, (5, 6, 3), np.uint8)
    buffer = io.BytesIO()
    mode = str(draw.choice(["RGB", "L"])) if kind != "ICO" else "RGB"
    Image.fromarray(pixels).resize((24, 20)).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def _changed(files: list[bytes], draw: np.random.Generator) -> bytes:
    data = bytearray(files[int(draw.integers(len(files)))])
    for _ in range(int(draw.integers(1, 6))):
        most = len(data) if draw.random() < 0.5 else min(64, len(data))
        at = int(draw.integers(max(1, most)))
        way = draw.random()
        if way < 0.5 and data:
            data[at] = int(draw.choice([0, 1, 2, 127, 128, 254, 255, int(draw.integers(256))]))
        elif way < 0.7:
            data[at : at + 4] = struct.pack(
                str(draw.choice(["<I", ">I"])),
                int(draw.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1])),
            )
        elif way < 0.8:
            del data[at : at + int(draw.integers(1, 16))]
        elif way < 0.9:
            other = files[int(draw.integers(len(files)))]
            data[at:at] = other[int(draw.integers(len(other))) :][:32]
        else:
            data[at:at] = bytes(data[at : at + int(draw.integers(1, 64))])
    return bytes(data)


def _picture(number: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(pixels).resize((20, 20), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def _zip(path: Path, entries: dict[str, bytes], **how: Any) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **how) as archive:
        for index in range(24):
            archive.writestr(f"sound/{index}.png", _picture(index))
        for name, data in entries.items():
            archive.writestr(name, data)


def _tar(path: Path, *members: tarfile.TarInfo) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for index in range(24):
            info = tarfile.TarInfo(f"sound/{index}.png")
            info.size = len(_picture(index))
            archive.addfile(info, io.BytesIO(_picture(index)))
        for info in members:
            archive.addfile(info, io.BytesIO(bytes(info.size)))


def _member(
    name: str, kind: bytes = tarfile.REGTYPE, to: str = "", size: int = 0
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, to, size
    return info


def _nested(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.png", _picture(1))
    data = inner.getvalue()
    for _ in range(6):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive:
            archive.writestr("inner.zip", data)
        data = outer.getvalue()
    _zip(path, {"deep.zip": data})


def _encrypted(path: Path) -> None:
    _zip(path, {"secret.png": _picture(99)})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rfind(mark)
        data[at + offset] |= 1
    path.write_bytes(data)


def _torn(path: Path) -> None:
    _zip(path, {})
    path.write_bytes(path.read_bytes()[:-30])


def _lying(path: Path) -> None:
    """A zip whose directory gives other sizes than the members have."""
    _zip(path, {"liar.png": _picture(98)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(data)


def _overlapping(path: Path) -> None:
    """Many entries of the directory that share one member (the better zip bomb)."""
    _zip(path, {"kernel.png": _picture(97)})
    data = path.read_bytes()
    end = data.rfind(b"PK\x05\x06")
    start = data.rfind(b"PK\x01\x02")
    entry = data[start:end]
    count = 24 + 1 + 5000
    tail = bytearray(data[end:])
    tail[8:12] = struct.pack("<HH", count, count)
    size = struct.unpack("<I", tail[12:16])[0] + 5000 * len(entry)
    tail[12:16] = struct.pack("<I", size)
    path.write_bytes(data[:end] + entry * 5000 + bytes(tail))


def _many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(10**6):
            archive.writestr(zipfile.ZipInfo(f"{index}.txt"), b"")
        for index in range(24):
            archive.writestr(f"sound/{index}.png", _picture(index))


ARCHIVES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a bomb of zeros": ("a.zip", lambda path: _zip(path, {"bomb.png": bytes(600_000_000)})),
    "a bomb that is called a picture": (
        "a.zip", lambda path: _zip(path, {"b.png": _picture(0) + bytes(400_000_000)})),
    "zips in zips": ("a.zip", _nested),
    "an encrypted member": ("a.zip", _encrypted),
    "absolute names": ("a.zip", lambda path: _zip(path, {"/outside.png": _picture(1)})),
    "names that climb": ("a.zip", lambda path: _zip(path, {"../../outside.png": _picture(1)})),
    "names with backslashes": (
        "a.zip", lambda path: _zip(path, {"..\\..\\outside.png": _picture(1)})),
    "a name twice": ("a.zip", lambda path: _zip(path, {"sound/0.png ": _picture(50)})),
    "a torn end": ("a.zip", _torn),
    "sizes that lie": ("a.zip", _lying),
    "five thousand entries of one member": ("a.zip", _overlapping),
    "a million entries": ("a.zip", _many),
    "no archive": ("a.zip", lambda path: path.write_bytes(b"PK\x03\x04 not at all")),
    "links that climb": (
        "a.tar.gz", lambda path: _tar(path, _member("x.png", tarfile.SYMTYPE, "../../passwd"))),
    "hard links": (
        "a.tar.gz", lambda path: _tar(path, _member("y.png", tarfile.LNKTYPE, "/etc/passwd"))),
    "devices": ("a.tar.gz", lambda path: _tar(path, _member("zero.png", tarfile.CHRTYPE))),
    "pipes": ("a.tar.gz", lambda path: _tar(path, _member("pipe.png", tarfile.FIFOTYPE))),
    "a giant": ("a.tar.gz", lambda path: _tar(path, _member("giant.png", size=600_000_000))),
    "absolute names in a tar": (
        "a.tar.gz", lambda path: _tar(path, _member("/outside.png", size=9))),
}  # fmt: skip
"""Archives in words, with the name of the file and what writes it."""
REFUSED = ("a torn end", "no archive")
"""Archives that cannot be read as a whole: they alone may be refused."""


def _archive(workshop: Workshop, number: int) -> tuple[str, str]:
    words = list(ARCHIVES)[number]
    name, make = ARCHIVES[words]
    workshop.begin(JOBS["prepare"])
    path = workshop.place / name
    make(path)
    begun = time.monotonic()
    ended = workshop.nursery.run(("prepare", name, "--to", "pack", "--size", "16"), workshop.place)
    seconds = time.monotonic() - begun
    wrong = ended.wrong
    refused = words in REFUSED and "Error:" in ended.said
    if ended.status and not refused:
        wrong = wrong or f"refused: {ended.said[-300:]}"
    if ended.status == 0 and "24 pictures" not in ended.said and "25 pictures" not in ended.said:
        wrong = wrong or f"not the 24 sound ones: {ended.said[-300:]}"
    if seconds > 12 * SLOW:
        wrong = wrong or f"it took {seconds:.0f} s"
    outside = [p for p in workshop.root.rglob("outside*") if p.name != name]
    outside += [p for p in Path("/").glob("outside*")]
    return words, wrong or (f"written outside: {outside}" if outside else "")


COUNT = len(ARCHIVES) + FUZZED
