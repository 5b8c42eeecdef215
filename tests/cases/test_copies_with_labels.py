"""Exact copies under different labels: what was kept is said, and no label is lost to a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from case_tools import classes, fill, prepared

from lookalike.data.pack import Pack


def test_a_picture_in_two_classes_is_named_and_keeps_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    fill(folder / "cats", 12)
    fill(folder / "dogs", 12, 100)
    for number in (0, 3):
        shutil.copy(folder / "cats" / f"{number:04d}.png", folder / "dogs" / f"{number}.png")
    words = (
        "2 exact copies in two classes: what was said of the first was kept (cats/0000.png in "
        "cats, dogs/0.png in dogs; cats/0003.png in cats, dogs/3.png in dogs)."
    )
    done = prepared(folder)
    assert (done.copies, done.class_counts) == (2, {"cats": 12, "dogs": 12})
    assert words in done.found
    fill(folder / "dogs", 1, 200)
    grown = prepared(folder)
    assert (grown.decoded, grown.copies) == (1, 2)
    assert words in grown.found


def test_an_unlabeled_picture_takes_the_class_of_its_copy(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for number, kind in enumerate(("cats", "dogs")):
        fill(folder / "train" / kind, 12, 100 * number)
    fill(folder / "test", 4, 300)
    shutil.copy(folder / "train/cats/0005.png", folder / "test/5.png")
    done = prepared(folder)
    assert done.class_counts == {"cats": 12, "dogs": 12}
    assert classes(done)["test/5.png"] == "cats"
    number = [row["source"] for row in Pack.open(done.path).manifest()].index("test/5.png")
    assert np.load(done.path / "classes.npy")[number] == 0


def test_different_attributes_of_one_picture_are_said(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", 20)
    for number in (1, 2, 3):
        shutil.copy(folder / f"{number:04d}.png", folder / f"copy{number}.png")
    rows = [f"{number:04d}.png,{number % 2}" for number in range(20) if number != 3]
    table = "\n".join(["file,glasses", *rows, "copy1.png,1", "copy2.png,1", "copy3.png,1"])
    (folder / "attributes.csv").write_text(table)
    done = prepared(folder)
    assert (
        "1 exact copy with different attributes: what was said of the first was kept "
        "(0002.png and copy2.png)."
    ) in done.found
    rows_by_name = {row["source"]: row for row in Pack.open(done.path).manifest()}
    assert rows_by_name["0003.png"]["attributes"] == {"glasses": "1"}
