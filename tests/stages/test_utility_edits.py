"""Training pictures whose class a run exchanges: one more way that utility tries."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lookalike import images
from lookalike.data.pack.classes import classes_of
from lookalike.errors import DataError
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.stages import utility
from lookalike.stages.utility import ClassEdits


@pytest.fixture(scope="module")
def made(edited_run: Path) -> ClassEdits:
    run, place = Run.open(edited_run / "run"), Device(threads=1).place()
    pack = ClassEdits(run, place, ()).opened.pack
    assert pack is not None
    return ClassEdits(run, place, classes_of(pack, "disc").columns)


@pytest.mark.slow
def test_edits_are_of_the_class_that_was_asked_and_the_same_by_their_seed(
    made: ClassEdits,
) -> None:
    first = made(0, 2, 3)
    np.testing.assert_array_equal(first, made(0, 2, 3))
    editor = made.opened.editor
    disc = editor.find("disc")
    assert disc is not None
    value = disc.columns.index(made.columns[0])
    for picture in first:
        assert editor.read(images.to_network(picture[None]))["disc"] == value


@pytest.mark.slow
def test_where_too_few_succeed_they_come_again(
    made: ClassEdits, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def once(*asked: object) -> object:
        calls.append(asked)
        shown = torch.zeros(1, 3, 8, 8)
        return SimpleNamespace(sure=len(calls) == 1, edit=SimpleNamespace(shown=shown))

    monkeypatch.setattr(utility, "exchange", once)
    monkeypatch.setattr(utility, "subject_of", lambda *_: None)
    twice = made(0, 2, 3)
    assert len(twice) == 2
    np.testing.assert_array_equal(twice[0], twice[1])
    with pytest.raises(DataError, match="could be changed to disc="):
        made(0, 2, 3)


def test_a_run_without_these_labels_says_so(made: ClassEdits) -> None:
    with pytest.raises(DataError, match="needs a run with these labels"):
        ClassEdits(made.run, made.place, (99,))(0, 1, 0)
