"""The page that shows how to add a variant: its very file is taken out of it and trained."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pictures import Discs

from lookalike import recipe
from lookalike.engine.trainer import Trainer
from lookalike.errors import RecipeError
from lookalike.place import Place

PAGE = Path(__file__).parents[2] / "docs" / "add-a-variant.md"


def test_the_file_of_the_page_trains(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "boundary_seeking.py"
    path.write_text(code, "utf-8")

    file = recipe.find(str(path))
    assert file.name == "boundary-seeking"
    assert file.about.startswith("Boundary-seeking GAN")
    settings = {"width": "4", "objective.rule.weight": "0.25"}
    chosen = recipe.make(file, settings, {"size": 8, "channels": 3, "labels": 0})
    assert recipe.loads(chosen.dumps(), (file.module,)) == chosen
    with pytest.raises(RecipeError, match="boundary"):
        recipe.loads(chosen.dumps())  # somebody's file is not run unasked

    trainer = Trainer(replace(chosen, batch=4, images=16), Discs(8, 3), Place())
    before = {name: weight.clone() for name, weight in trainer.networks.named_parameters()}
    for _ in range(4):
        tally = trainer.step()
    assert set(tally.totals) == {"D", "G"}
    assert all(not weight.equal(before[n]) for n, weight in trainer.networks.named_parameters())


def test_the_page_names_only_parts_that_exist() -> None:
    text = PAGE.read_text("utf-8")
    source = "".join(
        file.read_text("utf-8") for file in (PAGE.parents[1] / "src/lookalike/parts").rglob("*.py")
    )
    parts = set(re.findall(r"\b([A-Z][a-zA-Z]+)\(", text.partition("## What else may vary")[2]))
    assert {"TwoPlayer", "NonSaturatingLoss", "Gate", "Phase"} <= parts
    assert {name for name in parts if f"class {name}" not in source} == set()
