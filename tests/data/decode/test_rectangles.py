"""Pictures that are not square, cut to a shape of one's own: upright, in the middle, all of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.data.decode.decode import ORIENTATION, ReadSettings, read_picture
from lookalike.data.decode.photos import SquareSettings, read_photo
from lookalike.images import Pixels
from lookalike.sizes import Rectangle

TALL = ReadSettings(size=Rectangle(16, 24))


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right and green downwards, so that each place has a color of its own."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width).round()
    pixels[..., 1] = np.linspace(0, 255, height).round()[:, None]
    return Image.fromarray(pixels)


def file_of(picture: Image.Image, kind: str = "PNG", turn: int = 1) -> bytes:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = turn
    picture.save(buffer, kind, exif=exif, **({"quality": 98} if kind == "JPEG" else {}))
    return buffer.getvalue()


def middle(width: int, height: int, box: tuple[float, float, float, float]) -> Pixels:
    """What is wanted: this part of the gradient, 16 x 24."""
    cut = gradient(width, height).resize((16, 24), Image.Resampling.LANCZOS, box=box)
    return np.asarray(cut)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (64, 96, (0, 0, 64, 96)),
        (120, 96, (28, 0, 92, 96)),
        (64, 200, (0, 52, 64, 148)),
    ],
)
def test_the_largest_middle_part_of_the_shape_is_taken(
    width: int, height: int, box: tuple[float, float, float, float]
) -> None:
    read = read_picture(file_of(gradient(width, height)), TALL)
    assert read.pixels.shape == (24, 16, 3)
    assert read.facts.notes == ()
    assert np.array_equal(read.pixels, middle(width, height, box))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("sides", [(640, 960), (900, 500)])
def test_what_lies_on_its_side_is_cut_as_it_is_seen(
    kind: str, turn: int, sides: tuple[int, int]
) -> None:
    upright = gradient(*sides)
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposes that undo each turn
    stored = upright if turn == 1 else upright.transpose(Image.Transpose(back[turn]))
    straight = read_picture(file_of(upright, kind), TALL).pixels.astype(int)
    turned = read_picture(file_of(stored, kind, turn), TALL).pixels.astype(int)
    assert turned.shape == (24, 16, 3)
    assert np.abs(turned - straight).max() <= 6


def test_pad_shows_all_of_it_and_stretch_fills_the_shape() -> None:
    wide = file_of(Image.new("RGB", (60, 30), "black"))
    padded = read_picture(wide, ReadSettings(size=Rectangle(16, 24), fit="pad")).pixels
    assert (padded[8:16] == 0).all()
    assert (padded[:8] == 255).all()
    assert (padded[16:] == 255).all()
    tall = file_of(Image.new("RGB", (10, 60), "black"))
    padded = read_picture(tall, ReadSettings(size=Rectangle(16, 24), fit="pad", channels=4)).pixels
    assert (padded[:, 6:10, 3] == 255).all()
    assert (padded[:, :6, 3] == 0).all()
    stretched = read_picture(wide, ReadSettings(size=Rectangle(16, 24), fit="stretch")).pixels
    assert (stretched == 0).all()
    blurred = read_picture(
        wide, ReadSettings(size=Rectangle(16, 24), fit="pad", background="blur")
    ).pixels
    assert blurred.shape == (24, 16, 3)


def test_pictures_with_too_few_pixels_on_either_side_are_noted() -> None:
    assert read_picture(file_of(gradient(30, 20)), TALL).facts.notes == ("enlarged from 13 px",)
    assert read_picture(file_of(gradient(20, 30)), TALL).facts.notes == ()


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_photo_knows_where_each_of_its_pixels_lies_in_the_rectangle(turn: int, fit: str) -> None:
    look = ReadSettings(size=Rectangle(16, 24), fit=fit)  # type: ignore[arg-type]
    photo = read_photo(file_of(gradient(120, 90), "JPEG", turn=turn), SquareSettings(look=look))
    assert photo.square.shape == (24, 16, 3)
    inside = np.linalg.inv(photo.to_square)
    for x, y in ((4.5, 11.5), (8.5, 12.5), (11.5, 13.5)):
        across, down, _ = inside @ (x, y, 1.0)
        stored = photo.pixels[int(down), int(across)].astype(int)
        shown = photo.square[int(y), int(x)].astype(int)
        assert np.abs(stored - shown)[:2].max() <= 12
