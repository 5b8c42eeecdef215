"""Situations from reports by users of other tools of this trade, rebuilt small.

docs/log.md ("Thirty reports of other people, tried") names each report; the numbers here are those
of its table. What img2dataset's users reported stands in test_img2dataset_output.py.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from case_tools import png
from PIL import Image

from lookalike.data.pack import Pack
from lookalike.errors import LookalikeError
from lookalike.stages.prepare import Prepared, prepare


def drawn(number: int, size: tuple[int, int] = (64, 64)) -> Image.Image:
    """A picture of its own: 6 x 6 colors, enlarged."""
    pixels = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def fill(folder: Path, numbers: Iterable[int], name: str = "{:04d}.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        drawn(number).save(folder / name.format(number))


def tar(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def kind(number: int) -> str:
    return "cat" if number % 2 else "dog"


def rows_of(prepared: Prepared) -> dict[str, dict[str, object]]:
    """The manifest of the pack by source, refused files aside."""
    return {str(row["source"]): row for row in Pack.open(prepared.path).manifest()}


def pixels_of(prepared: Prepared) -> dict[str, np.ndarray]:
    pack = Pack.open(prepared.path)
    pictures = pack.shards.take(np.arange(pack.count))
    return {
        str(row["source"]): picture for row, picture in zip(pack.manifest(), pictures, strict=True)
    }


@pytest.fixture
def made(tmp_path: Path) -> Callable[[Path], Prepared]:
    """A source prepared as it is, without settings."""
    return lambda source: prepare(source, tmp_path / "pack")


def test_1_labels_of_a_dataset_json_become_classes(made, tmp_path: Path) -> None:
    """stylegan2-ada-pytorch 18."""
    fill(tmp_path / "in", range(24))
    labels = [[f"{number:04d}.png", number % 3] for number in range(24)]
    (tmp_path / "in" / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert made(tmp_path / "in").class_counts == {"0": 8, "1": 8, "2": 8}


def test_2_a_dataset_json_that_is_broken_stops_the_command(made, tmp_path: Path) -> None:
    """stylegan2-ada-pytorch 126: a comma too many, and the labels were gone."""
    fill(tmp_path / "in", range(24))
    (tmp_path / "in" / "dataset.json").write_text('{"labels": [["0000.png", 0],]}')
    with pytest.raises(LookalikeError, match=r"dataset\.json"):
        made(tmp_path / "in")


def test_3_a_dataset_json_without_labels_is_no_obstacle(made, tmp_path: Path) -> None:
    """stylegan3 189."""
    fill(tmp_path / "in", range(24))
    (tmp_path / "in" / "dataset.json").write_text('{"labels": null}')
    assert made(tmp_path / "in").class_counts == {}


def test_4_transparent_pictures_lie_on_the_background(made, tmp_path: Path) -> None:
    """stylegan2-pytorch 43."""
    (tmp_path / "in").mkdir()
    for number in range(24):
        picture = drawn(number).convert("RGBA")
        picture.putalpha(Image.fromarray(np.repeat([[0] * 32 + [255] * 32], 64, 0).astype("u1")))
        picture.save(tmp_path / "in" / f"{number}.png")
    for picture in pixels_of(made(tmp_path / "in")).values():
        assert (picture[:, :28] == 255).all()


def test_5_a_jpeg_that_lacks_its_last_bytes_is_read_and_a_torn_one_named(
    made, tmp_path: Path
) -> None:
    """stylegan2-pytorch 7."""
    fill(tmp_path / "in", range(20))
    buffer = io.BytesIO()
    drawn(50).save(buffer, "JPEG")
    (tmp_path / "in" / "short.jpg").write_bytes(buffer.getvalue()[:-2])
    (tmp_path / "in" / "torn.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    prepared = made(tmp_path / "in")
    assert (prepared.count, [name for name, _ in prepared.refusals]) == (21, ["torn.jpg"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "litter", [".DS_Store", "cats/.DS_Store", "cats/._0001.png", ".ipynb_checkpoints/0001.png",
               "cats/.ipynb_checkpoints/0001-checkpoint.png"]
)  # fmt: skip
def test_6_what_systems_and_notebooks_leave_is_no_class(litter: str, made, tmp_path: Path) -> None:
    """torchvision 109, mmpretrain 507."""
    fill(tmp_path / "in" / "cats", range(12))
    fill(tmp_path / "in" / "dogs", range(100, 112))
    place = tmp_path / "in" / litter
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(png(200))
    prepared = made(tmp_path / "in")
    assert prepared.class_counts == {"cats": 12, "dogs": 12}
    assert prepared.refused == 0


def test_7_an_empty_class_folder_is_said(made, tmp_path: Path) -> None:
    """torchvision 8297."""
    fill(tmp_path / "in" / "cats", range(12))
    fill(tmp_path / "in" / "dogs", range(100, 112))
    (tmp_path / "in" / "birds").mkdir()
    prepared = made(tmp_path / "in")
    assert prepared.class_counts == {"cats": 12, "dogs": 12}
    assert "birds is an empty folder" in "\n".join(prepared.lines())


def test_8_endings_may_be_in_capitals(made, tmp_path: Path) -> None:
    """torchvision 707, clean-fid 37."""
    (tmp_path / "in").mkdir()
    for number, ending in enumerate(("BMP", "JPEG", "Jpg", "PNG") * 5):
        form = "JPEG" if ending == "Jpg" else ending
        drawn(number).save(tmp_path / "in" / f"IMG_{number}.{ending}", form)
    assert made(tmp_path / "in").count == 20


def test_9_several_pictures_of_one_key_share_its_label(made, tmp_path: Path) -> None:
    """webdataset 20: a left and a right picture."""
    members: list[tuple[str, bytes]] = []
    for number in range(10):
        members.append((f"foo{number}.left.png", png(number)))
        members.append((f"foo{number}.right.png", png(100 + number)))
        members.append((f"foo{number}.cls", kind(number).encode()))
    rows = rows_of(made(tar(tmp_path / "in.tar", members)))
    assert len(rows) == 20
    assert all(row["class"] == kind(int(name[3])) for name, row in rows.items())


def test_10_a_name_that_comes_twice_keeps_the_label_that_came_with_it(made, tmp_path: Path) -> None:
    """webdataset 157: the second label must not fall on the first picture."""
    members: list[tuple[str, bytes]] = []
    for number in range(20):
        key = "dir/base" if number < 2 else f"dir/base{number}"
        members += [(f"{key}.png", png(number)), (f"{key}.cls", kind(number).encode())]
    prepared = made(tar(tmp_path / "in.tar", members))
    assert rows_of(prepared).get("dir/base.png", {"class": "dog"})["class"] == "dog"
    assert "dir/base.png" in {name for name, _ in prepared.refusals}


def test_11_folders_with_dots_in_a_tar_are_no_keys(made, tmp_path: Path) -> None:
    """datasets 7150."""
    members: list[tuple[str, bytes]] = []
    for number in range(20):
        key = f"some/path/22.0/{number}.1"
        members += [(f"{key}.png", png(number)), (f"{key}.cls", kind(number).encode())]
    rows = rows_of(made(tar(tmp_path / "in.tar", members)))
    right = {f"some/path/22.0/{number}.1.png": kind(number) for number in range(20)}
    assert {name: row["class"] for name, row in rows.items()} == right


@pytest.mark.slow
def test_12_captions_beside_class_folders_leave_the_classes(made, tmp_path: Path) -> None:
    """datasets 4621: metadata.jsonl with captions, and the labels in the folders' names."""
    lines = []
    for name, start in (("cat", 0), ("dog", 100)):
        fill(tmp_path / "in" / "train" / name, range(start, start + 12))
        for number in range(start, start + 12):
            lines.append(json.dumps({"file_name": f"{name}/{number:04d}.png", "caption": "a pet"}))
    (tmp_path / "in" / "train" / "metadata.jsonl").write_text("\n".join(lines))
    assert made(tmp_path / "in").class_counts == {"cat": 12, "dog": 12}


