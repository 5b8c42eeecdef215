"""Saved recipes and people's own files name parts by names that outlive a move and a rename."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lookalike import recipe
from lookalike.errors import RecipeError
from lookalike.parts.latents.flow import Flow
from lookalike.parts.latents.priors import Learned, Prior
from lookalike.parts.losses.base import Objective, Phase
from lookalike.parts.losses.game import Game
from lookalike.recipe import Recipe, codec
from lookalike.recipe.former_names import MODULES, NAMES, former_modules, name_today
from lookalike.recipe.recipe import load_drawing

HERE = Path(__file__).parent
VERSION_0_1: dict[str, list[str]] = json.loads((HERE / "names_of_version_0_1.json").read_text())
"""Every public name of every module of parts, as version 0.1.0 had them."""
SAVED = sorted((HERE.parent / "contract" / "version_0_1" / "recipes").glob("*.json"))

RECIPE_FILES = sorted((HERE.parent / "contract" / "version_0_1" / "recipe_files").glob("*.py"))

GONE = {
    "lookalike.parts.aided:LECAM",
    "lookalike.parts.aided:described",
    "lookalike.parts.aided:learning",
    "lookalike.parts.augmentation:blurred",
    "lookalike.parts.autoencoders:spread",
    "lookalike.parts.fast:Kind",
    "lookalike.parts.features:Block",
    "lookalike.parts.features:GREY",
    "lookalike.parts.features:LITE0_ROWS",
    "lookalike.parts.features:lite0_blocks",
    "lookalike.parts.frozenjudge:judge_on",
    "lookalike.parts.objectives:squared",
    "lookalike.parts.tricks:Parts",
    "lookalike.parts.tricks:changes",
    "lookalike.parts.trunks:steps",
}
"""Helpers of version 0.1 that no part of today needs; no saved recipe can name a function."""


def part_classes() -> dict[str, type[Any]]:
    """Every dataclass of the rooms that a recipe is made of."""
    found = {}
    for name, module in codec.modules().items():
        kind = getattr(import_module(module), name, None)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and name[0] != "_":
            found[name] = kind
    return found


def parts_in(value: Any) -> set[str]:
    """Every part that a saved recipe names."""
    if isinstance(value, list):
        return {name for item in value for name in parts_in(item)}
    if isinstance(value, dict):
        own = {value["part"]} if "part" in value else set()
        return own | {name for item in value.values() for name in parts_in(item)}
    return set()


# ---- what is saved --------------------------------------------------------------------------


def test_every_part_is_saved_under_its_class_name_and_found_by_it() -> None:
    classes = part_classes()
    assert len(classes) > 80
    for name, kind in classes.items():
        bare = object.__new__(kind)
        for field in dataclasses.fields(kind):
            object.__setattr__(bare, field.name, None)
        assert codec.encode(bare)["part"] == name
        assert codec._part(name, ()) is kind


@pytest.mark.parametrize("file", recipe.names(), ids=lambda file: file.name)
def test_a_recipe_of_today_names_classes_and_no_modules(file: recipe.RecipeFile) -> None:
    labels = {"labels": 2} if file.labels == "required" else {}
    made = file.function()(**labels)
    assert {name for name in parts_in(codec.encode(made)) if ":" in name or "." in name} == set()


def test_every_part_that_a_recipe_of_version_0_1_saved_is_there() -> None:
    named = {name for path in SAVED for name in parts_in(json.loads(path.read_text()))}
    assert len(named) > 60
    classes = part_classes()
    assert {name for name in named if name_today(name) not in classes} == set()


def test_the_file_of_a_class_is_no_part_of_its_saved_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = recipe.find("dcgan").function()().dumps()
    package = tmp_path / "lookalike"
    shutil.copytree(codec.PACKAGE / "parts", package / "parts")
    (package / "parts" / "networks" / "dcgan.py").rename(package / "parts" / "moved.py")
    monkeypatch.setattr(codec, "PACKAGE", package)
    codec.modules.cache_clear()
    try:
        where = codec.modules()["DCGANGenerator"]
        assert where == "lookalike.parts.moved"
        monkeypatch.setitem(sys.modules, where, import_module("lookalike.parts.networks.dcgan"))
        again = codec.decode(json.loads(saved)["recipe"]["networks"]["G"])
        assert type(again).__name__ == "DCGANGenerator"
    finally:
        codec.modules.cache_clear()


def test_a_name_that_nobody_knows_is_refused_in_words() -> None:
    for name in ("Nothing", "lookalike.parts.gone:Nothing", "Trainer"):
        with pytest.raises(RecipeError, match=r"the part .*(Nothing|Trainer).*another version"):
            codec.decode({"part": name})
    with pytest.raises(RecipeError, match="is not a part"):
        codec.decode({"part": "AdversarialLoss"})
    with pytest.raises(RecipeError, match="a file of its author's"):
        codec.decode({"part": "somebody.else:Adam"})


# ---- what earlier versions called it --------------------------------------------------------


@pytest.mark.parametrize("former", sorted(NAMES))
def test_a_former_name_means_something_of_today(former: str) -> None:
    name, module = NAMES[former], former.rpartition(":")[0]
    places = MODULES.get(module, (codec.modules().get(name, ""),))
    assert any(callable(getattr(import_module(place), name, None)) for place in places)
    assert name not in NAMES, "the right side is the name of today"


def test_a_recipe_file_may_import_every_module_and_name_of_version_0_1(tmp_path: Path) -> None:
    wanted = {
        module: [name for name in names if f"{module}:{name}" not in GONE]
        for module, names in VERSION_0_1.items()
    }
    lines = ['"""A file that knows all of version 0.1 (2024)."""']
    lines += [f"import {module}" for module in wanted]
    lines += [f"from {m} import {', '.join(names)}" for m, names in wanted.items() if names]
    lines += ["from lookalike.recipe import Recipe, find"]
    lines += ["def recipe(size: int = 32) -> Recipe:", "    return find('tiny').function()(size)"]
    own = tmp_path / "knows_all.py"
    own.write_text("\n".join(lines), "utf-8")
    before = set(sys.modules)
    made = recipe.find(str(own)).function()()
    for module in set(sys.modules) - before:
        if module in MODULES or module == "lookalike_own_knows_all":
            del sys.modules[module]
    assert isinstance(made, Recipe)


def test_a_helper_that_has_gone_is_said_to_have_gone() -> None:
    with former_modules():
        module = import_module("lookalike.parts.classic")
    try:
        with pytest.raises(AttributeError, match="no 'nonsense' any more"):
            _ = module.nonsense
    finally:
        del sys.modules["lookalike.parts.classic"]


@pytest.mark.parametrize("path", RECIPE_FILES, ids=lambda path: path.stem)
def test_a_recipe_file_copied_from_version_0_1_makes_the_recipe_of_today(path: Path) -> None:
    file = recipe.find(str(path))
    labels = {"labels": 3} if file.labels == "required" else {}
    made = file.function()(**labels)
    today = recipe.find(file.name).function()(**labels)
    if isinstance(today.prior, Flow):  # settings that the recipe of today has more
        maker = dataclasses.replace(today.networks["G"], limit=0.0)
        prior = dataclasses.replace(today.prior, early=0)
        today = dataclasses.replace(today, prior=prior, networks={**today.networks, "G": maker})
    assert made == today
    del sys.modules[file.module]


def test_parts_of_a_persons_file_answer_to_the_names_of_today() -> None:
    class Theirs(Prior):
        dims = 2

        def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
            return torch.zeros(count, 2)

        def carry(self, z: Tensor, labels: Tensor | None, learned: Learned) -> Tensor:
            return z + 1

        @property
        def learning(self) -> float:
            return 0.25

    class Quiet(Objective):
        labelled = 7

        @property
        def judging(self) -> bool:
            return False

        def verdict(self, found: Tensor) -> Tensor:
            return found[:, 0]

        def phases(self) -> tuple[Phase, ...]:
            return ()

    assert Theirs().transform(torch.zeros(1, 2), None, {}).tolist() == [[1.0, 1.0]]
    assert Theirs().fit_time_share == 0.25
    assert (Quiet().labeled, Quiet().gives_logits) == (7, False)
    assert Quiet().real_logits(torch.tensor([[3.0, 4.0]])).tolist() == [3.0]
    assert Game.judge is Game.discriminate


def nameless(value: Any) -> list[Any]:
    """The same tree again and again, each time with one of its inner parts without its name."""
    made = []
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, item in pairs:
        if not isinstance(item, dict | list):
            continue
        inner = nameless(item)
        if isinstance(item, dict) and "part" in item:
            inner.append({("pbrt" if name == "part" else name): v for name, v in item.items()})
        for one in inner:
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = one
            made.append(copy)
    return made


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_a_part_that_has_lost_its_name_is_refused_and_not_taken_for_a_mapping(path: Path) -> None:
    whole = json.loads(path.read_text())["recipe"]
    damaged = nameless(whole)
    assert damaged
    for one in damaged:
        with pytest.raises(RecipeError):
            codec.decode(one)


OWN_FILE = """
import collections.abc
import typing
from dataclasses import dataclass

