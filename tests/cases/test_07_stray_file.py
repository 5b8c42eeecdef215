"""Hugging Face datasets #5153: one file beside the class folders removed all classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from case_tools import classes, fill, picture, prepared

from lookalike.errors import DataError


@pytest.mark.parametrize("stray", ["get.py", "model.pt", "more.zip", "notes"])
def test_a_file_beside_the_class_folders_is_named_and_undoes_nothing(
    tmp_path: Path, stray: str
) -> None:
    fill(tmp_path / "in" / "cats", 10)
    folder = fill(tmp_path / "in" / "dogs", 10, 100).parent
    (folder / stray).write_bytes(b"PK\3\4 something else")
    done = prepared(folder)
    assert done.class_counts == {"cats": 10, "dogs": 10}
    assert done.found == (
        "2 classes from folders: cats, dogs.",
        f"1 file beside the class folders left out: {stray}.",
    )


def test_a_spreadsheet_is_named_and_one_of_labels_stops_the_command(tmp_path: Path) -> None:
    fill(tmp_path / "in" / "cats", 10)
    folder = fill(tmp_path / "in" / "dogs", 10, 100).parent
    (folder / "table.xlsx").write_bytes(b"PK\3\4")
    done = prepared(folder)
    assert done.class_counts == {"cats": 10, "dogs": 10}
    assert done.found[1] == "table.xlsx is a spreadsheet, which is not read here; save it as CSV."
    (fill(tmp_path / "flat", 20) / "labels.xlsx").write_bytes(b"PK\3\4")
    with pytest.raises(DataError, match=r"labels\.xlsx is a spreadsheet.*save it as CSV, or go on"):
        prepared(tmp_path / "flat")
    assert prepared(tmp_path / "flat", table=False).count == 20


def test_masks_beside_images_are_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "in" / "images", 10)
    fill(tmp_path / "in" / "masks", 10, 100)
    done = prepared(tmp_path / "in")
    assert done.class_counts == {}
    assert "images, masks are no classes" in done.found[0]


def test_a_picture_beside_the_class_folders_stays_without_a_class(tmp_path: Path) -> None:
    fill(tmp_path / "in" / "cats", 10)
    folder = fill(tmp_path / "in" / "dogs", 10, 100).parent
    picture(7777).save(folder / "both.png")
    done = prepared(folder)
    assert done.class_counts == {"cats": 10, "dogs": 10}
    assert classes(done)["both.png"] is None
    assert "1 picture beside the class folders without a class: both.png." in done.found


def test_many_pictures_beside_folders_make_them_no_classes_and_that_is_said(
    tmp_path: Path,
) -> None:
    fill(tmp_path / "in", 20)
    fill(tmp_path / "in" / "2019", 6, 100)
    fill(tmp_path / "in" / "2020", 6, 200)
    done = prepared(tmp_path / "in")
    assert done.class_counts == {}
    assert "2019, 2020 were not taken as classes" in done.found[0]
