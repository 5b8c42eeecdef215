"""The page that shows how to add a variant: its files and every row of it are taken and trained."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pictures import Discs

from lookalike import recipe
from lookalike.engine.trainer import Trainer
from lookalike.errors import RecipeError
from lookalike.place import Place
from lookalike.recipe import Recipe

PAGE = Path(__file__).parents[2] / "docs" / "add-a-variant.md"
TEXT = PAGE.read_text("utf-8")
VARIANT, OWN_PARTS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
ROWS = re.findall(
    r"^\| (?!you want)([^|\n-][^|\n]*) \| ([^|\n]*) \|(?: ([^|\n]*) \|)?$", TEXT, re.M
)
MOST_LINES = 25


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The recipe of the page at its smallest."""
    path = tmp_path_factory.mktemp("page") / "boundary_seeking.py"
    path.write_text(VARIANT, "utf-8")
    file = recipe.find(str(path))
    assert file.name == "boundary-seeking"
    assert file.about.startswith("Boundary-seeking GAN")
    settings = {"width": "4", "objective.rule.weight": "0.25"}
    made = recipe.make(file, settings, {"size": 8, "channels": 3, "labels": 0})
    assert recipe.loads(made.dumps(), (file.module,)) == made
    with pytest.raises(RecipeError, match="boundary"):
        recipe.loads(made.dumps())  # somebody's file is not run unasked
    return replace(made, batch=4, images=16)


def lines_of_code(text: str) -> int:
    """Lines that are neither blank nor a comment nor part of a docstring."""
    docs: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    plain = (line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in docs)
    return sum(1 for line in plain if line and not line.startswith("#"))


def names_of(modules: str) -> dict[str, Any]:
    """What the modules of a row define: "`losses.base`, `losses.adversarial`"."""
    parts = [import_module(f"lookalike.parts.{name}") for name in re.findall(r"`([^`]+)`", modules)]
    return {name: value for part in parts for name, value in vars(part).items()}


def test_the_file_of_the_page_has_at_most_25_lines_of_code_and_trains(chosen: Recipe) -> None:
    assert lines_of_code(VARIANT) <= MOST_LINES
    trainer = Trainer(chosen, Discs(8, 3), Place())
    before = {name: weight.clone() for name, weight in trainer.networks.named_parameters()}
    for _ in range(4):
        tally = trainer.step()
    assert set(tally.totals) == {"D", "G"}
    assert all(not weight.equal(before[n]) for n, weight in trainer.networks.named_parameters())


def test_the_page_has_rows() -> None:
    assert len(ROWS) == TEXT.count("\n| ") - 2  # but for the two heads
    assert len(ROWS) > 15


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_row_of_the_page_is_a_recipe_that_trains(
    row: tuple[str, str, str], chosen: Recipe
) -> None:
    _, code, modules = row
    known: dict[str, Any] = {"__name__": "own_parts"}
    exec(VARIANT.partition("@dataclass")[0], known)
    if not modules:
        exec(OWN_PARTS, known)
    fields = eval(f"dict({code.strip('`')})", known | names_of(modules))
    assert fields
    trainer = Trainer(replace(chosen, **fields), Discs(8, 3), Place())
    totals = [set(trainer.step().totals) for _ in range(4)]
    assert {"D", "G"} <= set().union(*totals)
    assert trainer.sampler().pictures(0, 0, 2).shape == (2, 8, 8, 3)
