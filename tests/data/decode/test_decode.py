from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from lookalike.data.decode.decode import DecodedPicture, ReadSettings, read_picture
from lookalike.errors import DataError

PLAIN = ReadSettings(size=16)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    draw = np.random.default_rng(seed)
    return Image.fromarray(draw.integers(0, 256, (height, width, 3), np.uint8))


def read(data: bytes, **changes: object) -> DecodedPicture:
    return read_picture(data, ReadSettings(**{"size": 16, **changes}))


def test_a_picture_of_the_right_size_is_read_unchanged() -> None:
    picture = noise(16, 16)
    assert np.array_equal(read(saved(picture)).pixels, np.asarray(picture))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_all_eight_orientations_come_out_upright(orientation: int, kind: str) -> None:
    upright = Image.new("RGB", (40, 60), "white")
    upright.paste("red", (0, 10, 20, 30))
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    turned = upright.transpose(back[orientation]) if orientation in back else upright
    data = saved(turned, kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert np.abs(np.asarray(expected, int) - np.asarray(upright, int)).mean() < 3
    found = read(data, size=40).pixels
    wanted = np.asarray(upright.crop((0, 10, 40, 50)), int)
    assert np.abs(found - wanted).mean() < 4


def test_the_middle_is_cut_out() -> None:
    wide = Image.new("RGB", (48, 16), "black")
    wide.paste("white", (16, 0, 32, 16))
    assert read(saved(wide)).pixels.min() == 255


def test_a_crop_before_the_resize_takes_the_central_pixels() -> None:
    picture = Image.new("RGB", (60, 60), "black")
    picture.paste("white", (22, 22, 38, 38))
    assert read(saved(picture), crop=16).pixels.min() == 255
    assert read(saved(picture)).pixels.min() == 0


def test_padding_keeps_the_whole_and_fills_with_the_background() -> None:
    wide = Image.new("RGB", (32, 16), "red")
    found = read(saved(wide), fit="pad", background="#0000ff").pixels
    assert (found[4:12] == [255, 0, 0]).all()
    assert (found[:4] == [0, 0, 255]).all()
    assert (found[12:] == [0, 0, 255]).all()


def test_stretching_uses_every_pixel() -> None:
    wide = Image.new("RGB", (32, 16), "red")
    wide.paste("lime", (16, 0, 32, 16))
    found = read(saved(wide), fit="stretch").pixels
    assert (found[:, :4] == [255, 0, 0]).all()
    assert (found[:, 12:] == [0, 255, 0]).all()


@pytest.mark.parametrize(
    ("background", "expected"), [("white", 255), ("black", 0), ("#808080", 128)]
)
def test_transparent_parts_show_the_background(background: str, expected: int) -> None:
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert (read(saved(clear), background=background).pixels == expected).all()


def test_half_transparent_red_on_white_is_pink() -> None:
    pink = read(saved(Image.new("RGBA", (16, 16), (255, 0, 0, 128)))).pixels
    assert np.abs(pink.astype(int) - [255, 127, 127]).max() <= 1


def test_a_palette_with_a_transparent_entry_is_composited() -> None:
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([0, 0, 0, 0, 0, 255])
    picture.paste(0, (0, 0, 8, 16))
    found = read(saved(picture, transparency=0)).pixels
    assert (found[:, :8] == 255).all()
    assert (found[:, 8:] == [0, 0, 255]).all()


def test_a_blurred_background_takes_the_colours_of_the_picture() -> None:
    found = read(saved(Image.new("RGB", (32, 16), "red")), fit="pad", background="blur").pixels
    assert (found == [255, 0, 0]).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full((16, 16), 65535, np.uint16), 255),
        (np.full((16, 16), 32768, np.uint16), 128),
        (np.full((16, 16), 200, np.uint16), 200),
        (np.full((16, 16), 4095, np.uint16), 255),
        (np.full((16, 16), 0.5, np.float32), 128),
        (np.full((16, 16), 77.0, np.float32), 77),
        (np.full((16, 16), np.nan, np.float32), 0),
    ],
)
def test_deep_grey_is_scaled_by_its_range(values: np.ndarray, expected: int) -> None:
    found = read(saved(Image.fromarray(values), "TIFF"))
    assert (found.pixels == expected).all()
    assert "deep grey" in found.facts.notes[0]


