from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.data.readers.idx import read_idx
from lookalike.data.readers.layout import arrange
from lookalike.data.readers.open import open_source
from lookalike.errors import DataError, NoImagesError
from lookalike.settings.data import PrepareSettings
from lookalike.stages.export import FORMS, export_pack
from lookalike.stages.prepare import prepare

Photos = Callable[..., Path]


def add(archive: tarfile.TarFile, name: str, data: bytes, kind: bytes = tarfile.REGTYPE) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data) if kind == tarfile.REGTYPE else 0
    info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    archive.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_is_read_in_place_and_its_links_and_devices_are_refused(
    tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "evil.tar"
    kinds = {"sym.png": tarfile.SYMTYPE, "hard.png": tarfile.LNKTYPE, "dev.png": tarfile.CHRTYPE}
    with tarfile.open(path, mode) as archive:
        add(archive, "cat/b.png", b"b")
        add(archive, "../../dog/a.png", b"a")
        add(archive, "/abs/c.png", b"c")
        add(archive, "cat/b.png", b"again")
        for name, kind in kinds.items():
            add(archive, name, b"", kind)
    found = open_source(path)
    read = {one.name: one.read() for one in found.loaded(found.files)}
    assert read == {"cat/b.png": b"b", "../../dog/a.png": b"a", "/abs/c.png": b"c"}
    assert {name for name, _ in found.refused} == {"cat/b.png", *kinds}
    assert [one.name for one in tmp_path.iterdir()] == ["evil.tar"]


def test_a_tar_that_ends_in_the_middle_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "cut.tar"
    with tarfile.open(path, "w") as archive:
        for index in range(4):
            add(archive, f"{index}.png", bytes([index]) * 5000)
    path.write_bytes(path.read_bytes()[:12000])
    found = open_source(path)
    read = [one.name for one in found.loaded(found.files) if len(one.read()) == 5000]
    assert read[:1] == ["0.png"]
    assert len(read) < 4


def test_labels_beside_the_pictures_of_a_webdataset_are_read(tmp_path: Path) -> None:
    for shard in range(2):
        with tarfile.open(tmp_path / f"set-{shard:05d}.tar", "w") as archive:
            add(archive, f"{shard}.jpg", b"x")
            add(archive, f"{shard}.cls", b"cat")
            add(archive, f"{shard}.json", json.dumps({"age": shard, "tags": ["a", "b"]}).encode())
    first, second = open_source(tmp_path).files
    assert (first.name, first.class_name) == ("set-00000/0.jpg", "cat")
    assert second.attributes == {"age": "1", "tags": "a;b"}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_list_of_files_gives_pictures_with_labels(
    photos: Photos, tmp_path: Path, kind: str
) -> None:
    folder = photos(20)
    rows = [
        {"file": f"photos/{i:03d}.png", "label": "ab"[i % 2], "hair": f"h{i % 3}"}
        for i in range(20)
    ]
    rows += [
        {"file": "photos/gone.png", "label": "a", "hair": "h0"},
        {"file": "https://example.org/x.png", "label": "a", "hair": "h0"},
    ]
    path = tmp_path / f"list.{kind}"
    if kind == "csv":
        path.write_text("file,label,hair\n" + "\n".join(",".join(r.values()) for r in rows))
    elif kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        arrow = pytest.importorskip("pyarrow")
        parquet.write_table(arrow.Table.from_pylist(rows), path)
    done = prepare(path, tmp_path / "pack", PrepareSettings(size=16, workers=0))
    assert (done.count, done.class_counts, done.refused) == (20, {"a": 10, "b": 10}, 2)
    assert done.columns[2:] == ("hair=h0", "hair=h1", "hair=h2")
    assert {name for name, _ in done.refusals} == {"photos/gone.png", "https://example.org/x.png"}
    assert folder.exists()


def test_a_list_that_names_no_files_says_which_column_it_needs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,age\nx,1\n")
    (tmp_path / "b.jsonl").write_text('{"name": "x"}\n')
    (tmp_path / "c.jsonl").write_text("{broken\n")
    for name in ("a.csv", "b.jsonl"):
        with pytest.raises(DataError, match="Call one of them 'file'"):
            open_source(tmp_path / name)
    with pytest.raises(DataError, match="line 1"):
        open_source(tmp_path / "c.jsonl")
    (tmp_path / "d.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        open_source(tmp_path / "d.parquet")


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()


def write_idx(folder: Path, count: int = 20) -> np.ndarray:
    folder.mkdir()
    pictures = np.random.default_rng(0).integers(0, 256, (count, 12, 12), np.uint8)
    labels = (np.arange(count) % 2).astype(np.uint8)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures)))
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return pictures


