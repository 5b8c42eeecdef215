"""Hugging Face datasets #4311, fastai #1126, clip-retrieval #329: tables dropped without a word."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from case_tools import fill, prepared

from lookalike.cli.main import main
from lookalike.errors import DataError

COUNT = 24


def label(number: int) -> str:
    return "cat" if number % 2 else "dog"


def rows(name: Callable[[int], str], mark: str = ",") -> str:
    return "".join(f"{name(i)}{mark}{label(i)}\n" for i in range(COUNT))


def name(number: int) -> str:
    return f"{number:04d}.png"


TABLES = {
    "ids": ("labels.csv", "id,label\n" + rows(lambda i: f"{i:04d}"), "stem"),
    "numbers": ("labels.csv", "id,label\n" + rows(str), "number"),
    "no header": ("labels.csv", rows(name), "name"),
    "other machine": (
        "labels.csv",
        "file,label\n" + rows(lambda i: f"/content/drive/d/{name(i)}"),
        "base name",
    ),
    "Windows": ("labels.csv", "file,label\n" + rows(lambda i: f"C:\\d\\{name(i)}"), "base name"),
    "kaggle": ("train.csv", "file,label\n" + rows(name), "name"),
    "capitals": ("Labels.CSV", "File Name,Label\n" + rows(name), "name"),
    "suffix": ("labels.csv", "image,class\n" + rows(lambda i: f"{i:04d}.JPG"), "stem"),
    "semicolon": ("labels.csv", "sep=;\nfile;label\n" + rows(name, ";"), "name"),
    "tab": ("labels.tsv", "file\tlabel\n" + rows(name, "\t"), "name"),
    "quoted": ("labels.csv", '"file","label"\n' + rows(lambda i: f'"{name(i)}"'), "name"),
    "formula": ("labels.csv", "id;label\n" + rows(lambda i: f'="{i:04d}"', ";"), "stem"),
    "German": ("labels.csv", "Bild;label\n" + rows(name, ";"), "name"),
    "words": ("train.txt", rows(name, " "), "name"),
    "object": ("labels.json", json.dumps({name(i): label(i) for i in range(COUNT)}), "name"),
    "StyleGAN": (
        "dataset.json",
        json.dumps({"labels": [[name(i), label(i)] for i in range(COUNT)]}),
        "name",
    ),
    "lines": (
        "metadata.jsonl",
        "\n".join(json.dumps({"file_name": name(i), "label": label(i)}) for i in range(COUNT)),
        "name",
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_matched_and_how_is_said(tmp_path: Path, kind: str) -> None:
    file, text, method = TABLES[kind]
    folder = fill(tmp_path / "in", COUNT)
    (folder / file).write_text(text, "utf-8")
    done = prepared(folder)
    assert done.class_counts == {"cat": 12, "dog": 12}
    assert done.found == (f"{file}: 24 of 24 rows matched by {method}.",)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252", "cp437"])
def test_any_usual_encoding_keeps_two_classes_apart(tmp_path: Path, encoding: str) -> None:
    folder = fill(tmp_path / "in", COUNT)
    text = "file,label\n" + "".join(f"{name(i)},{('Bär', 'Bör')[i % 2]}\n" for i in range(COUNT))
    (folder / "labels.csv").write_bytes(text.encode(encoding))
    done = prepared(folder)
    assert done.class_counts == {"Bär": 12, "Bör": 12}
    told = "" if encoding == "utf-8-sig" else f" (read as {encoding})"
    assert done.found == (f"labels.csv: 24 of 24 rows matched by name{told}.",)


def test_names_in_another_normal_form_are_matched(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT, name=unicodedata.normalize("NFD", "é{:03d}.png"))
    (folder / "labels.csv").write_text("file,label\n" + rows(lambda i: f"é{i:03d}.png"), "utf-8")
    assert prepared(folder).class_counts == {"cat": 12, "dog": 12}


def test_half_a_table_says_how_many_pictures_have_no_row(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    text = "file,label\n" + "".join(f"{name(i)},{label(i)}\n" for i in range(12))
    (folder / "labels.csv").write_text(text)
    done = prepared(folder)
    assert done.class_counts == {"cat": 6, "dog": 6}
    assert done.found == ("labels.csv: 12 of 12 rows matched by name; 12 pictures without a row.",)


def test_a_table_that_names_no_picture_stops_the_command_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / "labels.csv").write_text("file,label\n" + rows(lambda i: f"other{i}.png"))
    with pytest.raises(DataError, match="none of its 24 rows names a picture"):
        prepared(folder)
    command = ["prepare", str(folder), "--to", str(tmp_path / "p"), "--size", "16", "--json"]
    main([*command, "--no-table"])
    done = json.loads(capsys.readouterr().out)
    assert done["class_counts"] == {}
    assert done["found"] == ["1 text file not used: labels.csv."]


def test_a_name_that_two_pictures_have_gives_neither_a_label(tmp_path: Path) -> None:
    for number, part in enumerate(("a", "b")):
        for i in range(12):
            fill(tmp_path / "in" / part, 1, 100 * number + i, name=f"{i}.png")
    (tmp_path / "in" / "labels.csv").write_text("file,label\n0.png,x\n1.png,y\n")
    with pytest.raises(DataError, match="none of its 2 rows"):
        prepared(tmp_path / "in")


def test_names_that_every_class_folder_has_are_told_apart_by_the_class(tmp_path: Path) -> None:
    for number, kind in enumerate(("a", "b")):
        for i in range(12):
            fill(tmp_path / "in" / kind, 1, 100 * number + i, name=f"{i}.png")
    lines = "".join(f"{i}.png,{kind},{i}\n" for kind in "ab" for i in range(12))
    (tmp_path / "in" / "labels.csv").write_text("file,label,age\n" + lines)
    done = prepared(tmp_path / "in")
    assert (done.class_counts, done.columns[-1]) == ({"a": 12, "b": 12}, "age")
    assert "labels.csv: 24 of 24 rows matched by path." in done.found


def test_two_tables_are_joined_and_where_they_disagree_is_said(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    (folder / "labels.csv").write_text("file,label\n" + rows(name))
    lines = "".join(f"{name(i)},{i},{'cow' if i < 2 else label(i)}\n" for i in range(COUNT))
    (folder / "attributes.csv").write_text("file,age,label\n" + lines)
    done = prepared(folder)
    assert (done.class_counts, done.columns[-1]) == ({"cat": 12, "dog": 12}, "age")
    assert (
        "labels.csv and another table name different classes for 2 pictures; those of labels.csv "
        "were taken."
    ) in done.found


@pytest.mark.slow
def test_a_parquet_of_labels_beside_the_pictures_is_a_table(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = fill(tmp_path / "in", COUNT)
    table = {"file_name": list(map(name, range(COUNT))), "label": list(map(label, range(COUNT)))}
    parquet.write_table(arrow.table(table), folder / "metadata.parquet")
    assert prepared(folder).class_counts == {"cat": 12, "dog": 12}


def test_rows_that_disagree_about_a_picture_give_it_no_class(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    text = "file,label,hair\n" + "".join(f"{name(i)},{label(i)},long\n" for i in range(COUNT))
    (folder / "labels.csv").write_text(text + f"{name(0)},cow,long\n")
    done = prepared(folder)
    assert done.class_counts == {"cat": 12, "dog": 11}
    assert any("1 picture with several classes" in words for words in done.found)


def test_blanks_around_a_class_are_no_other_class_and_that_is_said(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", COUNT)
    text = "file;label\n" + "".join(f'{name(i)};" {label(i)}"\n' for i in range(12))
    text += "".join(f"{name(i)};{label(i)}\n" for i in range(12, COUNT))
    (folder / "labels.csv").write_text(text)
    assert prepared(folder).class_counts == {"cat": 12, "dog": 12}
    for number, spelled in enumerate((" cat", "cat", "dog")):
        fill(tmp_path / "folders" / spelled, 7, 100 * number)
    done = prepared(tmp_path / "folders")
    assert done.class_counts == {"cat": 14, "dog": 7}
    assert "' cat' and 'cat' are one class, cat." in done.found
