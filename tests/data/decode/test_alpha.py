"""Pictures keep their alpha where that is asked for, and have sensible colors under it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.data.decode.alpha import SEEN, bled
from lookalike.data.decode.color_modes import is_transparent
from lookalike.data.decode.decode import ReadSettings, read_picture

RED, BLUE = (200, 0, 0), (0, 0, 200)


def square_on_nothing(color: tuple[int, int, int] = RED, hidden: int = 0) -> Image.Image:
    """A square of one color in the middle, 16 px; what is hidden around it is some grey."""
    pixels = np.full((16, 16, 4), hidden, np.uint8)
    pixels[..., 3] = 0
    pixels[4:12, 4:12] = (*color, 255)
    return Image.fromarray(pixels)


def data_of(picture: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("hidden", [0, 255])
def test_what_is_not_seen_has_the_color_of_what_is_seen_beside_it(hidden: int) -> None:
    filled = np.asarray(bled(square_on_nothing(RED, hidden)))
    assert (filled[..., :3] == RED).all()
    assert (filled[..., 3] == np.asarray(square_on_nothing())[..., 3]).all()


def test_the_nearer_of_two_colors_reaches_a_hole_and_seen_colors_stay_as_they_are() -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:, :3], pixels[:, -3:] = (*RED, 255), (*BLUE, SEEN)
    filled = np.asarray(bled(Image.fromarray(pixels)))
    assert (filled[:, :3] == (*RED, 255)).all()
    assert (filled[:, -3:] == (*BLUE, SEEN)).all()
    assert (filled[:, 4, 0] > filled[:, 4, 2]).all()
    assert (filled[:, -5, 0] < filled[:, -5, 2]).all()


def test_an_opaque_picture_is_left_as_it_is_and_an_empty_one_becomes_grey() -> None:
    opaque = Image.new("RGBA", (5, 7), (1, 2, 3, 255))
    assert bled(opaque) is opaque
    assert set(np.asarray(bled(Image.new("RGBA", (5, 7)))).reshape(-1, 4).tolist()[0]) == {128, 0}


def test_the_white_that_a_file_hides_does_not_fringe_a_picture_made_smaller() -> None:
    large = square_on_nothing(RED, hidden=255).resize((160, 160), Image.Resampling.NEAREST)
    read = read_picture(data_of(large), ReadSettings(size=10, channels=4)).pixels
    half = (read[..., 3] > 0) & (read[..., 3] < 255)
    assert half.any()
    assert read[..., 1:3].max() <= 12, "white of the file shows at the edge"


def test_a_padded_picture_is_transparent_beside_itself_and_another_mode_is_opaque() -> None:
    wide = data_of(Image.new("RGB", (32, 16), RED), "JPEG")
    read = read_picture(wide, ReadSettings(size=16, channels=4, fit="pad")).pixels
    assert (read[:4, :, 3] == 0).all()
    assert (read[4:12, :, 3] == 255).all()
    whole = read_picture(wide, ReadSettings(size=16, channels=4)).pixels
    assert (whole[..., 3] == 255).all()


def test_a_palette_with_a_transparent_color_is_transparent_and_an_opaque_rgba_is_not() -> None:
    palette = square_on_nothing().convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=palette.getpixel((0, 0)))
    assert is_transparent(Image.open(buffer))
    assert is_transparent(square_on_nothing())
    assert not is_transparent(Image.new("RGBA", (16, 16), (*RED, 255)))
    assert not is_transparent(Image.new("RGB", (16, 16), RED))
