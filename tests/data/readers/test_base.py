from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.label_tables import FILE_COLUMNS, read_table
from lookalike.data.readers.labels import merged_row, put_labels, value_headers
from lookalike.data.readers.layout import arrange
from lookalike.data.readers.open import open_source
from lookalike.data.readers.zip import ZipSource, open_zip, read_member
from lookalike.errors import DataError, NoImagesError


class Nowhere(PictureSource):
    """Files that were named and lie nowhere."""

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        yield from files


def names(path: Path) -> list[str]:
    return [item.name for item in open_source(path).files]


def test_first_folders_are_classes_only_when_every_picture_is_in_one_of_several() -> None:
    assert arrange(["cat/1.png", "dog/x/2.png"]).classes == ["cat", "dog"]
    assert arrange(["cat/1.png", "2.png"]).classes == ["", ""]
    assert arrange(["cat/1.png", "cat/2.png"]).classes == ["", ""]
    assert arrange([]).classes == []


def test_classes_of_many_files_take_little_memory_beside_the_files() -> None:
    source = Nowhere(Path("nowhere"))
    source.files = files = [PictureFile(f"{n // 100:05d}/{n:08d}.png", 1, n) for n in range(10_000)]
    tracemalloc.start()
    put_labels(source, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert source.files[-1].class_name == "00099"
    assert peak < 240 * len(files)  # 104 of them are the files with their classes, which stay


def test_a_folder_is_walked_without_its_litter_and_packs(tmp_path: Path) -> None:
    for name in ("b.PNG", "sub/deep/a", ".hidden.png", "notes.txt", "Thumbs.db", "README"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "pack.json").write_text("{}")
    (tmp_path / "pack" / "images-00000.npy").write_bytes(b"x")
    assert names(tmp_path) == ["b.PNG", "sub/deep/a"]


def test_links_that_run_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"x")
    (tmp_path / "in" / "round").symlink_to(tmp_path, target_is_directory=True)
    assert names(tmp_path) == ["in/a.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_dead_links_are_refused_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone")
    found = open_source(tmp_path)
    assert found.files == []
    assert dict(found.refused)["pipe.png"] == "is not a plain file"
    assert "cannot be opened" in dict(found.refused)["dead.png"]


def test_a_table_gives_attributes_by_path_name_or_stem(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("in/a.png", "b.png", "c.png", "d.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "attributes.csv").write_text(
        "\ufeffFile_Name;hair;label\nin/a.png;long;cat\nb.png;short;\nc;none;dog\n", "utf-8"
    )
    found = {item.name: item for item in open_source(tmp_path).files}
    assert found["in/a.png"].attributes == {"hair": "long"}
    assert found["b.png"].attributes == {"hair": "short"}
    assert found["c.png"].attributes == {"hair": "none"}
    assert found["d.png"].attributes == {}
    assert [found[n].class_name for n in ("in/a.png", "b.png", "c.png", "d.png")] == [
        "cat",
        "",
        "dog",
        "",
    ]


def test_a_table_without_a_file_column_is_no_table_of_attributes() -> None:
    assert read_table("t.csv", b"name,age\nbob,3\n").column(FILE_COLUMNS) is None
    assert read_table("t.csv", b"") is None


def test_short_and_long_lines_of_a_table_do_no_harm() -> None:
    table = read_table("t.csv", b"file,a,b\nx.png,1\ny.png,1,2,3\n,9\n")
    assert [merged_row(value_headers(table, 0), [row])[0] for row in table.rows[:2]] == [
        {"a": "1"},
        {"a": "1", "b": "2"},
    ]


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_a_zip_is_read_like_the_folder_in_it(tmp_path: Path) -> None:
    path = make_zip(
        tmp_path / "photos.zip",
        {
            "photos/cat/1.png": b"one",
            "photos/dog/2.png": b"two",
            "photos/attributes.csv": b"file,age\ncat/1.png,7\n",
            "__MACOSX/photos/._1.png": b"?",
        },
    )
    found = open_source(path)
    loaded = list(found.loaded(found.files))
    assert [(one.name, one.class_name, one.read()) for one in loaded] == [
        ("cat/1.png", "cat", b"one"),
        ("dog/2.png", "dog", b"two"),
    ]
    assert loaded[0].attributes == {"age": "7"}


TRAVERSAL = [
    "../up.png",
    "../../../../tmp/up.png",
    "/etc/up.png",
    "C:\\windows\\up.png",
    "..\\up.png",
    "a/../../up.png",
    "stream.png:hidden",
    "con.png",
    "nul",
    "a\u202egnp.exe",
    "e\u0301.png",
    "x" * 300 + ".png",
]


def test_names_in_a_zip_never_become_places(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = make_zip(inside / "evil.zip", dict.fromkeys(TRAVERSAL, b"data"))
    before = sorted(tmp_path.rglob("*"))
    found = open_source(path)
    assert [one.read() for one in found.loaded(found.files)] == [b"data"] * len(found.files)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_member_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z.zip", {"a.png": b"A" * 1000, "b.png": b"B" * 1000})
    data = bytearray(path.read_bytes())
    data[data.index(b"a.png") + 8] ^= 0xFF
    path.write_bytes(data)
    found = open_source(path)
    assert [one.name for one in found.loaded(found.files)] == ["b.png"]
    assert found.refused[0][0] == "a.png"


def test_a_zip_whose_directory_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z.zip", {"a.png": b"x"})
    data = path.read_bytes()
    at = data.rindex(b"PK\x05\x06")
    path.write_bytes(data[: at + 12] + struct.pack("<I", 3 << 30) + data[at + 16 :])
    with pytest.raises(DataError, match="Unpack it"):
        open_source(path)


def test_what_is_not_there_or_no_zip_is_refused_with_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(NoImagesError, match="does not exist"):
        open_source(tmp_path / "gone")
    (tmp_path / "one.jpg").write_bytes(b"x")
    with pytest.raises(NoImagesError, match="Name a folder"):
        open_source(tmp_path / "one.jpg")


def test_a_member_is_never_read_beyond_the_limit_nor_without_its_password(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z.zip", {"bomb.png": bytes(5000)})
    with open_zip(path) as archive:
        (member,) = archive.infolist()
        assert len(read_member(archive, member, limit=5000)) == 5000
        with pytest.raises(DataError, match="more than 0 MB"):
            read_member(archive, member, limit=4999)
        member.flag_bits |= 1
        with pytest.raises(DataError, match="password"):
            read_member(archive, member)
    (tmp_path / "no.zip").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="cannot be read as a zip"):
        open_zip(tmp_path / "no.zip")


def test_equal_names_in_a_zip_are_told_apart(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.png", b"first")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a.png", b"second")
    (tmp_path / "z.zip").write_bytes(buffer.getvalue())
    found = ZipSource(tmp_path / "z.zip")
    assert [one.read() for one in found.loaded(found.files)] == [b"first"]
    assert "same name" in found.refused[0][1]
