"""Which weights a training begins with: known ones for very different pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.data.pack import Pack
from lookalike.data.packing import write_pack
from lookalike.place import Place
from lookalike.run import Run
from lookalike.stages.train import Plan, TrainSettings, plan


def pack_of(folder: Path, alike: bool, size: int) -> Pack:
    draws = np.random.default_rng(0)
    noise = draws.integers(0, 256, (20, 4, 4, 1), np.uint8)
    pixels = noise.repeat(size // 4, 1).repeat(size // 4, 2)
    if alike:
        pixels[1:] = pixels[0] // 2 + pixels[1:] // 8
    rows = [{"source": str(index)} for index in range(20)]
    return write_pack(folder / "pack", pixels, rows=rows, holdout=0.0)


def planned(
    tmp_path: Path, alike: bool, recipe: str = "swift", size: int = 64, **settings: str
) -> Plan:
    asked = TrainSettings(recipe=recipe, settings={"images": "64", **settings})
    return plan(pack_of(tmp_path, alike, size), Run(tmp_path / "run"), asked, Place())


def test_different_pictures_begin_with_weights_and_a_note_says_so(tmp_path: Path) -> None:
    found = planned(tmp_path, alike=False)
    assert found.recipe.warm is not None
    assert any("--set warm=none" in note for note in found.notes)


@pytest.mark.parametrize(("alike", "size"), [(True, 64), (False, 32), (False, 128)])
def test_alike_pictures_and_other_sides_begin_with_random_weights(
    tmp_path: Path, alike: bool, size: int
) -> None:
    found = planned(tmp_path, alike, size=size)
    assert found.recipe.warm is None
    assert not any("warm" in note for note in found.notes)


@pytest.mark.parametrize(("alike", "said"), [(False, "none"), (True, "drawings")])
def test_what_a_person_says_goes_first(tmp_path: Path, alike: bool, said: str) -> None:
    found = planned(tmp_path, alike, warm=said)
    assert (found.recipe.warm is None) == (said == "none")


def test_recipes_that_know_no_weights_are_left_alone(tmp_path: Path) -> None:
    assert planned(tmp_path, False, "dcgan").recipe.warm is None
