"""Pictures inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from PIL import Image

from lookalike import images
from lookalike.report import pictures


def random(count: int, size: int, channels: int) -> images.Pixels:
    draw = np.random.default_rng(count * size)
    return draw.integers(0, 250, (count, size, size, channels)).astype(np.uint8)


@how(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(1, 20), st.sampled_from([8, 28, 32, 64, 70]), st.sampled_from([1, 3]))
def test_a_grid_gives_its_pictures_back(
    tmp_path: Path, count: int, size: int, channels: int
) -> None:
    made = random(count, size, channels)
    path = tmp_path / "grid.png"
    images.write_png(path, images.grid(images.enlarge(made, 64), 8))
    assert np.array_equal(pictures.tiles(path, size, channels), made)


def test_a_small_picture_is_kept_to_the_byte() -> None:
    made = random(1, 32, 3)[0]
    source = pictures.uri(made)
    held = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert np.array_equal(np.asarray(held.convert("RGB")), made)


def test_a_large_picture_is_shrunk() -> None:
    source = pictures.uri(random(1, 512, 3)[0], most=100)
    assert Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).size == (100, 100)


@pytest.mark.parametrize(("grids", "wanted"), [(1, 1), (3, 3), (90, pictures.FRAMES)])
def test_frames_are_thinned_and_hold_the_first_and_the_last(
    tmp_path: Path, grids: int, wanted: int
) -> None:
    path = tmp_path / "grid.png"
    images.write_png(path, images.grid(random(4, 8, 3).repeat(8, 1).repeat(8, 2), 8))
    found = pictures.frames([(i * 100, path) for i in range(grids)], 8, 3)
    assert len(found) == wanted
    assert (found[0][0], found[-1][0]) == (0, (grids - 1) * 100)
