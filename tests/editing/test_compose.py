"""Composition against cases that a person can check in the head."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike import images
from lookalike.data.decode.decode import ReadSettings
from lookalike.data.decode.photos import (
    Photo,
    SquareSettings,
    encode_photo,
    photo_of,
    read_photo,
)
from lookalike.editing.compose import Edit, changed_share, compose
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.sizes import Rectangle

SIDE = 16


def flat(value: float) -> torch.Tensor:
    return torch.full((1, 3, SIDE, SIDE), value)


def with_block(value: float, block: float) -> torch.Tensor:
    picture = flat(value)
    picture[:, :, 4:12, 4:12] = block
    return picture


def png(pixels: Pixels, **extra: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **extra)
    return buffer.getvalue()


def noise(height: int, width: int, channels: int = 3) -> Pixels:
    shape = (height, width, channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def photo(pixels: Pixels, **settings: object) -> Photo:
    look = ReadSettings(size=SIDE, **settings)  # type: ignore[arg-type]
    return read_photo(png(pixels), SquareSettings(look=look))


def test_a_ground_that_the_generator_made_brighter_is_brighter_by_as_much() -> None:
    edit = Edit(flat(0.0), flat(0.1), flat(0.5))
    assert int(images.to_pixels(edit.shown)[0][8, 8, 0]) == round((0.0 + 0.4 + 1) * 127.5)
    block = Edit(flat(0.0), with_block(0.1, 0.1), with_block(0.1, 0.5))
    assert int(images.to_pixels(block.shown)[0][0, 0, 0]) == round(127.5)


def test_a_shape_that_goes_leaves_nothing_of_what_the_generator_could_not_draw_of_it() -> None:
    small, drawn = flat(0.0), flat(0.0)
    small[:, :, 7:9, 7:9], drawn[:, :, 7:9, 7:9] = 0.9, 0.4
    shown = Edit(small, drawn, flat(0.0)).shown
    assert float(shown[:, :, 7:9, 7:9].abs().max()) < 0.05
    assert float((small - drawn)[:, :, 7:9, 7:9].max()) == pytest.approx(0.5), "the ghost"


def test_at_the_packs_own_size_a_photo_becomes_what_the_helpers_saw() -> None:
    pixels = noise(SIDE, SIDE)
    square = images.to_network(pixels[None])
    edit = Edit(square, square * 0.9, with_block(0.1, 0.8))
    away = compose(photo_of(pixels), edit).astype(int) - images.to_pixels(edit.shown)[0].astype(int)
    assert np.abs(away).max() <= 1


@pytest.mark.parametrize("scale", [3, 7])
def test_a_block_lands_where_it_belongs_at_full_size_and_nothing_else_moves(scale: int) -> None:
    pixels = np.full((SIDE * scale, SIDE * scale * 2, 3), 128, np.uint8)
    large = photo(pixels)
    edit = Edit(flat(0.0), flat(0.0), with_block(0.0, 0.6))
    result = compose(large, edit)
    left = SIDE * scale // 2  # the square is the middle of a photo twice as wide as high
    middle = result[8 * scale, left + 8 * scale]
    assert abs(int(middle[0]) - round(1.6 * 127.5)) <= 2
    assert np.array_equal(result[:, :left], pixels[:, :left])
    assert np.array_equal(result[:, -left:], pixels[:, -left:])
    assert np.array_equal(result[: 2 * scale], pixels[: 2 * scale])


def test_a_block_of_a_rectangle_lands_where_it_belongs_and_fades_where_the_photo_goes_on() -> None:
    high, wide, scale = 24, 16, 5
    look = ReadSettings(size=Rectangle(wide, high))
    pixels = np.full((high * scale, wide * scale * 2, 3), 128, np.uint8)
    large = read_photo(png(pixels), SquareSettings(look=look))
    before, after = torch.zeros(1, 3, high, wide), torch.zeros(1, 3, high, wide)
    after[:, :, 16:22, 4:12] = 0.6
    result = compose(large, Edit(before, before, after))
    left = wide * scale // 2  # the rectangle is the middle of a photo twice as wide as it is
    assert abs(int(result[19 * scale, left + 8 * scale, 0]) - round(1.6 * 127.5)) <= 2
    assert np.array_equal(result[: 13 * scale], pixels[: 13 * scale])
    assert np.array_equal(result[:, : left + 2 * scale], pixels[:, : left + 2 * scale])
    full = compose(large, Edit(before, before, torch.full_like(after, 0.6))).astype(int)
    assert full[3 * scale, left + 8 * scale, 0] > 200, "the photo ends there, and so may the change"
    assert (full[:, :left] == 128).all(), "and here it goes on, as it was"
    assert full[60, left + 1, 0] < 160


def test_a_change_of_color_follows_an_edge_of_the_photo_that_the_square_cannot_show() -> None:
    scale = 8
    pixels = np.full((SIDE * scale, SIDE * scale, 3), 60, np.uint8)
    edge = 8 * scale + 3  # inside a pixel of the square
    pixels[:, edge:] = 200
    large = photo(pixels)
    square = images.to_network(large.square[None])
    darker = torch.where(square > 0, square - 0.4, square)
    result = compose(large, Edit(square, square, darker)).astype(int)
    row = result[64]
    assert abs(row[edge + 4, 0] - (200 - 51)) <= 14, "just right of the edge it is darker"
    assert abs(row[edge - 5, 0] - 60) <= 14, "just left of it, it is as it was"


def test_a_small_change_below_the_noise_of_the_reconstruction_is_none() -> None:
    square = flat(0.0)
    assert float(Edit(square, flat(0.12), flat(0.16)).mask.max()) == 0


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_that_is_stored_turned_is_changed_where_a_person_sees_it(turn: int) -> None:
    upright = np.full((48, 32, 3), 128, np.uint8)
    back = {
        1: lambda p: p,
        2: lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda p: p.transpose(Image.Transpose.ROTATE_180),
        4: lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda p: p.transpose(Image.Transpose.TRANSPOSE),
        6: lambda p: p.transpose(Image.Transpose.ROTATE_90),
        7: lambda p: p.transpose(Image.Transpose.TRANSVERSE),
        8: lambda p: p.transpose(Image.Transpose.ROTATE_270),
    }
    exif = Image.Exif()
    exif[0x0112] = turn
    buffer = io.BytesIO()
    back[turn](Image.fromarray(upright)).save(buffer, "PNG", exif=exif)
    large = read_photo(buffer.getvalue(), SquareSettings(look=ReadSettings(size=SIDE)))
    after = flat(0.0)
    after[:, :, 1:6, 10:15] = 0.8  # the upper right of the square
    result = compose(large, Edit(flat(0.0), flat(0.0), after))
    written = Image.open(io.BytesIO(encode_photo(large, result, {})))
    assert written.getexif()[0x0112] == turn
    from PIL import ImageOps

    seen = np.asarray(ImageOps.exif_transpose(written)).astype(int)
    changed = np.argwhere(np.abs(seen - 128).max(-1) > 40)
    top, left = changed.min(0)
    bottom, right = changed.max(0)
    assert seen.shape[:2] == (48, 32)
    assert 8 + 2 <= top <= 8 + 6  # the square begins 8 rows down
    assert bottom <= 8 + 13
    assert 17 <= left
    assert right <= 31


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_the_way_into_the_square_is_known_for_every_fit(fit: str) -> None:
    pixels = np.full((40, 80, 3), 20, np.uint8)
    pixels[10:30, 44:60] = 230
    large = photo(pixels, fit=fit)
    center = large.to_square @ (52, 20, 1)
    seen = large.square[int(center[1]), int(center[0])]
    assert int(seen[0]) > 180
    edit_square = images.to_network(large.square[None])
    brighter = (edit_square + 0.5 * (edit_square < 0)).clamp(-1, 1)
    result = compose(large, Edit(edit_square, edit_square, brighter))
    assert changed_share(pixels, result) > 0.2
    assert result.shape == pixels.shape


def test_transparency_profile_and_what_a_camera_wrote_stay() -> None:
    pixels = noise(40, 40, 4)
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "camera"
    data = png(pixels, icc_profile=profile, exif=exif)
    large = read_photo(data, SquareSettings(look=ReadSettings(size=SIDE)))
    after = with_block(0.0, 0.5)
    written = Image.open(
        io.BytesIO(encode_photo(large, compose(large, Edit(flat(0), flat(0), after)), {"a": "b"}))
    )
    assert written.mode == "RGBA"
    assert np.array_equal(np.asarray(written)[..., 3], pixels[..., 3])
    assert written.info["icc_profile"] == profile
    assert written.getexif()[0x010F] == "camera"
    assert written.info["a"] == "b"


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "I;16", "LA"])
def test_every_mode_is_read_and_written(mode: str) -> None:
    picture = Image.fromarray(noise(40, 40)).convert("L")
    picture = picture.convert("I;16") if mode == "I;16" else picture.convert("RGB").convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF")
    large = read_photo(buffer.getvalue(), SquareSettings(look=ReadSettings(size=SIDE)))
    result = compose(large, Edit(flat(0.0), flat(0.0), with_block(0.0, 0.9)))
    assert result.shape[:2] == (40, 40)
    assert changed_share(large.pixels, result) > 0.05
    assert Image.open(io.BytesIO(encode_photo(large, result, {}))).size == (40, 40)


def test_a_colored_photo_is_changed_by_a_grey_generator_in_brightness_alone() -> None:
    pixels = np.full((40, 40, 3), (200, 90, 90), np.uint8)
    look = ReadSettings(size=SIDE, channels=1)
    large = read_photo(png(pixels), SquareSettings(look=look))
    square = images.to_network(large.square[None])
    darker = square.clone()
    darker[:, :, 4:12, 4:12] -= 0.4
    middle = compose(large, Edit(square, square, darker))[20, 20].astype(int)
    assert np.allclose(np.array((200, 90, 90)) - middle, 51, atol=3)


def test_the_whole_square_is_what_the_generator_drew() -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    large = photo(pixels)
    edit = Edit(flat(0.0), flat(-0.9), with_block(-0.5, 0.5))
    result = compose(large, edit, whole=True)
    assert abs(int(result[2, 2, 0]) - round(0.5 * 127.5)) <= 3
    assert abs(int(result[32, 32, 0]) - round(1.5 * 127.5)) <= 3


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_picture_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(DataError):
        read_photo(data, SquareSettings(look=ReadSettings(size=SIDE)))


def test_a_photo_with_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    look = ReadSettings(size=SIDE, pixel_limit=1000)
    with pytest.raises(DataError, match="million pixels"):
        read_photo(png(noise(40, 40)), SquareSettings(look=look))


def test_a_part_of_a_transparent_photo_can_appear_and_what_nobody_sees_stays() -> None:
    pixels = noise(SIDE, SIDE, 4)
    pixels[..., 3] = 0
    pixels[:8, :, 3] = 255
    given = photo(pixels, channels=4)
    assert given.alpha is None
    assert np.array_equal(given.pixels[:8], pixels[:8])
    before = images.to_network(given.square[None])
    after = before.clone()
    after[:, :, 10:14, 4:12] = 1.0  # white and opaque
    after[:, :3, 14:, :2] = 1.0  # white and clear
    result = compose(given, Edit(before, before, after))
    assert (result[12, 6:10] > 240).all()
    assert np.array_equal(result[:7], pixels[:7])
    assert np.array_equal(result[15, 0], given.pixels[15, 0])
    written = Image.open(io.BytesIO(encode_photo(given, result, {})))
    assert written.mode == "RGBA"
    assert np.array_equal(np.asarray(written), result)


def test_a_thin_line_that_the_generator_no_longer_draws_is_gone_at_full_size_too() -> None:
    pixels = np.full((SIDE * 8, SIDE * 8, 3), 180, np.uint8)
    pixels[:, 63:65] = 10
    large = photo(pixels)
    square = images.to_network(large.square[None])
    ground = torch.full_like(square, 180 / 127.5 - 1)
    after = compose(large, Edit(square, square, ground)).astype(int)
    assert np.abs(after[32:96, 60:68] - 180).max() <= 12
    redder = ground.clone()
    redder[:, 0] += 0.2
    moved = compose(large, Edit(square, square, square + redder - ground)).astype(int)
    assert np.abs(moved[32:96, 63:65, 1:] - 10).max() <= 3, (
        "a line that stays is as sharp as it was"
    )
