"""Reports of img2dataset's users, rebuilt small: #358, #452 and #174."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from case_tools import png

from lookalike.settings.collect import ImportSettings
from lookalike.stages.collect import Collected, from_img2dataset


def _shard(path: Path, numbers: range) -> None:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for number in numbers:
            note = {"url": f"http://example.com/{number}.png", "status": "success"}
            for ending, data in (("png", png(number, 72)), ("json", json.dumps(note).encode())):
                entry = tarfile.TarInfo(f"{number:09d}.{ending}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))


def _import(tmp_path: Path) -> Collected:
    return from_img2dataset(tmp_path / "in", ImportSettings(to=tmp_path / "out"))


def test_a_shard_that_is_cut_off_anywhere_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    """358: the disk was full. A cut between two members looks like the end to ``tarfile``."""
    torn = tmp_path / "in" / "00000.tar"
    _shard(torn, range(6))
    whole = torn.read_bytes()
    _shard(tmp_path / "in" / "00001.tar", range(6, 12))
    for length in (300, 512, 2048, 2100, 5000, len(whole) // 2, 9 * 1024):
        torn.write_bytes(whole[:length])
        done = _import(tmp_path)
        assert done.holds + done.refused.get("broken picture", 0) >= 6
        assert [note for note in done.notes if "00000.tar is damaged" in note], length
    torn.write_bytes(whole)
    done = _import(tmp_path)
    assert (done.holds, done.notes) == (12, ())


def test_shards_without_statistics_and_gaps_in_their_numbers_are_read(tmp_path: Path) -> None:
    """174: a shard is missing; the one that img2dataset did not end is named."""
    for shard in (0, 2):
        _shard(tmp_path / "in" / f"{shard:05d}.tar", range(shard * 3, shard * 3 + 3))
    (tmp_path / "in" / "00000_stats.json").write_text('{"count": 3, "successes": 3}')
    done = _import(tmp_path)
    assert done.added == 6
    assert len(done.notes) == 1
    assert "stopped before it ended 00002.tar" in done.notes[0]


def test_what_img2dataset_could_not_fetch_is_said_with_its_reasons(tmp_path: Path) -> None:
    """452: the names could not be resolved, and nobody said so."""
    _shard(tmp_path / "in" / "00000.tar", range(6))
    counts = {"success": 6, "timed out": 3, "HTTP Error 404": 1}
    told = {"count": 10, "successes": 6, "failed_to_download": 4, "status_dict": counts}
    (tmp_path / "in" / "00000_stats.json").write_text(json.dumps(told))
    assert _import(tmp_path).notes == (
        "img2dataset could not fetch 4 of 10 addresses (timed out 3, HTTP Error 404 1)",
    )


def test_files_that_give_no_picture_are_counted_by_reason(tmp_path: Path) -> None:
    part = tmp_path / "in" / "00000"
    part.mkdir(parents=True)
    for number in range(5):
        (part / f"{number}.jpg").write_bytes(png(number, 72))
    notes = {0: {"url": "http://e.com/0"}, 1: {"url": "", "x": 1}, 2: {"status": "failed"}}
    for number, note in {**notes, 9: {"status": "failed_to_download"}}.items():
        (part / f"{number}.json").write_text(json.dumps(note))
    (part / "3.json").write_text("{torn")
    done = _import(tmp_path)
    assert done.added == 1
    assert done.refused == {
        "no JSON beside it, or a broken one": 2,
        "not fetched by img2dataset": 2,
        "no address": 1,
    }
