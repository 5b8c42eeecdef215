"""``cd photos; lookalike start .`` twice: what the product wrote is no picture of the person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from case_tools import QUICK, fill, lookalike


@pytest.mark.slow
def test_the_same_command_inside_the_folder_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "photos"
    fill(home / "cats", 12)
    fill(home / "dogs", 12, 100)
    monkeypatch.chdir(home)
    words = ("start", ".", *QUICK, "--size", "16")
    first = lookalike(*words)
    assert first.status == 0, first.err
    assert "runs/photos" in first.out
    pack = (home / "runs/photos/pack/pack.json").read_text()
    again = lookalike(*words, "--json")
    assert again.status == 0, again.err
    assert json.loads(again.out)["trained"]["resumed_at"] == 32
    assert (home / "runs/photos/pack/pack.json").read_text() == pack
    assert json.loads(pack)["class_counts"] == {"cats": 12, "dogs": 12}


@pytest.mark.slow
def test_a_run_and_a_pack_inside_a_source_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path / "in" / "cats", 12)
    fill(tmp_path / "in" / "dogs", 12, 100)
    inside = tmp_path / "in" / "made"
    assert lookalike("prepare", tmp_path / "in", "--to", inside / "p", "--size", "16").status == 0
    assert lookalike("train", inside / "p", *QUICK, "--into", inside / "r").status == 0
    ended = lookalike("prepare", tmp_path / "in", "--to", tmp_path / "p", "--size", "16", "--json")
    assert json.loads(ended.out)["class_counts"] == {"cats": 12, "dogs": 12}


@pytest.mark.slow
def test_a_run_is_no_source(tmp_path: Path) -> None:
    fill(tmp_path / "in", 20)
    assert lookalike("start", tmp_path / "in", *QUICK, "--into", tmp_path / "r").status == 0
    for verb in ("start", "train"):
        ended = lookalike(verb, tmp_path / "r", *QUICK, "--into", tmp_path / "other")
        assert ended.status == 1
        assert "is a run, not pictures" in ended.err
        assert not (tmp_path / "other").exists()
