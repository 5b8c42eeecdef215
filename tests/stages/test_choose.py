"""What start takes where nothing is asked for, and the reason that it gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.run import Run
from lookalike.stages.choose import begun_with, choice_of, choose


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (300, 400, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def pack_of(folder: Path, size: int) -> Pack:
    with PackWriter(folder, size=size, channels=3) as writer:
        for _ in range(4):
            writer.append(np.zeros((size, size, 3), np.uint8), {})
        return writer.finish(holdout=np.arange(4) == 3)


@pytest.mark.parametrize(
    ("size", "recipe"),
    [(None, "swift"), (32, "swift"), (64, "swift"), (128, "cascade"), (256, "cascade")],
)
def test_large_pictures_are_drawn_by_the_cascade(
    photos: Path, size: int | None, recipe: str
) -> None:
    choice = choose(photos, size)
    assert (choice.size, choice.recipe) == (size or 64, recipe)
    assert f"recipe {recipe}, because" in choice.reasons[-1]


def test_the_reason_for_the_cascade_says_how_to_train_without_it(photos: Path) -> None:
    assert "--recipe swift" in choose(photos, 256).reasons[-1]
    direct = choose(photos, 256, "swift")
    assert (direct.recipe, direct.size) == ("swift", 256)
    assert direct.reasons[-1] == "recipe swift, as you asked"


def test_a_large_pack_is_drawn_by_the_cascade_and_a_run_keeps_its_recipe(tmp_path: Path) -> None:
    pack = pack_of(tmp_path / "pack", 128)
    assert choice_of(pack).recipe == "cascade"
    assert choice_of(pack, begun="swift").recipe == "swift"
    assert choice_of(pack, recipe="dcgan", begun="swift").recipe == "dcgan"


def test_only_a_recipe_that_start_chooses_is_gone_on_with(tmp_path: Path) -> None:
    assert begun_with(Run(tmp_path / "none")) is None
    for name, wanted in (("swift", "swift"), ("cascade", "cascade"), ("dcgan", None)):
        run = tmp_path / name
        run.mkdir()
        (run / "recipe.json").write_text(json.dumps({"recipe": {"name": name}}))
        assert begun_with(Run(run)) == wanted
