"""bench cores and bench memory: they run with tiny settings and say what they measured."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import common, cores, memory
from benchmarks.__main__ import known

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack


@pytest.fixture(autouse=True)
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Rows go to a folder of the test."""
    monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def test_both_can_be_asked_for() -> None:
    assert {"cores", "memory"} <= set(known())


def test_only_threads_that_have_a_core_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 6)
    assert cores.there() == [1, 2, 4]
    monkeypatch.setattr(cores, "cores", lambda: 1)
    assert cores.there() == [1]


def test_every_round_has_every_number_of_threads_and_leaves_them_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 2)
    before = torch.get_num_threads()
    wanted = argparse.Namespace(size=16, seconds=0.0, rounds=2)
    cores.measure("tiny", wanted)
    assert torch.get_num_threads() == before
    rows = common.kept("cores")
    assert [row["threads"] for row in rows] == [1, 2, 1, 2]
    assert [row["ratio"] for row in rows[::2]] == [1.0, 1.0]
    report = cores.report()
    assert "| tiny | 16 | 2 |" in report
    assert "| 1.8 |" in report


@pytest.mark.slow
def test_a_training_is_watched_to_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    pack = write_pack(tmp_path / "pack", pixels, holdout=0.2)
    monkeypatch.setattr(memory, "mix", lambda: Pack.open(pack.path))
    monkeypatch.setattr(memory, "CACHE", tmp_path)
    memory.measure("tiny", argparse.Namespace(time="2s", memory="4G"))
    (row,) = common.kept("memory")
    assert 0 < row["first_quarter"] <= row["most"]
    assert row["needed"] > 100
    assert "| tiny | 2s | 4G | 1 |" in memory.report()
