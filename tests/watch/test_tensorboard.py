"""Events that TensorBoard can read."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.engine.state import copied, restore, training_state
from lookalike.engine.trainer import Setback, Trainer
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


def test_what_is_learned_after_going_back_becomes_events_and_what_went_wrong_is_purged(
    trainer: Trainer, run: Run
) -> None:
    pytest.importorskip("tensorboardX")
    watcher, scene = TensorBoard(seconds=0.0), Scene(trainer, run)
    trainer.step()
    good = trainer.clock.images
    watcher.begin(scene)
    run.record({"images": good, "loss/before": 1.0})
    state = copied(training_state(trainer))
    trainer.step()
    for number in range(2):
        run.record({"images": trainer.clock.images, f"loss/wrong{number}": 9.0})
    found = trainer.clock.images
    restore(trainer, state)  # as the session does it: watchers first, then the folder
    trainer.setbacks = (Setback(found, good, "somebody said so"),)
    watcher.rewound(scene, {})
    run.rewind(good)
    tally = trainer.step()
    run.record({"images": trainer.clock.images, "loss/again": 0.5})
    watcher.after(scene, tally)
    watcher.end(scene)
    first, second = (
        file.read_bytes() for file in sorted((run.path / "tensorboard").iterdir(), key=_length)
    )
    assert b"loss/before" in first
    assert b"loss/before" not in second
    assert b"loss/again" in second
    assert b"wrong" not in first + second


def _length(path: Path) -> int:
    """The first writer's name is the shorter one: nothing had been gone back from."""
    return len(path.name)


def test_a_missing_package_is_told_before_the_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"lookalike\[track\]"):
        TensorBoard()
