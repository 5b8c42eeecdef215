"""What img2dataset writes: pictures with a JSON each, in numbered folders or tars."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from lookalike.errors import SourceError
from lookalike.settings.collect import Columns, ImportSettings
from lookalike.sources.store.collection import read_lines
from lookalike.stages import collect


def _note(number: int, **other: object) -> bytes:
    note = {
        "caption": f"picture {number}",
        "url": f"http://example.com/{number}.jpg",
        "key": f"{number:09d}",
        "status": "success",
        "error_message": None,
        "width": 72,
        "height": 72,
        "original_width": 720,
        "original_height": 720,
        "exif": "{}",
        "sha256": "0" * 64,
        **other,
    }
    return json.dumps(note).encode()


def _members(site, count: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for number in range(count):
        files[f"{number:09d}.jpg"] = site.png(number, form="JPEG")
        files[f"{number:09d}.json"] = _note(number, label="ab"[number % 2])
        files[f"{number:09d}.txt"] = b"picture"
    return files


def _tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def _import(tmp_path: Path, **how: object) -> collect.Collected:
    settings = ImportSettings(to=tmp_path / "out", **how)
    return collect.from_img2dataset(tmp_path / "in", settings)


def test_tars_are_taken_over_with_address_title_and_class(site, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    _tar(tmp_path / "in/00000.tar", _members(site, 3))
    done = _import(tmp_path)
    assert (done.added, done.stopped) == (3, "the source has no more")
    lines = list(read_lines(tmp_path / "out/manifest.jsonl"))
    assert [line["url"] for line in lines] == [f"http://example.com/{i}.jpg" for i in range(3)]
    assert lines[1]["title"] == "picture 1"
    assert str(lines[1]["file"]).startswith("b/")
    assert lines[0]["notes"] == {"shard": "00000.tar"}
    again = _import(tmp_path)
    assert (again.added, again.known) == (0, 3)


def test_folders_are_taken_over_too_and_failures_left(site, tmp_path: Path) -> None:
    part = tmp_path / "in/00000"
    part.mkdir(parents=True)
    for name, data in _members(site, 2).items():
        (part / name).write_bytes(data)
    (part / "000000009.json").write_bytes(_note(9, status="failed_to_download"))
    (part / "000000008.json").write_bytes(b"{torn")
    (part / "000000008.jpg").write_bytes(site.png(8))
    assert _import(tmp_path, columns=Columns(label_column="caption")).added == 2


def test_members_that_are_links_too_large_or_without_a_note_are_left(site, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    files = _members(site, 1)
    files["000000005.jpg"] = site.png(5)
    files["../../escape.jpg"] = site.png(6)
    files["../../escape.json"] = _note(6)
    path = tmp_path / "in/00000.tar"
    _tar(path, files)
    with tarfile.open(path, "a") as archive:
        entry = tarfile.TarInfo("000000007.jpg")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    done = _import(tmp_path)
    assert done.added == 2
    outside = {path.name for path in tmp_path.iterdir()}
    assert outside == {"in", "out"}


def test_no_output_and_a_torn_tar_are_said(site, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(SourceError, match="no output of img2dataset"):
        _import(tmp_path)
    path = tmp_path / "in/00000.tar"
    _tar(path, _members(site, 1))
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(SourceError, match="is damaged"):
        _import(tmp_path)


@pytest.mark.parametrize("counts", [b"{", b"[1]", b'{"count": "x"}', b"[" * 100_000])
def test_damaged_counts_are_said_and_cost_nothing_else(site, tmp_path: Path, counts: bytes) -> None:
    (tmp_path / "in").mkdir()
    _tar(tmp_path / "in/00000.tar", _members(site, 2))
    (tmp_path / "in/00000_stats.json").write_bytes(counts)
    done = _import(tmp_path)
    assert done.added == 2
    assert "00000_stats.json is damaged" in str(done)
