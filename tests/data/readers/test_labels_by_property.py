"""Whatever the names, their order, the spelling of a part or the form of a table: labels stay."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.encodings import decode_text, guess_encoding
from lookalike.data.readers.label_matcher import FileIndex, match_table
from lookalike.data.readers.label_tables import json_rows, read_table
from lookalike.data.readers.labels import put_labels
from lookalike.data.readers.layout import arrange, split_kind
from lookalike.data.readers.sidecars import sidecars
from lookalike.errors import DataError

words = st.text("abcdefgäöéñ_-0123456789 ", min_size=1, max_size=8).map(str.strip).filter(bool)
numbers = st.integers(0, 9999)
stems = st.one_of(words, numbers.map("{:04d}".format), numbers.map("img_{:03d}".format))
suffixes = st.sampled_from([".png", ".jpg", ".JPG", ".v2.png"])
names = st.builds(lambda stem, suffix: stem + suffix, stems, suffixes)
paths = st.one_of(names, st.builds("{}/{}".format, words, names))
few = settings(max_examples=60, deadline=None)


@few
@given(st.lists(paths, min_size=1, max_size=40, unique=True), st.randoms())
def test_classes_do_not_depend_on_the_order_of_the_names(files: list[str], random: object) -> None:
    shuffled = list(files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = arrange(files), arrange(shuffled)
    assert dict(zip(files, one.classes, strict=True)) == dict(
        zip(shuffled, other.classes, strict=True)
    )
    assert one.sentences == other.sentences


KINDS = {
    "train": ("train", "training", "trn"),
    "valid": ("val", "valid", "validation", "dev", "eval"),
    "test": ("test", "testing", "tst"),
    "holdout": ("holdout", "hold-out", "held_out"),
}
spelled = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.sampled_from(KINDS[kind]),
        st.sampled_from([str, str.upper, str.title]),
        st.sampled_from(["", "2017", "_set", "-images", " data", "1"]),
    )
)


@few
@given(st.lists(spelled, min_size=2, max_size=4, unique_by=lambda one: one[0]))
def test_parts_are_never_classes_however_they_are_spelled(
    parts: list[tuple[str, str, object, str]],
) -> None:
    folders = [case(word) + more for _, word, case, more in parts]  # type: ignore[operator]
    assert [split_kind(folder) for folder in folders] == [(kind, ()) for kind, *_ in parts]
    files = [f"{folder}/{name}/{i}.png" for folder in folders for name in "ab" for i in range(3)]
    layout = arrange(files)
    assert layout.classes == [file.split("/")[1] for file in files]
    assert layout.parts == [file.split("/")[0] for file in files]


def written(key: str, way: str) -> str:
    """A name as people write it in tables."""
    plain = PurePosixPath(key)
    return {
        "path": key,
        "base": plain.name,
        "stem": plain.stem,
        "foreign": f"/content/drive/{key}",
        "windows": "D:\\set\\" + key.replace("/", "\\"),
        "here": f"./{key}",
        "capitals": key.upper(),
    }[way]


WAYS = ("path", "base", "stem", "foreign", "windows", "here", "capitals")


@few
@given(
    st.lists(paths, min_size=1, max_size=30, unique=True),
    st.sampled_from(WAYS),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
    st.randoms(),
)
def test_a_row_is_about_its_own_picture_or_about_none(
    files: list[str], way: str, mark: str, encoding: str, headed: bool, random: object
) -> None:
    rows = [(written(file, way), f"label {number}") for number, file in enumerate(files)]
    random.shuffle(rows)  # type: ignore[attr-defined]
    text = io.StringIO()
    table = csv.writer(text, delimiter=mark)
    if headed:
        table.writerow(("file", "label"))
    table.writerows(rows)
    read = read_table("labels.csv", text.getvalue().encode(encoding))
    assert read is not None
    match = match_table(FileIndex(files), read)
    keys = Counter(key for key, _ in rows)
    if match is None:
        assert way not in ("path", "here", "foreign", "windows") or max(keys.values()) > 1
        return
    headers, pairs = match[0], match[1].files
    for file, row in pairs.items():
        assert headers.rows[row][1] == f"label {file}"
    if way in ("path", "here"):
        assert len(pairs) == len(files)


@few
@given(st.lists(names, min_size=1, max_size=20, unique=True), st.booleans())
def test_side_files_are_read_for_the_picture_of_their_name(files: list[str], every: bool) -> None:
    keys = Counter(file.rpartition(".")[0] for file in files)
    alone = [file for file in files if keys[file.rpartition(".")[0]] == 1]
    sides = [f"{file.rpartition('.')[0]}.cls" for file in (alone if every else alone[:1])]
    owned, _ = sidecars(files, sides)
    for file, own in zip(files, owned, strict=True):
        exact = f"{file.rpartition('.')[0]}.cls"
        assert exact not in sides or own == [exact]


@few
@given(st.text("abcABC äöüßéèçñåøÄÖÜ", min_size=1, max_size=30))
def test_western_words_survive_every_usual_encoding(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        data = text.encode(encoding)
        lone = all(a.isascii() or b.isascii() for a, b in itertools.pairwise(text))
        if encoding != "cp1252" or (lone and text.islower()):
            assert decode_text(data)[0] == text


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("cp932", ["猫", "犬", "写真"]),
        ("gbk", ["汽车", "飞机"]),
        ("big5", ["貓", "狗"]),
        ("cp949", ["고양이", "개"]),
        ("cp866", ["кошка", "собака"]),
        ("cp1251", ["кошка", "собака"]),
        ("cp437", ["Bär", "Käfer"]),
    ],
)
def test_the_encoding_of_several_names_is_guessed_together(encoding: str, texts: list[str]) -> None:
    assert guess_encoding([text.encode(encoding) for text in texts]) == encoding


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))
documents = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                st.text(max_size=4),
                st.sampled_from(
                    ["images", "annotations", "categories", "labels", "id", "file_name"]
                ),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


coco = st.fixed_dictionaries(
    {"images": documents, "annotations": documents, "categories": documents}
)


@few
@given(st.one_of(documents, coco))
def test_no_json_document_breaks_the_reader(document: object) -> None:
    for row in json_rows(document):
        assert hasattr(row, "items")
    read_table("labels.json", json.dumps(document).encode())


class Nowhere(PictureSource):
    """Files that were named and lie nowhere."""

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        yield from files


@few
@given(st.binary(max_size=200), st.sampled_from(["a.csv", "labels.json", "a.jsonl", "train.txt"]))
def test_no_bytes_break_the_reader_of_tables(data: bytes, name: str) -> None:
    source = Nowhere(Path("nowhere"))
    source.files = [PictureFile(f"{i}.png", 1, 1) for i in range(3)]
    try:
        put_labels(source, {name: lambda: data})
    except DataError:
        return
    assert [file.name for file in source.files] == ["0.png", "1.png", "2.png"]
