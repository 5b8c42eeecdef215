import io
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike.settings.collect import Limits
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.store.picture_checks import inspect

LIMITS = Limits()


def _saved(form: str, mode: str = "RGB", size: tuple[int, int] = (80, 70), **how: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 7).save(buffer, form, **how)
    return buffer.getvalue()


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _giant_png(width: int, height: int) -> bytes:
    """A PNG that claims a size and has hardly any data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    chunks = (_png_chunk(b"IHDR", head), _png_chunk(b"IDAT", body), _png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("form", "mode", "ending"),
    [
        ("JPEG", "RGB", "jpg"),
        ("JPEG", "CMYK", "jpg"),
        ("PNG", "RGBA", "png"),
        ("PNG", "I;16", "png"),
        ("PNG", "P", "png"),
        ("WEBP", "RGB", "webp"),
        ("GIF", "P", "gif"),
        ("BMP", "RGB", "bmp"),
        ("TIFF", "L", "tif"),
        ("AVIF", "RGB", "avif"),
    ],
)
def test_the_ending_follows_the_content(form: str, mode: str, ending: str) -> None:
    facts = inspect(_saved(form, mode), LIMITS)
    assert (facts.ending, facts.width, facts.height) == (ending, 80, 70)


@pytest.mark.parametrize(
    "data",
    [b"", b"<html><body>no picture</body></html>", b"<svg xmlns='x'/>", b"%PDF-1.7", b"\x00" * 99],
)
def test_what_is_no_picture_is_named_with_its_first_bytes(data: bytes) -> None:
    with pytest.raises(RefusedError, match="not a picture"):
        inspect(data, LIMITS)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_half_a_picture_is_broken(form: str) -> None:
    whole = _saved(form, size=(400, 400))
    noisy = io.BytesIO()
    Image.effect_noise((400, 400), 90).convert("RGB").save(noisy, form)
    for data in (whole[: len(whole) // 2], noisy.getvalue()[: len(noisy.getvalue()) // 2]):
        with pytest.raises(RefusedError):
            inspect(data, LIMITS)


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (10_000, 9_000), (70_000, 1000)])
def test_a_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    tracemalloc.start()
    with pytest.raises(RefusedError, match="too many pixels"):
        inspect(_giant_png(width, height), LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_tiny_and_thin_pictures_are_too_small() -> None:
    for size in ((1, 1), (1, 2000), (63, 64)):
        with pytest.raises(RefusedError, match="too small"):
            inspect(_saved("PNG", size=size), LIMITS)
    assert inspect(_saved("PNG", size=(64, 64)), LIMITS).width == 64


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(RefusedError, match="too many bytes"):
        inspect(_saved("BMP"), Limits(most_mb=0.001))


@given(st.binary(max_size=400), st.integers(0, 3), st.data())
@settings(max_examples=60, deadline=None)
def test_no_bytes_make_it_fail_in_another_way(junk: bytes, kind: int, data: st.DataObject) -> None:
    """Random bytes, and pictures with random damage: facts or a refusal, never anything else."""
    whole = bytearray(_saved(("PNG", "JPEG", "GIF", "WEBP")[kind]))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at : at + len(junk)] = junk
    for given_bytes in (junk, bytes(whole)):
        try:
            assert inspect(given_bytes, LIMITS).width >= 64
        except RefusedError:
            pass
