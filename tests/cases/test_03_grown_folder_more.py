"""Pictures came or went since a run was begun: nothing of it changes before it has agreed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from case_tools import QUICK, files_of, fill, lookalike

from lookalike.data.pack.pack import Pack

WORDS = (*QUICK, "--size", "16")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    fill(tmp_path / "in", 20)
    ended = lookalike("start", tmp_path / "in", *WORDS, "--into", tmp_path / "r")
    assert ended.status == 0, ended.err
    return tmp_path / "r"


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--more", "1s")])
def test_a_grown_folder_is_refused_with_the_commands_that_do_it(
    run: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    fill(tmp_path / "in", 6, 500)
    before = files_of(run)
    ended = lookalike("start", tmp_path / "in", *WORDS, "--into", run, *more)
    assert ended.status == 1
    assert "6 new files, 0 gone" in ended.err
    assert files_of(run) == before
    anew, further = (
        shlex.split(ended.err[ended.err.index(text) + len(text) :].splitlines()[0])
        for text in ("on all of them: lookalike ", "of before: lookalike ")
    )
    anew = anew[: anew.index("--into") + 2]
    assert anew[-1].rstrip(".") == f"{run}-2"
    assert lookalike(*anew[:-1], f"{run}-2").status == 0
    pack = json.loads((tmp_path / "r-2/pack/pack.json").read_text())
    assert pack["count"] == 26
    further[further.index("--more") + 1] = "1s"
    ended = lookalike(*further, "--threads", "1", "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["resumed_at"] == 32


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--more", "1s")])
def test_the_command_that_keeps_the_weights_works_as_it_is_printed(
    run: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    fill(tmp_path / "in", 40, 500)
    refused = lookalike("start", tmp_path / "in", *WORDS, "--into", run, *more)
    [line] = [line for line in refused.err.splitlines() if "--begin-with" in line]
    words = shlex.split(line.partition(": lookalike ")[2])
    assert words[-4:] == ["--into", f"{run}-2", "--begin-with", str(run)]
    ended = lookalike(*words, "--threads", "1", "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["trained"]["begun_with"]["images"] == 32
    sides = [
        {row["source"]: row["split"] for row in Pack.open(folder / "pack").manifest()}
        for folder in (run, tmp_path / "r-2")
    ]
    assert len(sides[1]) == 60
    assert {name: sides[1][name] for name in sides[0]} == sides[0]


@pytest.mark.slow
def test_train_prints_a_command_that_works_as_well(tmp_path: Path) -> None:
    fill(tmp_path / "in", 20)
    words = ("train", tmp_path / "in", *QUICK, "--into", tmp_path / "r")
    assert lookalike(*words).status == 0
    fill(tmp_path / "in", 6, 500)
    [line] = [line for line in lookalike(*words).err.splitlines() if "--begin-with" in line]
    ended = lookalike(*shlex.split(line.partition(": lookalike ")[2]), "--threads", "1", "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["begun_with"]["name"] == "r"


@pytest.mark.slow
def test_a_folder_that_lost_pictures_is_refused_as_well(run: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "0000.png").unlink()
    before = files_of(run)
    ended = lookalike("start", tmp_path / "in", *WORDS, "--into", run)
    assert (ended.status, files_of(run)) == (1, before)
    assert "0 new files, 1 gone" in ended.err


@pytest.mark.slow
def test_a_folder_that_is_prepared_for_train_is_held_to_the_same(tmp_path: Path) -> None:
    fill(tmp_path / "in", 20)
    words = ("train", tmp_path / "in", *QUICK, "--into", tmp_path / "r")
    assert lookalike(*words).status == 0
    assert lookalike(*words).status == 0
    fill(tmp_path / "in", 6, 500)
    before = files_of(tmp_path / "r")
    ended = lookalike(*words)
    assert ended.status == 1
    assert "6 new files" in ended.err
    assert files_of(tmp_path / "r") == before


@pytest.mark.slow
def test_settings_that_differ_are_refused_before_anything_is_written(
    run: Path, tmp_path: Path
) -> None:
    before = files_of(run)
    for words in (("--size", "32"), ("--set", "width=4"), ("--recipe", "dcgan")):
        start = ("start", tmp_path / "in", "--threads", "1", "--into", run, "--for", "1s")
        ended = lookalike(*start, *words)
        assert ended.status == 1, words
        assert files_of(run) == before
