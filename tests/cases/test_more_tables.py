"""Tables as people have them: what names the pictures, what is the class, and what is said.

docs/log.md ("More situations, tried by hand") has the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from case_tools import classes, fill, prepared

from lookalike.errors import DataError

COUNT = 20


def kind(number: int) -> str:
    return "cat" if number % 2 else "dog"


def rows(line: Callable[[int], str]) -> str:
    return "".join(f"{line(number)}\n" for number in range(COUNT))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("my pic {:02d}.png", "file,label\n" + rows(lambda i: f"my%20pic%20{i:02d}.png,{kind(i)}")),
        (
            "é {:02d}.png",
            "image,label\n" + rows(lambda i: f"file:///home/me/%C3%A9%20{i:02d}.png,{kind(i)}"),
        ),
        (
            "{:04d}.png",
            "url,label\n" + rows(lambda i: f"https://x.org/a%20b/{i:04d}.png?dl=1,{kind(i)}"),
        ),
        (
            "{:04d}.png",
            "# made by a tool\n# 2024\n#File,label\n" + rows(lambda i: f"{i},{kind(i)}"),
        ),
        ("{:04d}.png", "My labels;\n;\nfile;label\n" + rows(lambda i: f"{i:04d}.png;{kind(i)}")),
        ("{:04d}.png", "id,breed\n" + rows(lambda i: f"{i:04d},{kind(i)}")),
        ("{:04d}.png", ",id,breed\n" + rows(lambda i: f"{i},{i:04d},{kind(i)}")),
        ("{:04d}.png", "image,dog,cat\n" + rows(lambda i: f"{i:04d},{1 - i % 2},{float(i % 2)}")),
    ],
)
def test_the_class_of_every_picture_is_found(tmp_path: Path, name: str, table: str) -> None:
    folder = fill(tmp_path / "in", COUNT, name=name)
    (folder / "labels.csv").write_text(table)
    done = prepared(folder)
    assert done.found[0].startswith("labels.csv: 20 of 20 rows matched")
    assert classes(done) == {name.format(number): kind(number) for number in range(COUNT)}


def test_what_was_taken_as_the_class_is_said(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / "train.csv").write_text("id,breed\n" + rows(lambda i: f"{i:04d},{kind(i)}"))
    assert "train.csv: breed, its only column, was taken as the class." in prepared(folder).found
    folder = fill(tmp_path / "other", COUNT)
    (folder / "train.csv").write_text(
        "id,dog,cat\n" + rows(lambda i: f"{i:04d},{1 - i % 2},{i % 2}")
    )
    said = "train.csv: each row has a 1 in one of dog, cat, which are the classes."
    assert said in prepared(folder).found


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("labels.csv", "file,age\n" + rows(lambda i: f"{i:04d}.png,{i % 5}")),
        ("captions.csv", "file,text\n" + rows(lambda i: f"{i:04d}.png,a {kind(i)}")),
        ("labels.csv", "file,note\n" + rows(lambda i: f"{i:04d}.png,number {i}")),
        ("labels.csv", "file,a,b\n" + rows(lambda i: f"{i:04d}.png,{i % 2},1")),
    ],
)
def test_numbers_captions_and_several_flags_are_no_classes(
    tmp_path: Path, name: str, table: str
) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / name).write_text(table)
    assert prepared(folder).class_counts == {}


def test_a_list_with_one_column_beside_the_paths_has_classes(tmp_path: Path) -> None:
    fill(tmp_path / "my pictures", COUNT)
    table = tmp_path / "list.csv"
    table.write_text(
        "image,breed\n" + rows(lambda i: f"my%20pictures/{i:04d}.png,{kind(i)}"), "utf-8"
    )
    done = prepared(table)
    assert done.class_counts == {"cat": 10, "dog": 10}
    assert done.found == (
        "list.csv: 20 of 20 rows found.",
        "list.csv: breed, its only column, was taken as the class.",
    )


def test_what_programs_write_for_nothing_is_no_class(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    blank = ["None", "null", "N/A", "NaN"]
    lines = rows(lambda i: f"{i:04d}.png,{blank[i // 5] if i % 5 == 0 else kind(i)}")
    (folder / "labels.csv").write_text("file,label\n" + lines)
    done = prepared(folder)
    assert done.class_counts == {"cat": 8, "dog": 8}
    assert "labels.csv: 4 pictures with no class in it." in done.found
    assert "dog 8; 4 pictures without one" in str(done)


def test_numbers_of_rows_are_not_those_of_files(tmp_path: Path) -> None:
    """Caltech-UCSD Birds: ids that images.txt explains, beside folders of classes."""
    folder = tmp_path / "in"
    for number in range(COUNT):
        fill(folder / "images" / f"00{1 + number % 2}.{kind(number)}", 1, first=number)
    numbers = "".join(f"{number + 1} {1 + number % 3}\n" for number in range(COUNT))
    (folder / "image_class_labels.txt").write_text(numbers)
    done = prepared(folder)
    assert done.class_counts == {"001.dog": 10, "002.cat": 10}
    assert "1 text file not used: image_class_labels.txt." in done.found


def test_numbers_that_begin_elsewhere_than_those_of_the_files_stop(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / "labels.csv").write_text("id,label\n" + rows(lambda i: f"{i + 1},{kind(i)}"))
    with pytest.raises(DataError, match="none of its 20 rows names a picture"):
        prepared(folder)


def test_a_table_that_differs_from_the_folders_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for number in range(COUNT):
        fill(folder / kind(number), 1, first=number)
    lines = rows(lambda i: f"{kind(i)}/{i:04d}.png,{'dog' if i == 5 else kind(i)}")
    (folder / "labels.csv").write_text("file,label\n" + lines)
    done = prepared(folder)
    assert done.class_counts == {"cat": 9, "dog": 11}
    assert (
        "labels.csv names other classes than the folders (or files beside them) for 1 picture, and "
        "those were taken (cat/0005.png)."
    ) in done.found


def test_attributes_and_what_is_no_label_are_said(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    lines = rows(lambda i: f"{i:04d}.png,{i % 2},{i % 3 // 2},number {i}")
    (folder / "metadata.csv").write_text("file,glasses,hat,note\n" + lines)
    done = prepared(folder)
    assert done.found[1:] == (
        "2 attributes as labels: glasses, hat.",
        "In the manifest only, since values differ too much or not at all: note.",
    )


def test_one_class_alone_and_many_tiny_ones_are_said(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / "labels.csv").write_text("file,label\n" + rows(lambda i: f"{i:04d}.png,cat"))
    assert "cat is the only class, so there is nothing to tell apart." in prepared(folder).found
    (folder / "labels.csv").write_text("file,label\n" + rows(lambda i: f"{i:04d}.png,{i}"))
    few, small = prepared(folder).warnings
    assert few.endswith(
        "20 classes have one picture each, which stays to train on. Are they classes?"
    )
    assert small.startswith("20 classes have fewer than 10 pictures (0 1, 1 1, 10 1, ")


def test_columns_of_numbers_behind_a_name_are_read_from_a_text(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in" / "images", COUNT, name="Abyssinian_{}.png").parent
    (folder / "list").mkdir()
    text = "#Image CLASS-ID SPECIES\n" + rows(lambda i: f"Abyssinian_{i} {i % 3} {i % 2}")
    (folder / "list" / "trainval.txt").write_text(text)
    done = prepared(folder)
    assert done.found[0] == "list/trainval.txt: 20 of 20 rows matched by stem."
    assert len(done.columns) == 2


def test_a_damaged_table_stops_and_can_be_passed_over(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / "labels.jsonl").write_text('{"file": "0000.png", "label": "cat"}\n{"file": "x\n')
    with pytest.raises(DataError, match=r"line 2 of labels.jsonl is no JSON .* --no-table"):
        prepared(folder)
    done = prepared(folder, table=False)
    assert done.count == COUNT
    assert "It was not used." in done.found[0]


def test_a_message_about_a_table_of_bytes_can_be_read(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / "labels.csv").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(DataError) as raised:
        prepared(folder)
    assert len(str(raised.value)) < 500
    assert str(raised.value).isprintable()


def test_folders_inside_of_class_folders_are_said(tmp_path: Path) -> None:
    for number, name in enumerate(("animals/cat", "animals/dog", "things/car", "things/cup")):
        fill(tmp_path / "in" / name, 6, first=20 * number)
    done = prepared(tmp_path / "in")
    assert done.class_counts == {"animals": 12, "things": 12}
    assert "4 folders inside the class folders are no classes: car, cat, cup, dog." in done.found
