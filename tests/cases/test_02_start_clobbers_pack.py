"""Two sources of one default name: no pack is replaced by that of another source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from case_tools import QUICK, files_of, fill, lookalike

WORDS = (*QUICK, "--size", "16")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def source_of(run: Path) -> str:
    return Path(json.loads((run / "pack/pack.json").read_text())["plan"]["source"]).name


@pytest.mark.slow
def test_folders_whose_names_differ_behind_a_dot_have_runs_of_their_own(home: Path) -> None:
    for number, name in enumerate(("pics.v1", "pics.v2")):
        fill(home / name, 20, 100 * number)
        assert lookalike("start", name, *WORDS).status == 0
    assert {run.name: source_of(run) for run in Path("runs").iterdir()} == {
        "pics": "pics.v1",
        "pics.v2": "pics.v2",
    }
    assert lookalike("generate", "runs/pics", "-n", "2", "--to", "out").status == 0
    for name, run in (("pics.v1", "runs/pics"), ("pics.v2", "runs/pics.v2")):
        again = json.loads(lookalike("start", name, *WORDS, "--json").out)
        assert (again["trained"]["run"], again["trained"]["resumed_at"]) == (run, 32)


@pytest.mark.slow
def test_a_run_under_the_whole_name_of_a_folder_continues(home: Path) -> None:
    fill(home / "pics.v1", 20)
    assert lookalike("start", "pics.v1", *WORDS, "--into", "runs/pics.v1").status == 0
    again = json.loads(lookalike("start", "pics.v1", *WORDS, "--json").out)
    assert (again["trained"]["run"], again["trained"]["resumed_at"]) == ("runs/pics.v1", 32)


@pytest.mark.slow
def test_folders_of_one_name_have_runs_of_their_own_and_each_continues(home: Path) -> None:
    for number, place in enumerate(("a", "b")):
        fill(home / place / "pics", 20, 100 * number)
    assert lookalike("start", "a/pics", *WORDS).status == 0
    before = files_of(home / "runs/pics/pack")
    second = lookalike("start", "b/pics", *WORDS)
    assert second.status == 0
    assert "runs/pics holds a run of other pictures, so this one goes to runs/pics-2" in second.err
    assert files_of(home / "runs/pics/pack") == before
    for place, run in (("a", "runs/pics"), ("b", "runs/pics-2")):
        again = json.loads(lookalike("start", f"{place}/pics", *WORDS, "--json").out)
        assert (again["trained"]["run"], again["trained"]["resumed_at"]) == (run, 32)


@pytest.mark.slow
def test_a_folder_that_is_named_and_taken_is_refused_before_anything_is_written(
    home: Path,
) -> None:
    fill(home / "one", 20)
    fill(home / "two", 20, 100)
    assert lookalike("start", "one", *WORDS, "--into", "r").status == 0
    before = files_of(home / "r")
    for verb in ("start", "train"):
        ended = lookalike(verb, "two", *QUICK, "--into", "r")
        assert ended.status == 1
        assert "holds a run of other pictures" in ended.err
        assert files_of(home / "r") == before


@pytest.mark.slow
def test_prepare_does_not_replace_a_pack_of_another_source(home: Path) -> None:
    fill(home / "one", 20)
    fill(home / "two", 20, 100)
    assert lookalike("prepare", "one", "--to", "p", "--size", "16").status == 0
    before = files_of(home / "p")
    ended = lookalike("prepare", "two", "--to", "p", "--size", "16")
    assert ended.status == 1
    assert "no pack is replaced by that of other pictures" in ended.err
    assert files_of(home / "p") == before
    fill(home / "one", 4, 200)
    assert lookalike("prepare", "one", "--to", "p", "--size", "16").status == 0


@pytest.mark.slow
def test_a_run_of_before_at_the_name_up_to_the_dot_continues(home: Path) -> None:
    fill(home / "pics.v1", 20)
    assert lookalike("start", "pics.v1", *WORDS, "--into", "runs/pics").status == 0
    again = json.loads(lookalike("start", "pics.v1", *WORDS, "--json").out)
    assert (again["trained"]["run"], again["trained"]["resumed_at"]) == ("runs/pics", 32)


@pytest.mark.slow
def test_pictures_and_runs_that_were_moved_together_continue(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "here").mkdir()
    monkeypatch.chdir(home / "here")
    fill(home / "here" / "pics", 20)
    assert lookalike("start", "pics", *WORDS).status == 0
    monkeypatch.chdir(home)
    (home / "here").rename(home / "there")
    monkeypatch.chdir(home / "there")
    again = json.loads(lookalike("start", "pics", *WORDS, "--json").out)
    assert (again["trained"]["run"], again["trained"]["resumed_at"]) == ("runs/pics", 32)
