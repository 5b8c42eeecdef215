import csv
import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike import images
from lookalike.errors import SourceError
from lookalike.settings.collect import Manners, SetSettings
from lookalike.sources.sets import members, public_sets
from lookalike.sources.store.collection import read_lines
from lookalike.stages import collect

FASHION = Path("/usr/share/datasets/fashion-mnist")


def _idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


def _mnist(folder: Path, count: int = 5) -> dict[str, bytes]:
    """A tiny set in MNIST's four files: picture i is all i, label i modulo 3."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, part in enumerate(("train", "t10k")):
        size = count - 3 * number
        values = np.arange(size, dtype=np.uint8) + 100 * number
        pictures = np.broadcast_to(values[:, None, None], (size, 28, 28))
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(_idx(np.ascontiguousarray(pictures)))
        labels = np.arange(size, dtype=np.uint8) % 3
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(_idx(labels))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files


def _lines(folder: Path) -> list[dict[str, object]]:
    return list(read_lines(folder / "manifest.jsonl"))


def _take(name: str, tmp_path: Path, **how: object) -> collect.Collected:
    given = {"to": tmp_path / "out", "files": tmp_path / "in", "trust": True, **how}
    return collect.public_set(name, SetSettings(**given))


def test_idx_files_become_pictures_in_class_folders(tmp_path: Path) -> None:
    _mnist(tmp_path / "in")
    done = _take("mnist", tmp_path)
    assert (done.added, done.holds) == (7, 7)
    lines = {str(line["file"]): line for line in _lines(tmp_path / "out")}
    assert set(lines) == {
        "0/train-00000.png",
        "1/train-00001.png",
        "2/train-00002.png",
        "0/train-00003.png",
        "1/train-00004.png",
        "0/test-00000.png",
        "1/test-00001.png",
    }
    four = images.read(tmp_path / "out/1/train-00004.png", channels=1)
    assert four.shape == (28, 28, 1)
    assert (four == 4).all()
    line = lines["1/train-00004.png"]
    assert (line["label"], line["notes"], line["source"]) == ("1", {"part": "train"}, "set:mnist")
    data = (tmp_path / "out/1/train-00004.png").read_bytes()
    assert line["sha256"] == hashlib.sha256(data).hexdigest()
    again = _take("mnist", tmp_path)
    assert (again.added, again.known) == (0, 7)


def test_a_part_and_a_count_can_be_chosen(tmp_path: Path) -> None:
    _mnist(tmp_path / "in")
    test = _take("mnist", tmp_path, part="test")
    assert test.added == 2
    assert _take("mnist", tmp_path, to=tmp_path / "few", count=3).added == 3
    assert _take("mnist", tmp_path, to=tmp_path / "few", count=4).added == 1
    with pytest.raises(SourceError, match="no part 'valid'"):
        _take("mnist", tmp_path, to=tmp_path / "none", part="valid")


def test_a_set_keeps_two_members_with_the_same_bytes(tmp_path: Path) -> None:
    files = _mnist(tmp_path / "in")
    twice = np.zeros((5, 28, 28), np.uint8)
    assert "train-images-idx3-ubyte.gz" in files
    (tmp_path / "in/train-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(twice)))
    assert _take("mnist", tmp_path, part="train").added == 5


def test_other_bytes_than_the_published_are_refused_with_both_sums(tmp_path: Path) -> None:
    files = _mnist(tmp_path / "in")
    found = hashlib.md5(files["train-images-idx3-ubyte.gz"]).hexdigest()
    with pytest.raises(SourceError, match=f"{found}.*f68b3c2dcbeaaa9fbdd348bbdeb94873.*--trust"):
        _take("mnist", tmp_path, trust=False)
    assert not (tmp_path / "out/manifest.jsonl").exists()
    trusted = _take("mnist", tmp_path)
    assert any("taken on trust" in note for note in trusted.notes)


def test_the_sum_of_the_contents_counts_too_however_they_were_packed(tmp_path: Path) -> None:
    plain = b"contents"
    piece = public_sets.Piece(file="a-ubyte.gz", md5=(hashlib.md5(plain).hexdigest(),), most=1000)
    public = replace(public_sets.MNIST, pieces=(piece,))
    for level in (1, 9):
        path = tmp_path / "a-ubyte.gz"
        path.write_bytes(gzip.compress(plain, level))
        assert public_sets.verify(public, {piece.file: path}, trust=False) == []
    bare = tmp_path / "a-ubyte"
    bare.write_bytes(plain)
    assert public_sets.verify(public, {piece.file: bare}, trust=False) == []


def test_published_sums_are_whole_md5_sums_and_no_two_files_share_one() -> None:
    sums = [
        md5 for public in public_sets.SETS.values() for piece in public.pieces for md5 in piece.md5
    ]
    assert all(len(md5) == 32 and set(md5) <= set("0123456789abcdef") for md5 in sums)
    assert len(set(sums)) == len(sums)


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_debians_fashion_mnist_is_the_published_one(tmp_path: Path) -> None:
    done = _take("fashion-mnist", tmp_path, files=FASHION, trust=False, count=12)
    assert done.added == 12
    assert not any("trust" in note for note in done.notes)
    first = _lines(tmp_path / "out")[0]
    assert (first["label"], first["file"]) == ("ankle-boot", "ankle-boot/train-00000.png")


def test_files_are_found_in_subfolders_unpacked_and_with_dots(tmp_path: Path) -> None:
    files = _mnist(tmp_path / "x")
    place = tmp_path / "in" / "MNIST" / "raw"
    place.mkdir(parents=True)
    for name, data in files.items():
        spelled = name.removesuffix(".gz").replace("-idx", ".idx")
        (place / spelled).write_bytes(gzip.decompress(data))
    assert _take("mnist", tmp_path).added == 7


def test_a_missing_file_is_named_with_the_place_to_get_it(tmp_path: Path) -> None:
    _mnist(tmp_path / "in")
    (tmp_path / "in/t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(SourceError, match=r"lacks t10k-labels.*yann\.lecun\.com"):
        _take("mnist", tmp_path)
    with pytest.raises(SourceError, match=r"--files FOLDER.*--mirror URL"):
        _take("mnist", tmp_path, files=None)
    with pytest.raises(SourceError, match="there are celeba, cifar10"):
        _take("imagenet", tmp_path)


def test_a_mirror_is_read_checked_and_continued(site, quick: Manners, tmp_path: Path) -> None:
    files = _mnist(tmp_path / "server")
    for name, data in files.items():
        site.put(f"/sets/{name}", data, "application/gzip")
    name = "train-images-idx3-ubyte.gz"
    data = files[name]
    begun = tmp_path / f"out/.collect/sets/mnist/{name}.part"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(data[:10])
    site.put(f"/sets/{name}", data[10:], "application/gzip", status=206)
    mirror = {"files": None, "mirror": site.url("/sets/"), "manners": quick}
    assert _take("mnist", tmp_path, **mirror).added == 7
    assert begun.with_suffix("").read_bytes() == data
    asked = len(site.asked)
    assert _take("mnist", tmp_path, **mirror).known == 7
    assert len(site.asked) == asked


def _jpeg(value: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (178, 218), (value, value, value)).save(buffer, "JPEG")
    return buffer.getvalue()


def _celeba(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for value, name in enumerate(names):
            archive.writestr(name, _jpeg(value))
    rows = [f"{number:06d}.jpg  1 -1  1" for number in range(1, 4)]
    table = ["3", "Smiling Male Young", *rows]
    (folder / "list_attr_celeba.txt").write_text("\n".join(table) + "\n")
    parts = "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n"
    (folder / "list_eval_partition.txt").write_text(parts)


def test_celeba_comes_with_its_attributes_and_parts(tmp_path: Path) -> None:
    names = ["img_align_celeba/", *(f"img_align_celeba/00000{i}.jpg" for i in (1, 2, 3))]
    _celeba(tmp_path / "in", names)
    done = _take("celeba", tmp_path)
    assert done.added == 3
    with (tmp_path / "out/attributes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"file": "000001.jpg", "Smiling": "1", "Male": "0", "Young": "1"}
    assert [row["file"] for row in rows] == ["000001.jpg", "000002.jpg", "000003.jpg"]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jpg")) == [
        row["file"] for row in rows
    ]
    _take("celeba", tmp_path)
    assert len((tmp_path / "out/attributes.csv").read_text().splitlines()) == 4
    train = _take("celeba", tmp_path, to=tmp_path / "t", part="train")
    assert train.added == 1


@pytest.mark.parametrize(
    "evil",
    [
        "../000009.jpg",
        "/etc/000009.jpg",
        "..\\..\\000009.jpg",
        "img_align_celeba/../../000009.jpg",
        "img_align_celeba/000009.jpg:stream",
        "img_align_celeba/evil.sh",
        "C:000009.jpg",
    ],
)
def test_names_in_an_archive_are_never_places(evil: str, tmp_path: Path) -> None:
    _celeba(tmp_path / "in", ["img_align_celeba/000001.jpg", evil])
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    done = _take("celeba", tmp_path)
    assert {path for path in tmp_path.rglob("*") if "out" not in path.parts} == before
    kept = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert kept <= {
        "000001.jpg",
        "000009.jpg",
        "manifest.jsonl",
        "attributes.csv",
        "lock",
        "refused.jsonl",
    }
    assert done.added <= 2


def test_a_member_that_unfolds_too_far_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/img_align_celeba.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("000001.jpg", bytes(members.MOST_MEMBER + 10))
    with pytest.raises(SourceError, match=r"more than \d+ MB when it is unpacked"):
        _take("celeba", tmp_path)


def _tar(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = kind, target
                archive.addfile(entry)


def test_lfw_keeps_the_person_as_title_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    files = {
        "lfw-deepfunneled/Ann_Veneman/Ann_Veneman_0001.jpg": _jpeg(1),
        "../../Bob_X_0002.jpg": _jpeg(2),
        "lfw-deepfunneled/readme.txt": b"x",
    }
    links = {"lfw-deepfunneled/Eve_Y_0001.jpg": "/etc/passwd"}
    _tar(tmp_path / "in/lfw-deepfunneled.tgz", files, links)
    done = _take("lfw", tmp_path)
    assert done.added == 2
    titles = {str(line["file"]): line["title"] for line in _lines(tmp_path / "out")}
    assert titles == {"ann-veneman-0001.jpg": "Ann Veneman", "bob-x-0002.jpg": "Bob X"}


def test_cifar_rows_are_planes_of_red_green_and_blue(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    planes = np.stack([np.full((32, 32), value, np.uint8) for value in (250, 120, 3)])
    row = bytes([9]) + planes.tobytes()
    files = {
        "cifar-10-batches-bin/data_batch_2.bin": row * 2,
        "cifar-10-batches-bin/test_batch.bin": row,
    }
    _tar(tmp_path / "in/cifar-10-binary.tar.gz", files)
    assert _take("cifar10", tmp_path).added == 3
    picture = images.read(tmp_path / "out/truck/train-2-00001.png")
    assert picture[5, 7].tolist() == [250, 120, 3]
    assert (tmp_path / "out/truck/test-00000.png").is_file()
