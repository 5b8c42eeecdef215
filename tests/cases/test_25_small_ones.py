"""Small ones of the command line: packs for start, quoting, sizes, budgets, JSON, titles."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from case_tools import QUICK, files_of, fill, lookalike


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "in", 20)
    return tmp_path


@pytest.mark.slow
def test_printed_commands_are_quoted(home: Path) -> None:
    out = lookalike("prepare", "in", "--to", "my pack", "--size", "16").out
    command = out.splitlines()[-1].removeprefix("Next: ")
    assert shlex.split(command)[:3] == ["lookalike", "train", "my pack"]
    ended = lookalike("train", "my pack", *QUICK, "--into", "a 'run'", "--json")
    assert ended.status == 0, ended.err
    for key in ("continue_with", "longer_with", "generate_with"):
        command = shlex.split(json.loads(ended.out)[key])
        assert command[0] == "lookalike"
        assert "a 'run'" in command


@pytest.mark.slow
def test_start_trains_on_a_pack_and_continues(home: Path) -> None:
    assert lookalike("prepare", "in", "--to", "my pack", "--size", "16").status == 0
    before = files_of(home / "my pack")
    for begun in (0, 32):
        ended = lookalike("start", "my pack", *QUICK, "--json")
        assert ended.status == 0, ended.err
        trained = json.loads(ended.out)["trained"]
        assert (trained["run"], trained["resumed_at"]) == ("runs/my pack", begun)
    own = {name for name in files_of(home / "my pack") if not name.startswith(".")}
    assert own == set(before)
    refused = lookalike("start", "my pack", *QUICK, "--size", "32", "--into", "r")
    assert refused.status == 1
    assert "holds 16 px" in refused.err
    assert not Path("r").exists()


@pytest.mark.parametrize("size", ["0", "-1", "100000"])
@pytest.mark.parametrize("verb", ["prepare", "start", "doctor", "evaluate"])
def test_sizes_that_no_picture_has_are_refused(home: Path, verb: str, size: str) -> None:
    rest = {"prepare": ("--to", "z"), "evaluate": ("--against", "in")}.get(verb, ())
    ended = lookalike(verb, "in", "--size", size, *rest)
    assert ended.status == 1
    assert f"--size is {size}" in ended.err
    assert [file.name for file in home.iterdir()] == ["in"]


def test_a_size_that_the_recipe_does_not_make_is_refused_before_anything_is_prepared(
    home: Path,
) -> None:
    ended = lookalike("start", "in", "--size", "65", "--for", "1s")
    assert ended.status == 1
    assert "--size 65 was asked for, and the recipe 'swift' makes pictures of" in ended.err
    assert [file.name for file in home.iterdir()] == ["in"]


@pytest.mark.slow
def test_the_option_that_was_given_is_named(home: Path) -> None:
    assert lookalike("prepare", "in", "--to", "p", "--size", "16").status == 0
    assert lookalike("train", "p", *QUICK, "--into", "r").status == 0
    for words, expected in (
        (("--first", "-1"), "--first must be at least 0, got -1"),
        (("-n", "0"), "-n must be at least 1, got 0"),
        (("--candidates", "0"), "--candidates must be at least 1, got 0"),
    ):
        ended = lookalike("generate", "r", "--to", "o", *words)
        assert (ended.status, Path("o").exists()) == (1, False)
        assert expected in ended.err


@pytest.mark.slow
def test_images_win_over_the_time_that_nobody_gave(home: Path) -> None:
    ended = lookalike("start", "in", *QUICK, "--size", "16", "--json")
    assert json.loads(ended.out)["trained"]["budget"] == 32
    assert "--for" not in json.loads(ended.out)["trained"]["continue_with"]
    both = lookalike("train", "runs/in/pack", *QUICK, "--for", "1s", "--into", "r")
    assert both.status == 0
    assert "images= of --set is not used" in both.err


def test_a_home_folder_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    assert lookalike("prepare", "~/in", "--to", "~/p", "--size", "16").status == 0
    assert (home / "p" / "pack.json").exists()


@pytest.mark.parametrize(
    "words", [("train", "--json"), ("train", "p", "--bogus", "--json"), ("fly", "--json")]
)
def test_usage_errors_are_json_where_json_is_asked_for(words: tuple[str, ...]) -> None:
    ended = lookalike(*words)
    assert ended.status == 2
    assert json.loads(ended.out)["error"] == "UsageError"


@pytest.mark.slow
def test_doctor_leaves_no_page_unless_asked(home: Path) -> None:
    assert lookalike("doctor", "in", "--quick").status == 0
    assert [file.name for file in home.iterdir()] == ["in"]
    assert "page" in lookalike("doctor", "in", "--quick", "--page", "look/d.html").out
    assert Path("look/d.html").exists()


@pytest.mark.slow
def test_a_run_is_titled_by_its_pictures(home: Path) -> None:
    assert lookalike("start", "in", *QUICK, "--size", "16", "--into", "runs/holiday").status == 0
    assert "<h1>holiday</h1>" in Path("runs/holiday/report.html").read_text()
    assert "holiday: " in lookalike("show", "runs/holiday").out


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--for", "--more"])
def test_a_time_without_a_unit_is_said_to_be_seconds(
    home: Path, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert lookalike("start", "in", *QUICK, "--size", "16").status == 0
    assert lookalike("start", "in", *QUICK, option, "2").status == 0
    assert "The time 2 has no unit and is read as 2 seconds" in caplog.text
    assert "--set images=2" in caplog.text
    caplog.clear()
    assert lookalike("start", "in", *QUICK, option, "2s").status == 0
    assert "no unit" not in caplog.text
