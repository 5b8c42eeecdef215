"""fastai #1552, #1129: an unlabeled test folder, or Train and Test, became the classes or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from case_tools import classes, fill, prepared

from lookalike.data.pack import Pack


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("Train", "Test"), ("training", "testing"), ("seg_train", "seg_test")],
)
def test_parts_are_no_classes_and_what_has_none_stays_without(
    tmp_path: Path, train: str, test: str
) -> None:
    folder = tmp_path / "in"
    fill(folder / train / "cats", 10)
    fill(folder / train / "dogs", 10, 100)
    fill(folder / test, 10, 200)
    done = prepared(folder)
    assert done.class_counts == {"cats": 10, "dogs": 10}
    named = classes(done)
    assert {named[f"{test}/{n:04d}.png"] for n in range(200, 210)} == {None}
    parts = {row["source"]: row["part"] for row in Pack.open(done.path).manifest()}
    assert {name.partition("/")[0] == part for name, part in parts.items()} == {True}
    assert f"10 pictures in {test} without a class." in done.found


def test_a_class_that_is_a_train_among_vehicles_is_a_class(tmp_path: Path) -> None:
    for number, name in enumerate(("bus", "car", "train")):
        fill(tmp_path / "in" / name, 7, 100 * number)
    assert prepared(tmp_path / "in").class_counts == {"bus": 7, "car": 7, "train": 7}


def test_a_class_called_test_inside_of_a_part_is_a_class(tmp_path: Path) -> None:
    fill(tmp_path / "in" / "train" / "exam", 10)
    fill(tmp_path / "in" / "train" / "test", 10, 100)
    fill(tmp_path / "in" / "val" / "exam", 3, 200)
    assert prepared(tmp_path / "in").class_counts == {"exam": 13, "test": 10}


def test_a_test_folder_beside_classes_is_a_part_and_how_to_make_it_a_class_is_said(
    tmp_path: Path,
) -> None:
    for number, name in enumerate(("cats", "dogs", "test")):
        fill(tmp_path / "in" / name, 10, 100 * number)
    done = prepared(tmp_path / "in")
    assert done.class_counts == {"cats": 10, "dogs": 10}
    assert "give it another name" in done.found[0]
