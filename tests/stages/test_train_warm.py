"""Which weights a training begins with: those of the package where there are some for the side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.place import Place
from lookalike.run import Run
from lookalike.settings.training import TrainSettings
from lookalike.stages.train import Plan, plan


def pack_of(folder: Path, size: int) -> Pack:
    pixels = np.random.default_rng(0).integers(0, 256, (20, size, size, 1), np.uint8)
    rows = [{"source": str(index)} for index in range(20)]
    return write_pack(folder / "pack", pixels, rows=rows, holdout=0.0)


def planned(tmp_path: Path, recipe: str = "swift", size: int = 64, **settings: str) -> Plan:
    asked = TrainSettings(recipe=recipe, changes={"images": "64", **settings})
    return plan(pack_of(tmp_path, size), Run(tmp_path / "run"), asked, Place())


@pytest.mark.parametrize("size", [32, 64])
def test_swift_begins_with_weights_and_a_note_says_so(tmp_path: Path, size: int) -> None:
    found = planned(tmp_path, size=size)
    assert found.recipe.warm is not None
    assert any("--set warm=none" in note for note in found.notes)


def test_other_sides_begin_with_random_weights(tmp_path: Path) -> None:
    found = planned(tmp_path, size=128)
    assert found.recipe.warm is None
    assert not any("warm" in note for note in found.notes)


@pytest.mark.parametrize(("size", "said"), [(64, "none"), (128, "drawings")])
def test_what_a_person_says_goes_first(tmp_path: Path, size: int, said: str) -> None:
    found = planned(tmp_path, size=size, warm=said)
    assert (found.recipe.warm is None) == (said == "none")


def test_recipes_that_know_no_weights_are_left_alone(tmp_path: Path) -> None:
    assert planned(tmp_path, "dcgan").recipe.warm is None
