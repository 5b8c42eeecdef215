"""Pieces of long work: whole, of one key, gone when it is done."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lookalike.data.expanded.partial_results import Unfinished


def test_a_piece_comes_back_as_it_was(tmp_path: Path) -> None:
    Unfinished(tmp_path / "w", {"seed": 1}).save("a-0", {"n": [1, 0.5]}, {"x": np.eye(2)})
    held = Unfinished(tmp_path / "w", {"seed": 1}).load("a-0")
    assert held is not None
    assert held[0] == {"n": [1, 0.5]}
    np.testing.assert_array_equal(held[1]["x"], np.eye(2))
    assert Unfinished(tmp_path / "w", {"seed": 1}).load("a-64") is None


def test_another_key_finds_nothing_and_begins_anew(tmp_path: Path) -> None:
    Unfinished(tmp_path / "w", {"seed": 1}).save("a", 1, {})
    other = Unfinished(tmp_path / "w", {"seed": 2})
    assert other.load("a") is None
    other.save("b", 2, {})
    assert Unfinished(tmp_path / "w", {"seed": 1}).load("a") is None
    assert sorted(file.name for file in (tmp_path / "w").iterdir()) == ["b.npz", "unfinished.json"]


def test_a_torn_piece_counts_as_missing(tmp_path: Path) -> None:
    work = Unfinished(tmp_path / "w", {})
    work.save("a", 1, {"x": np.arange(100)})
    file = tmp_path / "w" / "a.npz"
    file.write_bytes(file.read_bytes()[:60])
    assert work.load("a") is None


def test_clearing_removes_its_own_folder_only(tmp_path: Path) -> None:
    work = Unfinished(tmp_path / "w", {})
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "mine.txt").write_text("a person's")
    work.clear()
    assert (tmp_path / "w" / "mine.txt").exists()
    work.save("a", 1, {})
    work.clear()
    assert [file.name for file in (tmp_path / "w").iterdir()] == ["mine.txt"]
    own = Unfinished(tmp_path / "own", {})
    own.save("a", 1, {})
    own.clear()
    assert not (tmp_path / "own").exists()