def test_idx_files_become_grey_pictures_with_their_labels(tmp_path: Path) -> None:
    pictures = write_idx(tmp_path / "mnist")
    done = prepare(
        tmp_path / "mnist",
        tmp_path / "pack",
        PrepareSettings(size=12, grey=True, workers=0, holdout=0),
    )
    pack = Pack.open(done.path)
    assert np.array_equal(pack.train.all_images()[..., 0], pictures)
    assert done.class_counts == {"0": 10, "1": 10}
    write_idx(tmp_path / "fashion-mnist")
    assert open_source(tmp_path / "fashion-mnist").files[1].class_name == "Trouser"


def test_a_damaged_idx_file_is_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist")
    (tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\1\0"))
    with pytest.raises(DataError, match="idx"):
        open_source(tmp_path / "mnist")


def test_an_idx_file_that_unpacks_to_more_than_the_limit_is_not_read(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist")
    file = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    assert read_idx(file, 3, limit=16 + 20 * 144).shape == (20, 12, 12)
    with pytest.raises(DataError, match="more than 2895 bytes when it is unpacked"):
        read_idx(file, 3, limit=15 + 20 * 144)
    file.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12))
    with pytest.raises(DataError, match="holds 0 bytes"):
        read_idx(file, 3)


def test_celebas_own_files_give_forty_flags(photos: Photos, tmp_path: Path) -> None:
    folder = photos(20, under="img_align_celeba")
    lines = [f"{i:03d}.png {'1' if i % 2 else '-1'} -1" for i in range(20)]
    lines[3] = lines[3][:-2] + "1"
    (folder / "list_attr_celeba.txt").write_text("20\nSmiling Young\n" + "\n".join(lines) + "\n")
    done = prepare(folder, tmp_path / "pack", PrepareSettings(size=16, workers=0, holdout=0))
    assert done.columns == ("Smiling", "Young")
    labels = Pack.open(done.path).train.labels(np.arange(20))
    assert labels.sum(0).tolist() == [10, 1]
    assert done.class_counts == {}


def test_celebas_parts_are_noted_and_are_no_label(photos: Photos, tmp_path: Path) -> None:
    folder = photos(20, under="img_align_celeba")
    names = [f"{i:03d}.png" for i in range(20)]
    attributes = "\n".join(f"{name} {(-1) ** i}" for i, name in enumerate(names))
    (folder / "list_attr_celeba.txt").write_text(f"20\nSmiling\n{attributes}\n")
    parts = "\n".join(f"{name} {i // 8}" for i, name in enumerate(names))
    (folder / "list_eval_partition.txt").write_text(parts + "\n")
    done = prepare(folder, tmp_path / "pack", PrepareSettings(size=16, workers=0))
    assert done.columns == ("Smiling",)
    noted = [row["part"] for row in Pack.open(done.path).manifest()]
    assert noted == ["train"] * 8 + ["valid"] * 8 + ["test"] * 4


