"""How recipes are found by name, without importing any of them.

A recipe is ``recipes/NAME.py`` or ``recipes/NAME/recipe.py``. The file holds a docstring (its
first line is shown in lists), a function ``recipe(size, ...)`` and may declare ``SIZES``,
``RECTANGLES`` (True where it also makes pictures that are not square), ``CHANNELS`` and
``LABELS`` ("none", "optional" or "required") as plain literals, which are read without
running it.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from threading import Lock
from typing import Any

from lookalike.errors import RecipeError
from lookalike.recipe.former_names import former_modules
from lookalike.recipe.recipe import Recipe
from lookalike.sizes import Rectangle, square_of

GROUP = "lookalike.recipes"
FOLDER = Path(__file__).parents[1] / "recipes"
DECLARED = {"SIZES", "RECTANGLES", "CHANNELS", "LABELS"}

_PARSING = Lock()
"""Python 3.11 counts how deep its parser is for all threads together: two at once fail."""


@dataclass(frozen=True)
class RecipeFile:
    """A recipe that can be asked for: its name, what it declares, and where it is."""

    name: str
    about: str
    path: Path
    sizes: tuple[int, ...] = ()
    channels: tuple[int, ...] = (1, 3, 4)
    labels: str = "none"
    rectangles: bool = False

    def serves(self, size: int) -> bool:
        """Whether it makes pictures of this size.

        Of rectangles it makes those that double as often as a square that it makes, if any.
        """
        if isinstance(size, Rectangle) and not self.rectangles:
            return False
        return not self.sizes or square_of(size) in self.sizes

    @property
    def module(self) -> str:
        """The module name under which the file is imported."""
        if not self.own:
            return f"lookalike_own_{self.path.stem}"
        return ".".join(("lookalike.recipes", *self.path.relative_to(FOLDER).with_suffix("").parts))

    @property
    def own(self) -> bool:
        """Whether it is one of this package."""
        return self.path.is_relative_to(FOLDER)

    def takes(self, setting: str) -> bool:
        """Whether its function has a setting of this name. This runs the file."""
        return setting in inspect.signature(self.function()).parameters

    def function(self) -> Callable[..., Recipe]:
        """Import the file and return its function. This runs the file."""
        if self.own:
            return import_module(self.module).recipe  # type: ignore[no-any-return]
        spec = importlib.util.spec_from_file_location(self.module, self.path)
        if spec is None or spec.loader is None:
            raise RecipeError(f"{self.path} cannot be read as a Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.module] = module
        try:
            with former_modules():
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[self.module]  # half a module must not be found by the next call
            raise
        if not callable(getattr(module, "recipe", None)):
            raise RecipeError(
                f"{self.path} has no function 'recipe'. A recipe file defines "
                "'def recipe(size: int = 64, ...) -> Recipe'; see docs/add-a-variant.md."
            )
        return module.recipe  # type: ignore[no-any-return]


def names() -> list[RecipeFile]:
    """Every recipe that can be asked for by name, without importing any of them."""
    paths = [p for p in FOLDER.glob("*.py") if not p.stem.startswith("_")]
    paths = sorted([*paths, *FOLDER.glob("*/recipe.py")], key=_name)
    for point in entry_points(group=GROUP):
        spec = importlib.util.find_spec(point.module)
        if spec is not None and spec.origin:
            paths.append(Path(spec.origin))
    return [_read(path) for path in paths]


def find(name: str) -> RecipeFile:
    """The recipe of this name, or the recipe file at this path (``my_recipe.py``).

    Raises:
        RecipeError: there is none; the message lists what there is.
    """
    if name.endswith(".py"):
        path = Path(name).resolve()
        if not path.is_file():
            raise RecipeError(f"There is no recipe file {name}.")
        return _read(path)
    known = {recipe.name: recipe for recipe in names()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise RecipeError(
        f"There is no recipe {name!r}.{hint} There are: {', '.join(known)}. "
        "A file of your own is named by its path: --recipe my_recipe.py"
    )


def _name(path: Path) -> str:
    """``stylegan2`` of stylegan2/recipe.py, ``wgan-gp`` of wgan_gp.py."""
    folder = path.stem == "recipe" and path.parent.parent == FOLDER
    return (path.parent.name if folder else path.stem).replace("_", "-")


def _read(path: Path) -> RecipeFile:
    with _PARSING:
        return _declared(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _declared(path: Path, when: int) -> RecipeFile:
    """What a file declares that was written at this moment; read once."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except SyntaxError as problem:
        raise RecipeError(f"{path}, line {problem.lineno}: {problem.msg}.") from None
    declared: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in DECLARED:
                declared[node.targets[0].id] = _literal(path, node)
    about = (ast.get_docstring(tree) or "").partition("\n")[0]
    return RecipeFile(
        name=_name(path),
        about=about,
        path=path,
        sizes=tuple(declared.get("SIZES", ())),
        channels=tuple(declared.get("CHANNELS", (1, 3, 4))),
        labels=str(declared.get("LABELS", "none")),
        rectangles=bool(declared.get("RECTANGLES", False)),
    )


def _literal(path: Path, node: ast.Assign) -> Any:
    try:
        return ast.literal_eval(node.value)
    except ValueError:
        raise RecipeError(
            f"{path}, line {node.lineno}: SIZES, RECTANGLES, CHANNELS and LABELS are read without "
            "running the file, so write them out, as in SIZES = (32, 64)."
        ) from None


def trust(name: str | None) -> tuple[str, ...]:
    """Run a recipe file that the person named, and return the module that it may be opened with."""
    if name is None or not name.endswith(".py"):
        return ()
    file = find(name)
    file.function()
    return (file.module,)
