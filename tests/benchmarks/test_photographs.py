"""The squares that photographs are cut into, on pictures that are made by hand."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from benchmarks import photographs
from benchmarks.photographs import EVERY, Photograph, crops, is_flat, squares, webp_inside, write
from PIL import Image


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture with something to see everywhere, at every size."""
    blocks = np.random.default_rng(seed).integers(0, 256, (45, 60, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


def sky(width: int, height: int) -> Image.Image:
    """A clear sky: from dark blue above to light blue below."""
    rows = np.linspace([40, 90, 160], [170, 200, 240], height)
    return Image.fromarray(np.repeat(rows[:, None], width, 1).round().astype(np.uint8))


@pytest.mark.parametrize(("parts", "count"), [(1, 1), (2, 6), (3, 15)])
def test_squares_of_1920_by_1080_stand_side_by_side(parts: int, count: int) -> None:
    boxes = list(squares(1920, 1080, parts))
    assert len(boxes) == count
    for left, top, right, bottom in boxes:
        assert right - left == bottom - top == 1080 // parts
        assert min(left, top, 1920 - right, 1080 - bottom) >= 0
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_an_upright_photograph_is_cut_as_a_lying_one_is() -> None:
    upright = [(top, left) for left, top, _, _ in squares(1080, 1920, 2)]
    assert sorted(upright) == sorted((left, top) for left, top, _, _ in squares(1920, 1080, 2))


def test_a_clear_sky_is_flat_and_what_stands_before_it_is_not() -> None:
    assert is_flat(np.asarray(sky(64, 64)))
    assert is_flat(np.full((64, 64, 3), 255, np.uint8))
    assert not is_flat(np.asarray(noise(64, 64)))


def test_flat_squares_are_left_out_of_a_photograph_and_the_others_stay() -> None:
    picture = noise(1200, 800)
    assert len(list(crops(picture, 64))) == 1 + 6 + 12
    picture.paste(sky(600, 800), (0, 0))
    assert len(list(crops(picture, 64))) == 1 + 4 + 6


def test_no_square_is_enlarged() -> None:
    assert len(list(crops(noise(300, 300), 128))) == 1 + 4  # thirds are 100 px
    assert list(crops(noise(100, 100), 128)) == []


def test_no_photograph_is_on_both_sides(tmp_path: Path) -> None:
    photos = [Photograph(f"{n}", lambda n=n: noise(400, 300, n)) for n in range(9)]
    pack = write(tmp_path / "pack", photos, 32)
    sides = [
        {row["photograph"] for row in split.rows(np.arange(len(split)))}
        for split in (pack.train, pack.holdout)
    ]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == -(-9 // EVERY)
    assert len(sides[0] | sides[1]) == 9


def test_pictures_are_found_inside_of_an_archive(tmp_path: Path) -> None:
    noise(40, 30).save(tmp_path / "a.webp", lossless=True)
    inside = (tmp_path / "a.webp").read_bytes()
    sound = b"RIFF" + (4).to_bytes(4, "little") + b"WAVE"
    found = list(webp_inside(b"qres" + sound + inside + b"between" + inside))
    assert found == [(16, inside), (16 + len(inside) + 7, inside)]


def test_missing_photographs_name_what_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photographs, "SHARE", tmp_path)
    with pytest.raises(SystemExit, match=r"apt-get install .* gcompris-qt-data"):
        photographs.photographs()
