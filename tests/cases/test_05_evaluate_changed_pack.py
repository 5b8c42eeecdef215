"""A run is never judged by pictures that it was trained on: every verb that judges compares."""

from __future__ import annotations

from pathlib import Path

import pytest
from case_tools import QUICK, fill, lookalike

PREPARE = ("prepare", "in", "--to", "p", "--size", "16", "--holdout", "0.5")
JUDGE = ("--judge", "pixels", "-n", "32", "--threads", "1")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run, and its pack prepared again with another hold-out at the same place."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("cats", "dogs")):
        fill(tmp_path / "in" / name, 55, first=100 * number)
    assert lookalike(*PREPARE).status == 0
    assert lookalike("train", "p", *QUICK, "--into", "r").status == 0
    assert lookalike(*PREPARE, "--seed", "5").status == 0
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "r", *JUDGE),
        ("expand", "p", "--run", "r", "--to", "x", "--judge", "pixels", "--threads", "1"),
        ("utility", "p", "--run", "r", "--seeds", "1", "--steps", "2", "--threads", "1"),
    ],
    ids=lambda words: words[0],
)
def test_a_pack_with_another_hold_out_is_refused(words: tuple[str, ...], home: Path) -> None:
    ended = lookalike(*words)
    assert ended.status == 1
    assert "may have seen" in ended.err, ended.err


@pytest.mark.slow
def test_the_hold_out_of_before_or_other_pictures_may_judge(home: Path) -> None:
    fill(home / "others", 100, first=900)
    assert lookalike("evaluate", "r", "--against", "others", *JUDGE, "--no-classes").status == 0
    assert lookalike(*PREPARE, "--seed", "0").status == 0
    assert lookalike("evaluate", "r", *JUDGE, "--no-classes").status == 0