Rates = collections.abc.Mapping[str, float]

class Loose(typing.TypedDict):
    fast: float

@dataclass(frozen=True)
class OwnRates:
    rates: {annotation}
"""


@pytest.mark.parametrize("postponed", [False, True])
@pytest.mark.parametrize(
    "annotation",
    [
        "Loose",
        "Rates",
        "collections.abc.MutableMapping[str, float]",
        "dict",
        "dict[str, float] | None",
        "object",
        "typing.Dict[str, float]",
        "typing.Mapping[str, float]",
        "typing.Optional[typing.Dict[str, float]]",
        "typing.Union[float, Rates]",
    ],
)
def test_a_mapping_in_a_persons_own_part_is_read_however_it_is_annotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, annotation: str, *, postponed: bool
) -> None:
    before = "from __future__ import annotations\n" if postponed else ""
    (tmp_path / "own_rates.py").write_text(before + OWN_FILE.format(annotation=annotation))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_rates", raising=False)
    held = {"fast": {"base": 0.5}} if annotation == "dict" else {"fast": 0.5}
    made = import_module("own_rates").OwnRates(held)
    saved = json.loads(json.dumps(codec.encode(made)))
    assert codec.decode(saved, ("own_rates",)) == made
    monkeypatch.delitem(sys.modules, "own_rates")


@pytest.mark.parametrize("key", ["G", "prior"])
def test_what_draws_must_say_which_part_it_is(tmp_path: Path, key: str) -> None:
    whole = json.loads(SAVED[0].read_text())
    tree = whole["recipe"]
    where = tree["networks"] if key == "G" else tree
    where[key]["pbrt"] = where[key].pop("part")
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(whole))
    with pytest.raises(RecipeError, match="which part it is"):
        load_drawing(path)
