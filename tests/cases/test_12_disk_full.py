"""BigGAN-PyTorch #38: a full disk was a traceback, and hidden leftovers kept it full."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases.inputs import fill, prepared

from lookalike import errors
from lookalike.data.pack import Pack, PackWriter
from lookalike.data.pack.atomic_folder import beside, discard
from lookalike.errors import DiskError

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is full")


@needs_full
@pytest.mark.parametrize("file", ["images-00000.npy", "rows.jsonl", "pack.json"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    folder = fill(tmp_path / "in", 200)
    plain: Callable[..., Any] = Path.open

    def full(path: Path, *words: Any, **settings: Any) -> Any:
        place = FULL if path.name == file else path
        return plain(place, *words, **settings)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DiskError, match=r"in\.pack cannot be used: the disk is full\. Free some"):
        prepared(folder)
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


def test_an_old_pack_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / "in", 20)
    first = prepared(folder)
    fill(folder, 5, 100)

    def broken(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PackWriter, "_labels", broken)
    with pytest.raises(DiskError, match="disk is full"):
        prepared(folder)
    assert Pack.open(first.path).count == 20
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in", "in.pack"]


@pytest.mark.skipif(os.name != "posix", reason="needs locks on folders")
def test_what_a_killed_process_left_is_gone_at_the_next_call_and_what_it_moved_is_back(
    tmp_path: Path,
) -> None:
    folder = fill(tmp_path / "in", 20)
    first = prepared(folder)
    (tmp_path / ".in.pack.dead.part").mkdir()
    (tmp_path / ".in.pack.dead.part" / "images").write_bytes(bytes(10))
    (tmp_path / ".in.pack.dead.old").mkdir()
    first.path.rename(tmp_path / ".in.pack.dead.old" / "it")
    alive = beside(first.path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["in", "in.pack", alive.name])
    assert prepared(folder).unchanged
    assert alive.is_dir(), "a folder that somebody writes to is left alone"
    discard(alive)
    assert not alive.exists()


def test_what_the_system_says_becomes_place_cause_and_cure() -> None:
    for number, cause in ((30, "only be read"), (13, "no right"), (36, "too long"), (28, "full")):
        words = str(errors.disk_error(OSError(number, "system"), "here"))
        assert words.startswith("here cannot be used: ")
        assert cause in words
