"""Rectangles: sizes that are not square; they stand where sides do, and equal no number."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from lookalike import images
from lookalike.errors import DataError
from lookalike.results import plain
from lookalike.settings.data import DoctorSettings, PrepareSettings
from lookalike.settings.options import filled, near_rectangle
from lookalike.sizes import Rectangle, read_size, shape_of, size_of, square_of


def test_a_rectangle_is_its_shorter_side_and_equals_no_number() -> None:
    poster = Rectangle(64, 96)
    assert (poster.width, poster.height) == (64, 96)
    assert shape_of(poster) == (96, 64)
    assert poster + 1 == 65
    assert poster not in (32, 64, 96)
    assert poster != 64
    assert poster != Rectangle(96, 64)
    assert poster.turned == Rectangle(96, 64)
    assert {poster: 1}[Rectangle(64, 96)] == 1
    assert f"{poster} px" == "64x96 px"


def test_a_rectangle_survives_copies_other_processes_and_json() -> None:
    poster = Rectangle(64, 96)
    for again in (copy.deepcopy(poster), pickle.loads(pickle.dumps(poster))):
        assert again == poster
        assert shape_of(again) == (96, 64)
    assert read_size(json.loads(json.dumps(plain(poster)))) == poster
    assert plain({"size": (poster, 64)}) == {"size": ["64x96", 64]}


def test_sizes_are_written_as_image_programs_print_them() -> None:
    assert read_size("64x96") == read_size(" 64 X 96 ") == read_size("64×96") == Rectangle(64, 96)
    assert read_size("64") == read_size("64x64") == read_size(64) == 64
    assert type(size_of(64, 64)) is int
    assert size_of(96, 64) == Rectangle(64, 96)
    for wrong in ("", "64x", "x64", "64x96x3", "-64", "6.4", "big", None):
        with pytest.raises(ValueError, match="64x96"):
            read_size(wrong)


@pytest.mark.parametrize(
    ("width", "height", "square", "start"),
    [(64, 96, 64, (6, 4)), (48, 64, 64, (4, 3)), (96, 128, 128, (4, 3)), (40, 56, 32, (7, 5))],
)
def test_rectangles_double_as_often_as_a_square(
    width: int, height: int, square: int, start: tuple[int, int]
) -> None:
    size = Rectangle(width, height)
    assert square_of(size) == square
    assert (height >> size.halvings, width >> size.halvings) == start


def test_what_no_network_draws_is_refused_with_a_size_near_it() -> None:
    with pytest.raises(DataError, match="Near it is --size 96x144"):
        PrepareSettings(size=Rectangle(100, 150))
    assert near_rectangle(100, 150) == Rectangle(96, 144)
    assert near_rectangle(60, 81) == Rectangle(64, 80)
    for width, height in ((0, 64), (64, 4096)):
        with pytest.raises(DataError, match="at least 1 and at most 2048"):
            PrepareSettings(size=Rectangle(width, height))
    with pytest.raises(DataError, match="--faces takes squares"):
        PrepareSettings(size=Rectangle(64, 96), faces=True)


def test_settings_take_a_size_as_text_as_a_number_and_as_it_is() -> None:
    for given in ("64x96", Rectangle(64, 96)):
        assert filled(PrepareSettings, None, {"size": given}).size == Rectangle(64, 96)
        assert filled(DoctorSettings, None, {"size": given}).size == Rectangle(64, 96)
    assert filled(PrepareSettings, None, {"size": "32"}).size == 32
    with pytest.raises(DataError, match="--size is large, and a whole number is wanted"):
        filled(PrepareSettings, None, {"size": "large"})


def test_pictures_for_the_eye_keep_their_shape() -> None:
    import numpy as np

    tall = np.zeros((3, 12, 8, 3), np.uint8)
    assert images.enlarge(tall, 64).shape == (3, 96, 64, 3)
    assert images.grid(tall, 3, gap=0).shape == (12, 24, 3)
    squares = images.squared(tall)
    assert squares.shape == (3, 12, 12, 3)
    assert (squares[:, :, 2:10] == 0).all()
    assert (squares[:, :, :2] == 255).all()
    assert images.squared(tall[:, :8]).shape == (3, 8, 8, 3)