@pytest.mark.slow
def test_13_a_table_with_two_columns_of_pictures_labels_none_by_its_numbers(
    made, tmp_path: Path
) -> None:
    """derm7pt 11: each row is about two pictures; the number of the row is no name of a file."""
    fill(tmp_path / "in" / "images", range(24))
    rows = [f"{n},{kind(n)},{2 * n:04d}.png,{2 * n + 1:04d}.png" for n in range(12)]
    table = "\n".join(["case_num,diagnosis,derm,clinic", *rows])
    (tmp_path / "in" / "meta.csv").write_text(table)
    for name, row in rows_of(made(tmp_path / "in")).items():
        right = kind(int(Path(name).stem) // 2)
        given = row.get("class") or (row.get("attributes") or {}).get("diagnosis", right)
        assert given == right


def test_14_rows_without_pictures_and_pictures_without_rows_are_counted(
    made, tmp_path: Path
) -> None:
    """autowebcompat 140, quilt1m 23."""
    fill(tmp_path / "in", range(24))
    rows = [f"{number:04d}.png,{kind(number)}" for number in range(4, 30)]
    (tmp_path / "in" / "labels.csv").write_text("\n".join(["file,label", *rows]))
    prepared = made(tmp_path / "in")
    assert prepared.class_counts == {"cat": 10, "dog": 10}
    said = "\n".join(prepared.lines())
    assert "20 of 26 rows" in said
    assert "0024.png" in said
    assert "4 pictures without a row" in said


def test_16_a_name_that_two_pictures_have_is_not_guessed(made, tmp_path: Path) -> None:
    """make-sense 164: image_1.png in two folders, and a table that says image_1.png."""
    for place in (1, 2):
        for number in range(12):
            folder = tmp_path / "in" / f"set_{place}"
            folder.mkdir(parents=True, exist_ok=True)
            drawn(100 * place + number).save(folder / f"image_{number}.png")
    rows = [f"image_{number}.png,{kind(number)}" for number in range(12)]
    (tmp_path / "in" / "labels.csv").write_text("\n".join(["file,label", *rows]))
    with pytest.raises(LookalikeError, match=r"labels\.csv"):
        made(tmp_path / "in")


def test_18_labels_in_fiftyones_layout_are_read(made, tmp_path: Path) -> None:
    """luxonis-ml 379: data/ and labels.json with classes and a number for each stem."""
    fill(tmp_path / "in" / "data", range(24))
    told = {"classes": ["dog", "cat"], "labels": {f"{n:04d}": n % 2 for n in range(24)}}
    (tmp_path / "in" / "labels.json").write_text(json.dumps(told))
    rows = rows_of(made(tmp_path / "in"))
    assert all(row["class"] == kind(int(Path(name).stem)) for name, row in rows.items())


def test_19_pictures_that_cameras_turn_by_a_note_are_turned(made, tmp_path: Path) -> None:
    """sd-scripts 1316."""
    turned = Image.Exif()
    turned[0x0112] = 6
    (tmp_path / "in").mkdir()
    for number in range(20):
        drawn(number).save(tmp_path / "in" / f"{number}.png", exif=turned)
    for name, picture in pixels_of(made(tmp_path / "in")).items():
        upright = drawn(int(Path(name).stem)).transpose(Image.Transpose.ROTATE_270)
        assert (picture == np.asarray(upright)).all()


def test_20_captions_beside_pictures_are_said_to_be_left(made, tmp_path: Path) -> None:
    """kohya_ss 547: 30_cat with a text for each picture."""
    for name, start in (("30_cat", 0), ("40_black mamba", 100)):
        fill(tmp_path / "in" / "img" / name, range(start, start + 12))
    for picture in (tmp_path / "in").rglob("*.png"):
        picture.with_suffix(".txt").write_text("a caption")
    prepared = made(tmp_path / "in")
    assert prepared.class_counts == {"30_cat": 12, "40_black mamba": 12}
    assert "24 text files not used" in "\n".join(prepared.lines())


@pytest.mark.slow
@pytest.mark.parametrize("factor", [257, 16], ids=["16 bit", "12 bit in 16"])
def test_21_grey_of_sixteen_bits_is_neither_white_nor_black(
    factor: int, made, tmp_path: Path
) -> None:
    """torchvision 2218, pytorch-CycleGAN-and-pix2pix 321."""
    (tmp_path / "in").mkdir()
    for number in range(20):
        grey = np.asarray(drawn(number).convert("L")).astype(np.uint16) * factor
        Image.fromarray(grey).save(tmp_path / "in" / f"{number}.{'png' if number % 2 else 'tif'}")
    for name, picture in pixels_of(made(tmp_path / "in")).items():
        grey = np.asarray(drawn(int(Path(name).stem)).convert("L")).astype(int)
        off = np.abs(picture[..., 0].astype(int) - grey).max()
        assert off <= (0 if factor == 257 else 20)


def test_24_holes_in_a_column_are_no_class(made, tmp_path: Path) -> None:
    """keras-preprocessing 57: pandas writes a missing label as nan."""
    fill(tmp_path / "in", range(24))
    words = ("red", "blue", "", "nan", "NaN", "red")
    rows = [f"{number:04d}.png,{words[number % 6]}" for number in range(24)]
    (tmp_path / "in" / "labels.csv").write_text("\n".join(["file,label", *rows]))
    prepared = made(tmp_path / "in")
    assert prepared.class_counts == {"blue": 4, "red": 8}
    assert "12 pictures with no class" in "\n".join(prepared.lines())


@pytest.mark.slow
def test_26_a_picture_of_two_hundred_megapixels_is_named_and_the_rest_is_read(
    made, tmp_path: Path
) -> None:
    """geti 1486, yolov5 7003."""
    fill(tmp_path / "in", range(20))
    Image.new("1", (15_000, 13_300)).save(tmp_path / "in" / "huge.png")
    prepared = made(tmp_path / "in")
    assert prepared.count == 20
    ((name, why),) = prepared.refusals
    assert (name, "million pixels" in why) == ("huge.png", True)


def test_28_a_link_to_the_parent_is_no_class_and_no_endless_way(made, tmp_path: Path) -> None:
    """node-directory-tree 89; another folder of the parent must not come in through it."""
    fill(tmp_path / "all" / "other", range(50, 70))
    fill(tmp_path / "all" / "in" / "a", range(12))
    fill(tmp_path / "all" / "in" / "b", range(100, 112))
    os.symlink("..", tmp_path / "all" / "in" / "up")
    os.symlink(".", tmp_path / "all" / "in" / "a" / "here")
    assert made(tmp_path / "all" / "in").class_counts == {"a": 12, "b": 12}


def test_29_a_part_that_is_a_link_is_read_as_a_part(made, tmp_path: Path) -> None:
    """fastai 2270: valid/ lies elsewhere, for several training sets."""
    for name, start in (("a", 0), ("b", 100)):
        fill(tmp_path / "in" / "train" / name, range(start, start + 12))
        fill(tmp_path / "common" / name, range(start + 50, start + 53))
    os.symlink("../common", tmp_path / "in" / "valid")
    prepared = made(tmp_path / "in")
    assert prepared.class_counts == {"a": 15, "b": 15}
    parts = {str(row.get("part")) for row in rows_of(prepared).values()}
    assert parts == {"train", "valid"}


def test_30_grey_and_colored_pictures_may_lie_together(made, tmp_path: Path) -> None:
    """t81_558_deep_learning 155."""
    (tmp_path / "in").mkdir()
    for number in range(24):
        drawn(number).convert("L" if number % 6 else "RGB").save(tmp_path / "in" / f"{number}.png")
    prepared = made(tmp_path / "in")
    assert (prepared.count, prepared.channels, prepared.refused) == (24, 3, 0)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.999])
def test_31_a_tar_that_is_cut_off_is_named_wherever_the_cut_is(
    share: float, made, tmp_path: Path
) -> None:
    """img2dataset 358: a full disk; between two members the cut looks like the end."""
    (tmp_path / "in").mkdir()
    tar(tmp_path / "in" / "1.tar", [(f"{n:04d}.png", png(n)) for n in range(100, 120)])
    torn = tar(tmp_path / "in" / "0.tar", [(f"{n:04d}.png", png(n)) for n in range(20)])
    members = len(torn.read_bytes().rstrip(b"\0"))
    torn.write_bytes(torn.read_bytes()[: int(share * members) // 512 * 512])
    prepared = made(tmp_path / "in")
    assert prepared.count >= 20
    assert any(name == "0.tar" and "ends in the middle" in why for name, why in prepared.refusals)
