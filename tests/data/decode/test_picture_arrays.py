"""Pictures to be judged: whatever ``prepare`` reads, at one size, chosen over all classes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from lookalike import images
from lookalike.data.decode.picture_arrays import pictures_of, usual_size
from lookalike.data.pack.writer import PackWriter
from lookalike.errors import NoImagesError

SIZE = 16
NOTHING = b"\x89PNG\r\n\x1a\nnothing"


def plain(number: int, size: int = SIZE) -> np.ndarray:
    return np.full((size, size, 3), number, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of twenty pictures; the value of a picture is its number."""
    for number in range(60):
        to = tmp_path / "some" / "abc"[number // 20]
        to.mkdir(parents=True, exist_ok=True)
        images.write_png(to / f"{number:02d}.png", plain(number))
    return tmp_path / "some"


def zipped(folder: Path) -> Path:
    to = folder.with_suffix(".zip")
    with zipfile.ZipFile(to, "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(folder))
    return to


def packed(folder: Path) -> Path:
    to = folder.parent / "pack"
    with PackWriter(to, size=SIZE, channels=3) as writer:
        for file in sorted(folder.rglob("*.png")):
            writer.append(images.read(file), {"source": file.name, "class": file.parent.name})
        writer.finish(holdout=np.arange(60) % 6 == 0)
    return to


@pytest.mark.parametrize("form", [lambda folder: folder, zipped, packed])
def test_a_folder_a_zip_and_a_pack_of_it_are_the_same_pictures(form, folder: Path):
    path = form(folder)
    found = pictures_of(path, SIZE, 3, 100)
    assert np.array_equal(found.pixels, np.stack([plain(number) for number in range(60)]))
    assert found.groups == ("a",) * 20 + ("b",) * 20 + ("c",) * 20
    assert found.notes == ()
    assert usual_size(path) == SIZE


@pytest.mark.parametrize("form", [lambda folder: folder, zipped, packed])
def test_some_of_many_are_of_all_classes_and_the_seed_says_which(form, folder: Path):
    path = form(folder)
    found = pictures_of(path, SIZE, 3, 30)
    assert set(found.groups) == {"a", "b", "c"}
    assert np.array_equal(found.pixels, pictures_of(path, SIZE, 3, 30).pixels)
    assert not np.array_equal(found.pixels, pictures_of(path, SIZE, 3, 30, seed=1).pixels)
    numbers = found.pixels[:, 0, 0, 0]
    assert (np.diff(numbers.astype(int)) > 0).all()


@pytest.mark.parametrize("form", [lambda folder: folder, zipped, packed])
def test_another_size_is_resized_and_said(form, folder: Path):
    found = pictures_of(form(folder), 8, 1, 100)
    assert found.pixels.shape == (60, 8, 8, 1)
    assert np.array_equal(found.pixels[:, 0, 0, 0], np.arange(60))
    assert any("resized to 8 px" in note for note in found.notes)


def test_a_broken_file_is_named_and_does_not_end_the_work(folder: Path):
    (folder / "a" / "01.png").write_bytes(NOTHING)
    found = pictures_of(folder, SIZE, 3, 100)
    assert found.pixels[:, 0, 0, 0].tolist() == [0, *range(2, 60)]
    assert len(found.groups) == 59
    assert "1 file in" in found.notes[0]
    assert "a/01.png" in found.notes[0]


def test_files_go_by_their_content(tmp_path: Path):
    picture = images.to_pillow(plain(7))
    for name, kind in (("one.JPEG", "JPEG"), ("two.img", "PNG"), ("three", "TIFF")):
        picture.save(tmp_path / name, kind)
    assert pictures_of(tmp_path, SIZE, 3, 9).pixels[:, 0, 0, 0].tolist() == [7, 7, 7]


def test_the_usual_size_is_that_of_most_and_at_most_256(tmp_path: Path):
    for number, size in enumerate((8, 300, 20, 20, 20, 300)):
        images.write_png(tmp_path / f"{number}.png", plain(number, size))
    (tmp_path / "broken.png").write_bytes(NOTHING)
    assert usual_size(tmp_path) == 20
    for number in range(5):
        images.write_png(tmp_path / f"large{number}.png", plain(number, 300))
    assert usual_size(tmp_path) == 256


@pytest.mark.parametrize("look", [usual_size, lambda path: pictures_of(path, SIZE, 3, 9)])
def test_nothing_to_read_says_what_was_found_and_what_to_name(look, tmp_path: Path):
    with pytest.raises(NoImagesError, match="Name a run"):
        look(tmp_path)
    (tmp_path / "broken.png").write_bytes(NOTHING)
    with pytest.raises(NoImagesError, match=r"1 refused, the first: broken\.png"):
        look(tmp_path)
    with pytest.raises(NoImagesError, match="does not exist"):
        look(tmp_path / "nowhere")
