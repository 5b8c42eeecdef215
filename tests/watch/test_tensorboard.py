"""Events that TensorBoard can read."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene
from lookalike.errors import MissingExtraError
from lookalike.run import Run
from lookalike.watch.tensorboard import TensorBoard


def test_numbers_and_grids_become_events(trainer: Trainer, run: Run) -> None:
    pytest.importorskip("tensorboardX")
    watcher, scene = TensorBoard(seconds=0.0), Scene(trainer, run)
    watcher.begin(scene)
    run.record({"images": 16, "loss/G": 1.25, "note": "words are left out"})
    run.write_sample(16, np.zeros((10, 10, 3), np.uint8))
    watcher.after(scene, trainer.step())
    run.record({"images": 32, "score/kid": 0.5})
    watcher.end(scene)
    (events,) = list((run.path / "tensorboard").iterdir())
    held = events.read_bytes()
    for tag in (b"loss/G", b"score/kid", b"samples"):
        assert held.count(tag) == 1
    assert b"words" not in held


def test_a_missing_package_is_told_before_the_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"lookalike\[track\]"):
        TensorBoard()
