"""Runs from before labels were crossed, or maps cut, go on by the command that began them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike import recipe
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.errors import RunError
from lookalike.parts.latents.crossover import LabelCrossover
from lookalike.parts.latents.flow import Flow
from lookalike.place import Place
from lookalike.recipe import Recipe
from lookalike.run import Run
from lookalike.settings.training import TrainSettings
from lookalike.stages.train import plan


def packed(folder: Path, size: int) -> Pack:
    """Two classes, a choice of three, a flag and a number."""
    rows = [
        {"class": "ab"[i % 2], "attributes": {"hair": "xyz"[i % 3], "smile": "yn"[i % 2], "age": i}}
        for i in range(24)
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (24, size, size, 3)).astype(np.uint8)
    return write_pack(folder, pixels, rows=rows)


def asked(name: str, **changes: str) -> TrainSettings:
    return TrainSettings(recipe=name, labels=True, changes=changes)


def crossover_of(made: Recipe) -> LabelCrossover | None:
    assert isinstance(made.prior, Flow)
    return made.prior.crossover


@pytest.mark.parametrize(("name", "size"), [("swift", 32), ("cascade", 128)])
def test_a_new_run_crosses_attributes_and_keeps_the_class(
    name: str, size: int, tmp_path: Path
) -> None:
    pack, run = packed(tmp_path / "pack", size), Run(tmp_path / "run")
    made = plan(pack, run, asked(name), Place()).recipe
    wanted = LabelCrossover(groups=(2, 3, 1, 1), fixed=1, exchanged=2)
    assert crossover_of(made) == wanted
    assert crossover_of(recipe.loads(made.dumps())) == wanted
    one = plan(pack, run, asked(name, crossed="1"), Place()).recipe
    assert crossover_of(one) == replace(wanted, exchanged=1)
    assert crossover_of(plan(pack, run, asked(name, crossed="0"), Place()).recipe) is None


def test_classes_alone_and_no_labels_are_the_recipe_of_before() -> None:
    frame = {"size": 32, "channels": 3, "labels": 4, "classes": 4, "groups": (4,)}
    for other in (frame, {**frame, "groups": ()}, {**frame, "groups": (4, 2), "labels": 6}):
        assert crossover_of(recipe.make(recipe.find("swift"), {}, other)) is None
    values = {**frame, "labels": 6, "classes": 0, "groups": (4, 2)}
    assert crossover_of(recipe.make(recipe.find("swift"), {}, values)) is not None


@pytest.mark.parametrize("early", [{}, {"prior.early": "0"}])
@pytest.mark.parametrize("grouped", [True, False])
def test_an_earlier_run_goes_on_without_unless_crossing_is_asked_for_which_is_another_run(
    early: dict[str, str], tmp_path: Path, *, grouped: bool
) -> None:
    pack, run = packed(tmp_path / "pack", 32), Run(tmp_path / "run")
    off = {"crossed": "0", **({} if grouped else {"groups": "[]"}), **early}
    off["networks.G.limit"] = "0"
    before = plan(pack, run, asked("swift", **off), Place()).recipe
    with run.writing():
        run.write_recipe(before)
        run.write_env({"data": {"path": str(pack.path), "fingerprint": pack.fingerprint}})
    continued = plan(pack, run, asked("swift"), Place())
    assert continued.continues
    assert continued.recipe == before
    assert plan(pack, run, asked("swift", crossed="0"), Place()).recipe == before
    with pytest.raises(RunError, match=r"other settings .*prior\.crossover"):
        plan(pack, run, asked("swift", crossed="2"), Place())


@pytest.mark.parametrize(
    ("name", "size", "limit"),
    [("swift", 32, "networks.G.limit"), ("cascade", 128, "networks.G.base.limit")],
)
def test_a_run_from_before_maps_were_cut_goes_on_without_unless_that_is_asked_for(
    name: str, size: int, limit: str, tmp_path: Path
) -> None:
    pack, run = packed(tmp_path / "pack", size), Run(tmp_path / "run")
    before = plan(pack, run, asked(name, **{limit: "0"}), Place()).recipe
    assert before != plan(pack, run, asked(name), Place()).recipe
    with run.writing():
        run.write_recipe(before)
        run.write_env({"data": {"path": str(pack.path), "fingerprint": pack.fingerprint}})
    assert plan(pack, run, asked(name), Place()).recipe == before
    with pytest.raises(RunError, match=r"other settings \(" + limit.replace(".", r"\.")):
        plan(pack, run, asked(name, **{limit: "6"}), Place())
