"""Generators that utility trains itself: one for every part, never one of another part."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lookalike.api import evaluation
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.errors import LookalikeError
from lookalike.settings.training import TrainSettings
from lookalike.stages.utility import labeled


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    with PackWriter(tmp_path / "pack", size=8, channels=1) as writer:
        for i in range(140):
            picture = np.full((8, 8, 1), i, np.uint8)
            writer.append(picture, {"class": "ab"[i % 2]})
        return writer.finish(holdout=np.arange(140) >= 80)


def test_each_part_has_a_generator_of_its_own_and_keeps_it(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Path] = []
    stopping: list[bool] = []

    def train(data: Path, into: Path, *_: Any, **__: Any) -> Any:
        trained.append(into)
        return SimpleNamespace(finished=not stopping)

    monkeypatch.setattr(evaluation, "train", train)
    monkeypatch.setattr(evaluation, "_open", lambda run, columns, device, which: run.path)
    monkeypatch.setattr("lookalike.run.Run.open", lambda path: SimpleNamespace(path=path))
    data = labeled(pack)

    def opened(each: int, seed: int, seconds: float) -> Any:
        make = evaluation.TrainedGenerators(pack, tmp_path / "kept", TrainSettings(time=seconds))
        return make(data.part(each, seed), each)

    asked = [(4, 0, 1.0), (8, 0, 1.0), (4, 1, 1.0), (4, 0, 2.0)]
    runs = [opened(*one) for one in asked]
    assert len(set(runs)) == 4
    assert trained == runs
    assert [opened(*one) for one in asked] == runs
    assert len(trained) == 4
    stopping.append(True)
    for _ in range(2):
        with pytest.raises(LookalikeError, match="the same command"):
            opened(6, 0, 1.0)
    assert trained[-1] == trained[-2]
    for run, (each, seed, _) in zip(runs, asked, strict=True):
        part = Pack.open(run.parent / "pack").train.all_images()[:, 0, 0, 0]
        np.testing.assert_array_equal(np.sort(part), np.sort(data.part(each, seed).rows))


def test_a_run_says_nothing_of_fewer_pictures_per_class(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(LookalikeError, match="Leave --run out"):
        evaluation.utility(pack.path, run=tmp_path, per_class=[4])