def test_a_tar_of_one_folder_gives_its_classes_and_its_table(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(20, name="set", under="a")
    photos(20, name="set", under="b", first=20)
    (folder / "attributes.csv").write_text(
        "file,age\n" + "".join(f"{i:03d}.png,{i}\n" for i in range(40))
    )
    with tarfile.open(tmp_path / "set.tgz", "w:gz") as archive:
        archive.add(folder, "set")
    done = prepare(tmp_path / "set.tgz", tmp_path / "pack", PrepareSettings(size=16, workers=0))
    assert (done.count, done.class_counts) == (40, {"a": 20, "b": 20})
    assert done.columns == ("class=a", "class=b", "age")


def test_shards_without_labels_are_no_classes(photos: Photos, tmp_path: Path) -> None:
    folder = photos(20)
    (tmp_path / "shards").mkdir()
    for shard in range(2):
        with tarfile.open(tmp_path / "shards" / f"part-{shard:05d}.tar", "w") as archive:
            for index in range(shard * 10, shard * 10 + 10):
                archive.add(folder / f"{index:03d}.png", f"{index:03d}.png")
    settings = PrepareSettings(size=16, workers=0)
    assert prepare(tmp_path / "shards", tmp_path / "pack", settings).class_counts == {}


def test_a_folder_that_holds_all_others_is_passed_over() -> None:
    assert arrange(["set/a/1.png", "set/b/2.png"]).classes == ["a", "b"]
    assert arrange(["set/train/a/1.png", "set/test/b/2.png"]).classes == ["a", "b"]
    assert arrange(["set/a/1.png", "set/a/2.png"]).classes == ["", ""]


def test_split_folders_of_an_imagefolder_are_no_classes() -> None:
    assert arrange(["train/a/1.png", "test/b/2.png"]).classes == ["a", "b"]
    assert arrange(["train/1.png", "test/2.png"]).classes == ["", ""]


@pytest.mark.parametrize("form", FORMS)
def test_an_exported_pack_prepares_to_the_same_pictures_and_labels(
    tmp_path: Path, form: str
) -> None:
    draw = np.random.default_rng(0)
    with PackWriter(tmp_path / "one", size=16) as writer:
        for i in range(30):
            row = {"class": "ab"[i % 2], "attributes": {"hair": f"h{i % 3}", "age": str(i)}}
            writer.append(draw.integers(0, 256, (16, 16, 3), np.uint8), row)
        one = writer.finish(holdout=np.arange(30) % 5 == 0, info={"licence": "mine"})
    done = export_pack(one, tmp_path / "out", form)
    assert done.count == 30
    again = prepare(done.path, tmp_path / "two", PrepareSettings(size=16, workers=0, holdout=0))
    two = Pack.open(again.path)

    def content(pack: Pack, split_names: tuple[str, ...]) -> set[tuple[bytes, str, str, str]]:
        splits = {"train": pack.train, "holdout": pack.holdout}
        return {
            (split.images([i])[0].tobytes(), row["class"], *row["attributes"].values())
            for split in (splits[name] for name in split_names)
            for i, row in enumerate(split.rows(np.arange(len(split))))
        }

    assert content(two, ("train",)) == content(one, ("train", "holdout"))
    assert (done.path / "LICENCE.txt").read_text() == "mine"


def test_changed_copies_are_not_exported(photos: Photos, tmp_path: Path) -> None:
    settings = PrepareSettings(size=8, workers=0, augment=("fliph",))
    pack = Pack.open(prepare(photos(20), tmp_path / "p", settings).path)
    assert (pack.count, export_pack(pack, tmp_path / "out").count) == (38, 20)


@pytest.mark.parametrize("packed", [False, True])
def test_the_metadata_of_an_imagefolder_is_read_as_lines_of_json(
    photos: Photos, tmp_path: Path, packed: bool
) -> None:
    for split, first in (("train", 0), ("test", 20)):
        folder = photos(20, name="set", under=split, first=first)
        rows = [
            {"file_name": f"{i:03d}.png", "label": i % 2, "age": i, "boxes": [[1, 2]]}
            for i in range(first, first + 20)
        ]
        lines = "\n".join(map(json.dumps, rows))
        (folder / split / "metadata.jsonl").write_text(lines + "\n\n")
    source = Path(shutil.make_archive(str(tmp_path / "set"), "zip", folder)) if packed else folder
    done = prepare(source, tmp_path / "pack", PrepareSettings(size=16, workers=0))
    assert (done.count, done.class_counts) == (40, {"0": 20, "1": 20})
    assert done.columns == ("class=0", "class=1", "age")
    assert done.refused == 0
    (folder / "train" / "metadata.jsonl").write_text("{torn")
    with pytest.raises(DataError, match=r"line 1 of train/metadata\.jsonl is no JSON"):
        prepare(folder, tmp_path / "other", PrepareSettings(size=16, workers=0))


def test_a_folder_of_parquet_files_is_one_set(photos: Photos, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    folder = photos(20)
    (tmp_path / "set" / "data").mkdir(parents=True)
    (tmp_path / "set" / "README.md").write_text("about")
    for shard in range(2):
        rows = [
            {"image": {"bytes": (folder / f"{i:03d}.png").read_bytes(), "path": ""}, "label": i % 2}
            for i in range(10 * shard, 10 * shard + 10)
        ]
        place = tmp_path / "set" / "data" / f"train-{shard:05d}-of-00002.parquet"
        parquet.write_table(arrow.Table.from_pylist(rows), place)
    shutil.copytree(tmp_path / "set" / "data", tmp_path / "flat")
    for source in (tmp_path / "set", tmp_path / "flat"):
        done = prepare(source, tmp_path / f"{source.name}.pack", PrepareSettings(size=8, workers=0))
        assert (done.count, done.class_counts) == (20, {"0": 10, "1": 10})
        assert Pack.open(done.path).manifest_line(10)["source"] == "train-00001-of-00002/000000000"
    names = arrow.Table.from_pylist([{"file": "a.png"}])
    parquet.write_table(names, tmp_path / "flat" / "list.parquet")
    with pytest.raises(DataError, match=r"list\.parquet in .* has no column with the bytes"):
        open_source(tmp_path / "flat")


def test_exporting_over_something_or_in_an_unknown_form_is_refused(
    photos: Photos, tmp_path: Path
) -> None:
    pack = Pack.open(prepare(photos(20), tmp_path / "p", PrepareSettings(size=8, workers=0)).path)
    with pytest.raises(DataError, match="imagefolder, webdataset, parquet"):
        export_pack(pack, tmp_path / "out", "floppy")
    with pytest.raises(DataError, match="not empty"):
        export_pack(pack, tmp_path / "photos")


def test_a_file_that_is_no_archive_names_what_would_do(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "one.png")
    with pytest.raises(NoImagesError, match="zip or tar"):
        open_source(tmp_path / "one.png")
