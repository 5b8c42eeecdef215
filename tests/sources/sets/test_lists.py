"""Lists as spreadsheets write them: any usual encoding and delimiter, and nothing left silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.settings.collect import Columns
from lookalike.sources.sets import lists
from lookalike.sources.sets.lists import AddressList

LABELS = ("Bär", "Bör", "Käfer")
ROWS = [(f"http://e.com/{number}.png", label) for number, label in enumerate(LABELS)]


def _write(path: Path, mark: str, encoding: str, before: str = "") -> Path:
    rows = [("Image_URL", "Label"), *ROWS]
    path.write_bytes((before + "\r\n".join(map(mark.join, rows))).encode(encoding))
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_labels_stay_apart_in_any_encoding_and_with_any_delimiter(
    encoding: str, mark: str, tmp_path: Path
) -> None:
    addresses = AddressList(_write(tmp_path / "list.csv", mark, encoding), Columns())
    assert [(found.url, found.label) for found in addresses] == ROWS
    assert bool(addresses.notes) == (not encoding.startswith("utf-8"))


def test_the_line_in_which_excel_names_its_delimiter_is_no_header(tmp_path: Path) -> None:
    path = _write(tmp_path / "list.csv", ";", "cp1252", before='"sep=;"\r\n')
    assert [found.label for found in AddressList(path, Columns())] == list(LABELS)


def test_bytes_that_fit_no_encoding_do_not_make_one_class_of_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bytes that the encoding is guessed from, another one begins."""
    monkeypatch.setattr(lists, "HEAD", 64)
    path = tmp_path / "list.csv"
    rows = [f"http://e.com/{number}.png,cat" for number in range(9)]
    text = "\n".join(["url,label", *rows]).encode()
    path.write_bytes(text + b"\nhttp://e.com/a,B\xe4r\nhttp://e.com/o,B\xf6r\n")
    labels = [found.label for found in AddressList(path, Columns())]
    assert len(set(labels)) == 3


def test_rows_without_an_address_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("url,label\nhttp://e.com/1,a\n,b\n  ,c\n")
    addresses = AddressList(path, Columns())
    assert len(list(addresses)) == 1
    assert addresses.notes == ["list.csv: 2 rows have no address"]


def test_a_column_that_is_named_finds_its_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("where;kind\nhttp://e.com/1;a\n")
    (found,) = AddressList(path, Columns(url_column="where", label_column="kind"))
    assert (found.url, found.label) == ("http://e.com/1", "a")
