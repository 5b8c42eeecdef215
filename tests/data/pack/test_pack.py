from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.data.pack.label_schema import Schema, SchemaBuilder
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter, write_pack
from lookalike.errors import PackError


def pictures(count: int, size: int = 4, channels: int = 3) -> np.ndarray:
    draw = np.random.default_rng(count)
    return draw.integers(0, 256, (count, size, size, channels), np.uint8)


@settings(deadline=None, max_examples=20)
@given(
    count=st.integers(1, 12),
    size=st.integers(1, 5),
    channels=st.sampled_from([1, 3]),
    per_shard=st.integers(1, 5),
    data=st.data(),
)
def test_what_is_written_is_read_back_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    size: int,
    channels: int,
    per_shard: int,
    data: st.DataObject,
) -> None:
    to = tmp_path_factory.mktemp("round") / "pack"
    wanted = pictures(count, size, channels)
    names = data.draw(st.lists(st.sampled_from(["a", "b", ""]), min_size=count, max_size=count))
    held = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    with PackWriter(
        to, size=size, channels=channels, shard_bytes=per_shard * size * size * channels
    ) as writer:
        for index in range(count):
            writer.append(wanted[index], {"source": f"é{index}", "class": names[index]})
        pack = writer.finish(holdout=held)
    assert len(pack.info["shards"]) == -(-count // per_shard)
    for split, rows in ((pack.train, np.flatnonzero(~held)), (pack.holdout, np.flatnonzero(held))):
        assert np.array_equal(split.all_images(), wanted[rows])
        if len(rows):
            some = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8)), int)
            assert np.array_equal(split.images(some), wanted[rows[some]])
            assert [row["source"] for row in split.rows(some)] == [f"é{i}" for i in rows[some]]
            found = [pack.classes[i] if i >= 0 else "" for i in split.classes(some)]
            several = {"a", "b"} <= set(names)
            assert found == [names[i] if several else "" for i in rows[some]]


def test_labels_are_the_class_and_then_the_attributes(tmp_path: Path) -> None:
    rows = [
        {"class": "cat", "attributes": {"hair": "long", "age": "10", "smiles": "1"}},
        {"class": "dog", "attributes": {"hair": "short", "age": "30", "smiles": "-1"}},
        {"class": "cat", "attributes": {"hair": "long", "age": "20", "smiles": "1"}},
        {"attributes": {"hair": "", "smiles": "-1"}},
    ]
    pack = write_pack(tmp_path / "p", pictures(4), rows=rows, holdout=0)
    assert pack.columns == ("class=cat", "class=dog", "hair=long", "hair=short", "age", "smiles")
    labels = pack.train.labels([0, 1, 2, 3])
    sd = np.std([10, 20, 30])
    assert labels == pytest.approx(
        np.array(
            [
                [1, 0, 1, 0, -10 / sd, 1],
                [0, 1, 0, 1, 10 / sd, 0],
                [1, 0, 1, 0, 0, 1],
                [0, 0, 0, 0, 0, 0],
            ]
        )
    )
    assert pack.train.classes([3, 1]).tolist() == [-1, 1]
    assert Schema.from_list(pack.info["attributes"]).columns == pack.columns[2:]


def test_tags_become_one_column_each_and_names_become_none() -> None:
    builder = SchemaBuilder()
    rows = [{"tags": "red; round", "name": f"n{i}"} for i in range(9)] + [{"tags": "red"}]
    for row in rows:
        builder.see(row)
    schema = builder.done()
    assert schema.columns == ("tags=red", "tags=round")
    assert schema.encode({"tags": "round;blue"}).tolist() == [0.0, 1.0]


def test_the_fingerprint_follows_pixels_labels_and_split(tmp_path: Path) -> None:
    first = write_pack(tmp_path / "a", pictures(9)).fingerprint
    assert write_pack(tmp_path / "b", pictures(9)).fingerprint == first
    other = pictures(9)
    other[3, 0, 0, 0] ^= 1
    assert write_pack(tmp_path / "c", other).fingerprint != first
    assert write_pack(tmp_path / "d", pictures(9), seed=5).fingerprint != first


