"""Training pictures whose class a run exchanges: one more way that utility tries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike import images
from lookalike.data.pack.classes import classes_of
from lookalike.errors import DataError
from lookalike.place import Place
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.stages import utility
from lookalike.stages.utility import ClassEdits


@pytest.fixture(scope="module")
def place() -> Place:
    return Device(threads=1).place()


def edits(discs: Path, place: Place) -> ClassEdits:
    run = Run.open(discs / "run")
    opened = ClassEdits(run, place, ()).opened
    assert opened.pack is not None
    return ClassEdits(run, place, classes_of(opened.pack, "disc").columns)


def test_edits_are_of_the_class_that_was_asked_and_the_same_by_their_seed(
    discs: Path, place: Place
) -> None:
    made = edits(discs, place)
    first = made(0, 6, 3)
    np.testing.assert_array_equal(first, made(0, 6, 3))
    assert not np.array_equal(first, made(0, 6, 4))
    editor = made.opened.editor
    disc = editor.find("disc")
    assert disc is not None
    value = disc.columns.index(made.columns[0])
    for picture in first:
        assert editor.read(images.to_network(picture[None]))["disc"] == value


def test_where_too_few_succeed_they_come_again(
    discs: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, calls = edits(discs, place), []

    def once(*asked: object) -> object:
        calls.append(asked)
        found = real(*asked)
        return found if len(calls) == 1 else type("Unsure", (), {"sure": False})()

    real = utility.exchange
    monkeypatch.setattr(utility, "exchange", once)
    twice = made(0, 2, 3)
    np.testing.assert_array_equal(twice[0], twice[1])
    with pytest.raises(DataError, match="could be changed to disc="):
        made(0, 2, 3)


def test_a_run_without_these_labels_says_so(discs: Path, place: Place) -> None:
    made = edits(discs, place)
    with pytest.raises(DataError, match="needs a run with these labels"):
        ClassEdits(made.run, place, (99,))(0, 1, 0)
