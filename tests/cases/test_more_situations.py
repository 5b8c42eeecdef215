"""Runs, disks and commands as people meet them, tried by hand (docs/log.md has the list)."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from case_tools import QUICK, classes, fill, lookalike, png, prepared

from lookalike import api
from lookalike.data import demo
from lookalike.errors import DataError, LookalikeError, NoImagesError, StorageError

SMALL = (*QUICK, "--size", "16")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_start_on_the_pack_of_a_run_continues_that_run(home: Path) -> None:
    fill(home / "pics", 20)
    assert lookalike("start", "pics", *SMALL).status == 0
    again = json.loads(lookalike("start", "runs/pics/pack", *QUICK, "--json").out)
    assert (again["trained"]["run"], again["trained"]["resumed_at"]) == ("runs/pics", 32)
    assert [run.name for run in (home / "runs").iterdir()] == ["pics"]


def test_a_folder_of_which_nothing_was_taken_is_said_to_be_no_class(home: Path) -> None:
    for number, name in enumerate(("cats", "dogs")):
        fill(home / "in" / name, 10, first=20 * number)
    (home / "in" / "birds").mkdir()
    for number in range(4):
        (home / "in" / "birds" / f"{number}.png").write_bytes(b"no picture")
    done = prepared(home / "in")
    assert done.class_counts == {"cats": 10, "dogs": 10}
    assert "No picture of birds could be taken." in done.found


@pytest.mark.parametrize("threads", ["-1", "1000000"])
def test_a_number_of_threads_that_cannot_be_is_refused(home: Path, threads: str) -> None:
    fill(home / "in", 20)
    ended = lookalike("start", "in", "--threads", threads)
    assert (ended.status, "--threads is" in ended.err) == (1, True)
    assert not (home / "runs").exists()


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_an_archive_that_is_cut_off_is_called_so(home: Path, suffix: str) -> None:
    archive = home / f"a{suffix}"
    archive.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(LookalikeError, match=f"(?s)cannot be read as a {suffix[1:4]} .* download"):
        prepared(archive)


def test_one_picture_is_no_set(home: Path) -> None:
    with pytest.raises(NoImagesError, match=r"is one picture .* Name a folder of pictures"):
        prepared(fill(home / "in", 1) / "0000.png")


def test_suffixes_in_capitals_belong_to_their_pictures(home: Path) -> None:
    with zipfile.ZipFile(home / "a.zip", "w") as archive:
        for number in range(20):
            archive.writestr(f"{number:04d}.PNG", png(number))
            archive.writestr(f"{number:04d}.CLS", "cat" if number % 2 else "dog")
    assert set(classes(prepared(home / "a.zip")).values()) == {"cat", "dog"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["recipes"], ["show", "nope", "--json"]])
def test_output_to_a_full_disk_ends_in_a_sentence(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from lookalike.cli.main import main

    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(words)
    assert ended.value.code == 1
    assert "Error: " in capfd.readouterr().err


@pytest.mark.slow
def test_demo_data_on_a_full_disk_names_the_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dicebear")
    pytest.importorskip("resvg_py")

    def refuse(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(demo.Path, "write_bytes", refuse)
    with pytest.raises(StorageError, match=r"^faces could not be .* the disk is full"):
        api.demo_data("faces", count=4)
    assert list(home.iterdir()) == []


def test_transform_on_a_full_disk_names_the_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.stages import transform

    def refuse(part: Path, place: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    fill(home / "in", 2)
    monkeypatch.setattr(transform.os, "replace", refuse)
    done = api.transform("in", "fliph", to=Path("out"), workers=0)
    assert len(done.errors) == 2
    assert "out/0000__fliph.png could not be" in done.errors[0][1]
    assert "the disk is full" in done.errors[0][1]
    shutil.rmtree("out")


@pytest.mark.slow
def test_closed_streams_do_not_stop_the_work(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lookalike.cli.main import main

    fill(home / "in", 20)
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    main(["prepare", "in", "--to", "p", "--size", "16"])
    assert (home / "p" / "pack.json").is_file()


def test_parts_in_the_names_of_class_folders_are_parts(tmp_path: Path) -> None:
    for number, name in enumerate(("trainA", "trainB", "testA", "testB")):
        fill(tmp_path / "cycle" / name, 8, first=20 * number)
    assert prepared(tmp_path / "cycle").class_counts == {"A": 16, "B": 16}
    for number, name in enumerate(("train_cats", "train_dogs", "test_cats", "test_dogs")):
        fill(tmp_path / "flat" / name, 8, first=20 * number)
    done = prepared(tmp_path / "flat")
    assert done.class_counts == {"cats": 16, "dogs": 16}
    assert "2 classes from folders: cats, dogs." in done.found


def test_folds_are_parts_and_the_folders_in_them_classes(tmp_path: Path) -> None:
    for fold in range(3):
        for number, name in enumerate("ab"):
            fill(tmp_path / "in" / f"fold{fold}" / name, 6, first=100 * fold + 20 * number)
    done = prepared(tmp_path / "in")
    assert done.class_counts == {"a": 18, "b": 18}
    assert "fold0, fold1, fold2 are parts of the set and no class." in done.found


@pytest.mark.slow
def test_numbers_in_python_may_be_text_or_of_numpy(tmp_path: Path) -> None:
    fill(tmp_path / "in", 20)
    for number, size in enumerate(("32", np.int64(32), 32.0)):
        assert api.prepare(tmp_path / "in", tmp_path / f"p{number}", size=size).size == 32
    for wrong in ("big", 32.5, [3]):
        with pytest.raises(DataError, match=r"size is .*, and a whole number is wanted"):
            api.prepare(tmp_path / "in", tmp_path / "p", size=wrong)
    with pytest.raises(DataError, match="True or False is wanted"):
        api.prepare(tmp_path / "in", tmp_path / "p", grey="no")
    with pytest.raises(LookalikeError, match="one by one"):
        api.prepare(tmp_path / "in", tmp_path / "p", {"size": 32})
    for place in (5, None, b"in"):
        with pytest.raises(DataError, match="is no path"):
            api.prepare(place, tmp_path / "p")