def test_a_writer_that_fails_leaves_the_old_pack_and_no_remains(tmp_path: Path) -> None:
    old = write_pack(tmp_path / "p", pictures(5))

    def fail_in_the_middle() -> None:
        with PackWriter(old.path, size=4) as writer:
            writer.append(pictures(1)[0], {})
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_in_the_middle()
    assert [one.name for one in tmp_path.iterdir()] == ["p"]
    assert Pack.open(old.path).fingerprint == old.fingerprint


def test_a_folder_that_is_not_a_pack_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_text("precious")
    with pytest.raises(PackError, match="not a pack"):
        write_pack(tmp_path / "photos", pictures(3))
    assert (tmp_path / "photos" / "mine.jpg").read_text() == "precious"


def damage_missing(path: Path) -> None:
    (path / "images-00000.npy").unlink()


def damage_short(path: Path) -> None:
    file = path / "images-00000.npy"
    file.write_bytes(file.read_bytes()[:-1])


def damage_json(path: Path) -> None:
    (path / "pack.json").write_text("{")


def damage_depth(path: Path) -> None:
    (path / "pack.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)


def damage_version(path: Path) -> None:
    info = json.loads((path / "pack.json").read_text())
    (path / "pack.json").write_text(json.dumps(info | {"version": 99}))


def damage_key(path: Path) -> None:
    info = json.loads((path / "pack.json").read_text())
    del info["columns"]
    (path / "pack.json").write_text(json.dumps(info))


def damage_split(path: Path) -> None:
    np.save(path / "train.npy", np.arange(2))


@pytest.mark.parametrize(
    "damage",
    [
        damage_missing,
        damage_short,
        damage_json,
        damage_depth,
        damage_version,
        damage_key,
        damage_split,
    ],
)
def test_a_damaged_pack_is_refused_with_what_to_do(tmp_path: Path, damage) -> None:
    pack = write_pack(tmp_path / "p", pictures(5))
    damage(pack.path)
    with pytest.raises(PackError, match="lookalike prepare"):
        Pack.open(pack.path)


def test_a_missing_pack_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"does not exist.*lookalike prepare"):
        Pack.open(tmp_path / "none")


def test_an_index_outside_the_split_is_an_error(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "p", pictures(10))
    for wrong in (-1, len(pack.train)):
        with pytest.raises(IndexError, match="train split"):
            pack.train.images([wrong])


def test_a_pack_travels_to_another_process(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "p", pictures(5))
    again = pickle.loads(pickle.dumps(pack))
    assert np.array_equal(again.train.all_images(), pack.train.all_images())


def test_a_shard_is_a_standard_npy_file(tmp_path: Path) -> None:
    wanted = pictures(6)
    pack = write_pack(tmp_path / "p", wanted)
    assert np.array_equal(np.load(pack.path / "images-00000.npy"), wanted)


def test_a_pack_is_compared_with_its_fingerprint_once_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write_pack(tmp_path / "p", pictures(10))
    for file in pack.path.glob("*.npy"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
    compared, compare = [], Pack._verify
    monkeypatch.setattr(Pack, "_verify", lambda self: (compared.append(1), compare(self)))
    for _ in range(3):
        Pack.open(pack.path).verified()
    assert len(compared) == 1
    shard = pack.path / "images-00000.npy"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(PackError, match="is damaged"):
        Pack.open(pack.path).verified()


def test_a_damaged_list_of_the_refused_is_called_by_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pack = write_pack(tmp_path / "manifest", pictures(4))
    (pack.path / "refused.jsonl").write_text("{\n")
    assert pack.refused() == []
    assert f"{tmp_path / 'manifest'} is damaged: a line of its refused.jsonl" in caplog.text
