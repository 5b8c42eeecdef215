"""Which formats are read, and what a file is that is none of them: by its content, in words."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, PngImagePlugin

_UNSAFE = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "FPX", "MIC", "MPEG", "FITS"})
"""Formats that call outside programs, are stubs in Pillow, or are no pictures for people."""

FIRST_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM")
"""The formats that Pillow knows at once. To learn the others takes a worker 50 ms, so they are
tried only on files that are none of these."""

TEXT_LIMIT = 16 << 20
"""The most bytes of one text or color profile inside a PNG; beyond it is a decompression bomb."""


@lru_cache(maxsize=1)
def allow_long_texts() -> None:
    """Let Pillow read sound PNGs with long texts and profiles (its own limit is 1 MB)."""
    PngImagePlugin.MAX_TEXT_CHUNK = TEXT_LIMIT


@lru_cache(maxsize=1)
def readable_formats() -> tuple[str, ...]:
    """The names of all formats that are tried on a file, the usual ones first."""
    Image.init()
    known = set(Image.ID) - _UNSAFE
    usual = [name for name in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP") if name in known]
    return (*usual, *sorted(known - set(usual)))


_VIDEO = "turn it into pictures first, for example: ffmpeg -i FILE -vf fps=2 %06d.png"
_CONVERT = "save it as JPEG or PNG first"
_ARCHIVE = "name the archive itself, or unpack it"

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\0\0\0\x0cJXL \r\n\x87\n", f"is a JPEG XL picture; {_CONVERT}, for example with djxl"),
    (b"\xff\x0a", f"is a JPEG XL picture; {_CONVERT}, for example with djxl"),
    (b"FUJIFILMCCD-RAW", f"is a camera's raw file (RAF); {_CONVERT}"),
    (b"IIRO", f"is a camera's raw file (ORF); {_CONVERT}"),
    (b"IIU\0", f"is a camera's raw file (RW2); {_CONVERT}"),
    (b"FOVb", f"is a camera's raw file (X3F); {_CONVERT}"),
    (b"%PDF", "is a PDF, not a picture; take its pages out first, for example with pdftoppm"),
    (b"%!PS", "is text for printers (PostScript), not a picture; save it as PNG first"),
    (b"gimp xcf", f"is a GIMP project; {_CONVERT}"),
    (b"PK\x03\x04", f"is a zip archive (or an office document), not a picture; {_ARCHIVE}"),
    (b"PK\x05\x06", "is an empty zip archive, not a picture"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive, not a picture; unpack it"),
    (b"Rar!", "is a RAR archive, not a picture; unpack it"),
    (b"\x1f\x8b", f"is a gzip archive, not a picture; {_ARCHIVE}"),
    (b"BZh", f"is a bzip2 archive, not a picture; {_ARCHIVE}"),
    (b"\xfd7zXZ", f"is an xz archive, not a picture; {_ARCHIVE}"),
    (b"\x28\xb5\x2f\xfd", "is a zstd archive, not a picture; unpack it"),
    (b"PAR1", "is a Parquet table, not a picture; name it (or a folder of them) itself"),
    (b"ARROW1", "is an Arrow table, not a picture; save it as Parquet and name that"),
    (b"\x93NUMPY", "is a NumPy array, not a picture; save its pictures as PNG first"),
    (b"\x89HDF", "is an HDF5 file, not a picture; save its pictures as PNG first"),
    (b"SQLite format", "is a database, not a picture"),
    (b"\x1aE\xdf\xa3", f"is a Matroska or WebM video, not a picture; {_VIDEO}"),
    (b"FLV\x01", f"is a Flash video, not a picture; {_VIDEO}"),
    (b"\0\0\x01\xba", f"is an MPEG video, not a picture; {_VIDEO}"),
    (b"\0\0\x01\xb3", f"is an MPEG video, not a picture; {_VIDEO}"),
    (b"\x30\x26\xb2\x75", f"is a Windows Media file, not a picture; {_VIDEO}"),
    (b"ID3", "is an MP3 sound, not a picture"),
    (b"fLaC", "is a FLAC sound, not a picture"),
    (b"OggS", "is an Ogg sound or video, not a picture"),
    (b"\x7fELF", "is a program, not a picture"),
    (b"MZ", "is a Windows program, not a picture"),
    (b"\xca\xfe\xba\xbe", "is a program, not a picture"),
    (b"\0\x05\x16\x07", "holds what macOS notes beside a picture (a resource fork), not a picture"),
    (b"\0\x05\x16\0", "holds what macOS notes beside a picture (a resource fork), not a picture"),
)
_RIFF = {
    b"AVI ": f"is an AVI video, not a picture; {_VIDEO}",
    b"WAVE": "is a WAV sound, not a picture",
}
_BRANDS = (
    (b"avif avis", "is an AVIF picture that this Pillow cannot read, or damaged; save it as JPEG"),
    (
        b"heic heix heim heis hevc hevx mif1 msf1",
        "is a HEIC photograph (iPhone); save it as JPEG first, for example with heif-convert",
    ),
    (b"crx ", f"is a camera's raw file (CR3); {_CONVERT}"),
)
_SOUND = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}


def what_it_is(data: bytes) -> str:
    """What a file is that cannot be opened as a picture, and what would help, in words."""
    if not data:
        return "is empty (zero bytes)"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff(data)
    for beginning, kind in _SOUND.items():
        if data.startswith(beginning):
            return f"starts like {kind} but is truncated or damaged"
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "starts like WebP but is truncated or damaged")
    if data[4:8] == b"ftyp":
        return _container(data)
    for beginning, words in _STARTS:
        if data.startswith(beginning):
            return words
    if data[257:262] == b"ustar":
        return f"is a tar archive, not a picture; {_ARCHIVE}"
    return _words_or_noise(data)


def _container(data: bytes) -> str:
    """A file of the family of MP4: by its brand, then by those it says it is compatible with."""
    for brand in (data[8:12], *(data[at : at + 4] for at in range(16, 32, 4))):
        for brands, words in _BRANDS:
            if len(brand) == 4 and brand in brands:
                return words
    return f"is an MP4 or QuickTime video, not a picture; {_VIDEO}"


def _words_or_noise(data: bytes) -> str:
    start = data[:512].lstrip().lower()
    if start.startswith((b"<svg", b"<?xml")) and b"<svg" in data[:4096].lower():
        return "is an SVG drawing; turn it into PNG first"
    if start.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a picture (a download that failed?)"
    if start.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the picture itself; run 'git lfs pull' first"
    if not start.strip(b"\0"):
        return "holds only zeros (a copy that failed?)"
    try:
        data[:512].decode("utf-8")
    except UnicodeDecodeError:
        return "is not a picture in any format that is known here"
    return "is text, not a picture"


_MAKE, _BANDS, _DNG = 271, 277, 50706


def _tiff(data: bytes) -> str:
    """A TIFF that Pillow does not open: raw, of many bands, or damaged, by its first directory."""
    tags = _first_tags(data)
    bands = tags.get(_BANDS, 1)
    if _DNG in tags or (_MAKE in tags and bands == 1) or data[8:10] == b"CR":
        return f"is a camera's raw file (DNG, NEF, CR2 or the like); {_CONVERT}"
    if bands > 4:
        return f"is a TIFF with {bands} bands, of which none is said to be red, green or blue"
    if tags:
        return f"is a TIFF of a kind that is not read here, or damaged; {_CONVERT}"
    return "starts like TIFF but is truncated or damaged"


def _first_tags(data: bytes) -> dict[int, int]:
    """The tags of the first directory of a TIFF with their values, as far as they are short."""
    order = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]

    start = number(4, 4)
    count = number(start, 2) if start + 2 <= len(data) else 0
    entries = range(start + 2, min(start + 2 + 12 * count, len(data) - 11), 12)
    return {number(at, 2): number(at + 8, 2) for at in entries}