def test_deep_grey_with_negative_values_is_spread_from_its_lowest_to_its_highest() -> None:
    values = np.tile(np.linspace(-3, 5, 16, dtype=np.float32), (16, 1))
    found = read(saved(Image.fromarray(values), "TIFF")).pixels
    assert found.min() == 0
    assert found.max() == 255


def test_grey_output_has_one_channel() -> None:
    for data in (saved(noise(40, 40)), saved(noise(40, 40), "JPEG")):
        assert read(data, channels=1).pixels.shape == (16, 16, 1)


def test_cmyk_is_turned_into_its_colour() -> None:
    found = read(saved(Image.new("RGB", (16, 16), "red").convert("CMYK"), "TIFF"))
    assert (found.pixels == [255, 0, 0]).all()
    assert found.facts.mode == "CMYK"


def test_reduced_jpeg_decoding_stays_close_to_the_full_way() -> None:
    smooth = noise(12, 9).resize((640, 480), Image.Resampling.BICUBIC)
    data = saved(smooth, "JPEG", quality=95)
    full = Image.open(io.BytesIO(data)).resize(
        (16, 16), Image.Resampling.LANCZOS, (80, 0, 560, 480)
    )
    assert np.abs(read(data).pixels.astype(int) - np.asarray(full, int)).mean() < 1.5


def test_only_the_first_frame_of_an_animation_is_read() -> None:
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    found = read(saved(red, "GIF", save_all=True, append_images=[blue]))
    assert (found.pixels == [255, 0, 0]).all()
    assert "first of 2 frames" in found.facts.notes


def test_enlarging_is_noted() -> None:
    assert "enlarged from 10 px" in read(saved(noise(10, 30))).facts.notes
    assert read(saved(noise(16, 30))).facts.notes == ()


REASONS = {
    "cut.jpg": "truncated or damaged",
    "empty.png": "empty",
    "words.jpg": "is text",
    "page.png": "web page",
    "zeros.jpg": "only zeros",
    "bomb.png": "178 million",
    "large.png": "120 million",
    "dot.png": "1 x 1",
    "thread.png": "1 x 20000",
    "noise.webp": "starts like WebP",
    "eps.jpg": "is text",
}


def test_every_hostile_file_is_read_or_refused_with_its_reason(hostile: Path) -> None:
    for file in sorted(hostile.iterdir()):
        if file.name in REASONS:
            with pytest.raises(DataError, match=REASONS[file.name]):
                read_picture(file.read_bytes(), PLAIN)
        else:
            found = read_picture(file.read_bytes(), PLAIN).pixels
            assert found.shape == (16, 16, 3)
            assert found.std() > 5, f"{file.name} lost its content"


@settings(deadline=None, max_examples=150)
@given(kind=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"]), data=st.data())
def test_damaged_bytes_are_read_or_refused_but_never_crash(kind: str, data: st.DataObject) -> None:
    whole = bytearray(saved(noise(24, 20), kind))
    for _ in range(data.draw(st.integers(0, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    kept = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(DataError):
        assert read_picture(kept, PLAIN).pixels.shape == (16, 16, 3)


@settings(deadline=None, max_examples=60)
@given(
    width=st.integers(8, 90),
    height=st.integers(8, 90),
    mode=st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "F", "YCbCr"]),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    size=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
)
@example(width=8, height=90, mode="RGBA", fit="pad", size=1, channels=3)
def test_every_mode_fit_and_size_gives_the_promised_shape(
    width: int, height: int, mode: str, fit: str, size: int, channels: int
) -> None:
    picture = noise(width, height).convert("L").convert("F" if mode in ("I;16", "F") else "RGB")
    picture = picture.convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
    found = read(saved(picture, "TIFF"), fit=fit, size=size, channels=channels)
    assert found.pixels.shape == (size, size, channels)
    assert found.pixels.dtype == np.uint8
    assert (found.facts.width, found.facts.height) == (width, height)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"background": "plaid"}, "plaid"),
        ({"fit": "squash"}, "crop, pad or stretch"),
        ({"channels": 2}, "1 .grey. or 3"),
        ({"size": 0}, "at least 1"),
        ({"crop": 0}, "at least 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        ReadSettings(**wrong)
