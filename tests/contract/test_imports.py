"""Imports point one way. Read with ast, so that a forbidden import is found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lookalike

ROOT = Path(lookalike.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

GROUND = {"errors", "seeds", "images", "telling", "durations", "place", "codec", "lookalike"}
"""What everybody may use; ``lookalike`` is the package's own version number."""

MAY: dict[str, set[str]] = {
    "errors": set(),
    "seeds": set(),
    "telling": set(),
    "images": {"errors"},
    "durations": {"errors"},
    "codec": {"errors"},
    "place": {"errors"},
    "parts": GROUND - {"codec"},
    "data": GROUND - {"place", "codec"},
    "sources": (GROUND - {"place", "codec"}) | {"data"},
    "metrics": (GROUND - {"codec"}) | {"data"},
    "recipe": GROUND | {"parts"},
    "checkpoints": GROUND,
    "run": GROUND | {"recipe", "checkpoints"},
    "recipes": GROUND | {"parts", "recipe"},
    # Two names of one floor: the session calls watchers, watchers look at the trainer.
    "engine": GROUND | {"parts", "data", "recipe", "run", "checkpoints", "watch"},
    "watch": GROUND | {"parts", "data", "metrics", "recipe", "run", "checkpoints", "engine"},
    "report": GROUND | {"data", "metrics", "recipe", "run", "engine", "watch"},
    "stages": GROUND
    | {
        "parts",
        "data",
        "sources",
        "metrics",
        "recipe",
        "run",
        "checkpoints",
        "engine",
        "watch",
        "report",
    },
    "results": GROUND | {"stages", "watch"},
    "api": GROUND
    | {
        "results",
        "parts",
        "data",
        "sources",
        "metrics",
        "recipe",
        "run",
        "checkpoints",
        "engine",
        "watch",
        "report",
        "stages",
    },
    "cli": GROUND
    | {
        "api",
        "results",
        "recipe",
        "run",
        "stages",
        "watch",
        "engine",
        "data",
        "sources",
        "metrics",
    },
    "web": GROUND | {"api", "results", "recipe", "run", "stages", "watch", "data"},
    "lookalike": {"api"},
    "__main__": {"cli"},
}
ISLANDS = {"stages", "recipes"}
NETWORK = {
    "httpx",
    "requests",
    "socket",
    "urllib.request",
    "http.client",
    "aiohttp",
    "scrapy",
    "playwright",
}


def room(path: Path) -> str:
    """The room of a file: ``parts`` for parts/turns.py, ``recipe`` for recipe.py."""
    inside = path.relative_to(ROOT).parts
    return "lookalike" if inside == ("__init__.py",) else inside[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, inside functions as well."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def own(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Line, room and path of everything of our own that a file imports."""
    for line, name in imported(path):
        steps = name.split(".")
        if steps[0] == "lookalike":
            known = steps[1] if len(steps) > 1 else "lookalike"
            here = (ROOT / known).is_dir() or (ROOT / f"{known}.py").is_file()
            yield line, known if here else "lookalike", steps[1:]


def test_there_are_files_to_read() -> None:
    assert len(FILES) > 30
    assert {room(path) for path in FILES} <= set(MAY), "a new room: say here what it may import"


@pytest.mark.parametrize("name", sorted(MAY))
def test_a_room_imports_only_what_lies_below_it(name: str) -> None:
    allowed = MAY[name] | {name}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {found}"
        for path in FILES
        if room(path) == name
        for line, found, _ in own(path)
        if found not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("island", sorted(ISLANDS))
def test_stages_and_recipes_never_import_a_neighbor(island: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        if room(path) == island
        for line, found, steps in own(path)
        if found == island and steps[1:2] != [path.stem]
    ]
    assert wrong == []


def test_nothing_imports_a_recipe_by_name() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        for line, found, _ in own(path)
        if found == "recipes"
    ]
    assert wrong == []


def test_only_sources_and_the_page_touch_the_network() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in FILES
        if room(path) not in {"sources", "web"}
        for line, name in imported(path)
        if any(name == n or name.startswith(f"{n}.") for n in NETWORK)
    ]
    assert wrong == []


def test_data_does_not_need_torch() -> None:
    wrong = []
    for path in FILES:
        if room(path) in {"data", "sources"}:
            for node in ast.parse(path.read_text("utf-8")).body:
                names = (
                    [a.name for a in node.names]
                    if isinstance(node, ast.Import)
                    else [str(node.module)]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                wrong += [str(path) for n in names if n.split(".")[0] in {"torch", "torchvision"}]
    assert wrong == []
