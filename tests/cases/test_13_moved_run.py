"""A run finds its pack wherever they lie: inside it, beside it, or named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from case_tools import QUICK, fill, lookalike

JUDGE = ("--judge", "pixels", "-n", "32", "--no-classes", "--threads", "1")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "in", 40)
    words = ("prepare", "in", "--to", "w/p", "--size", "16", "--holdout", "0.5")
    assert lookalike(*words).status == 0
    assert lookalike("train", "w/p", *QUICK, "--into", "w/r").status == 0
    return tmp_path


@pytest.mark.slow
def test_a_run_with_its_own_pack_inside_is_moved(home: Path) -> None:
    Path("w/p").rename("w/r/pack")
    Path("w/r").rename("elsewhere")
    made = json.loads(lookalike("generate", "elsewhere", "-n", "2", "--to", "o", "--json").out)
    assert not any("no longer" in note for note in made["notes"])
    assert lookalike("evaluate", "elsewhere", *JUDGE).status == 0
    assert lookalike("report", "elsewhere").status == 0
    assert lookalike("train", "elsewhere/pack", *QUICK, "--into", "elsewhere").status == 0


@pytest.mark.slow
def test_a_run_and_its_pack_are_moved_together(home: Path) -> None:
    Path("w").rename("elsewhere")
    assert lookalike("evaluate", "elsewhere/r", *JUDGE).status == 0
    made = json.loads(lookalike("generate", "elsewhere/r", "-n", "2", "--json").out)
    assert not any("no longer" in note for note in made["notes"])


@pytest.mark.slow
def test_a_pack_that_is_gone_is_said_and_can_be_named(home: Path) -> None:
    Path("w/p").rename("hidden")
    ended = lookalike("evaluate", "w/r", *JUDGE)
    assert ended.status == 1
    assert "--against" in ended.err
    assert lookalike("evaluate", "w/r", "--against", "hidden", *JUDGE).status == 0
    made = json.loads(lookalike("generate", "w/r", "-n", "2", "--to", "o", "--json").out)
    assert any("copies of training pictures are not left out" in note for note in made["notes"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "expected"),
    [(20, "Add pictures: from 32 on"), (20, "--holdout 0.5"), (40, "--holdout 0.4")],
)
def test_a_set_too_small_to_be_judged_says_what_to_do(
    tmp_path: Path, count: int, expected: str
) -> None:
    fill(tmp_path / "in", count)
    words = ("prepare", tmp_path / "in", "--to", tmp_path / "p", "--size", "16", "--holdout", "0.1")
    assert lookalike(*words).status == 0
    assert lookalike("train", tmp_path / "p", *QUICK, "--into", tmp_path / "r").status == 0
    ended = lookalike("evaluate", tmp_path / "r", *JUDGE)
    assert ended.status == 1
    assert expected in ended.err
