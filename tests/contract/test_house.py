"""The house: rooms, arrows and names. Read with ast, so that nothing is run to find a fault.

docs/house.md says why. What a test here refuses is mended in the code, not here.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import lookalike

ROOT = Path(lookalike.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
GLOSSARY = Path(__file__).with_name("glossary.txt")

MOST_FILES = 14
ONE_A_THING = {"recipes", "stages", "cli"}
"""Folders with one file a verb or a variant may grow."""

GROUND = {
    "errors",
    "seeds",
    "images",
    "sizes",
    "progress",
    "results",
    "storage_errors",
    "durations",
    "locks",
    "place",
    "checkpoints",
    "efficientnet",
    "lookalike",
}
"""What everybody may use; ``lookalike`` is the package's own version number."""

LIGHT = {"api", "cli", "lookalike", "recipe", "settings", "studio"}
"""Rooms that open others inside of functions, so that ``--help`` and a first page need no torch."""

_LOWER = GROUND | {"settings"}
_PARTS = _LOWER | {"parts"}
_LOOP = _PARTS | {"data", "recipe", "run"}
_STAGES = _LOOP | {"sources", "metrics", "engine", "watch", "editing", "share", "report", "cluster"}
MAY: dict[str, set[str]] = {
    "errors": set(),
    "seeds": set(),
    "progress": set(),
    "results": set(),
    "storage_errors": {"errors"},
    "locks": set(),
    "sizes": set(),
    "images": {"errors"},
    "durations": {"errors"},
    "place": {"errors", "lookalike"},
    "checkpoints": {"errors", "locks"},
    "efficientnet": {"errors"},
    "settings": GROUND,
    "parts": _LOWER,
    "data": _LOWER,
    "sources": _LOWER | {"data"},
    "metrics": _LOWER | {"data"},
    "recipe": _PARTS,
    "recipes": _PARTS | {"recipe"},
    "run": _LOWER | {"recipe"},
    "engine": _LOOP | {"cluster"},
    "watch": _LOOP | {"metrics", "engine"},
    "editing": _LOOP | {"metrics", "engine"},
    "cluster": _LOWER | {"data"},
    "share": _LOOP | {"metrics", "engine", "editing"},
    "report": _LOOP | {"metrics", "engine", "watch"},
    "stages": _STAGES,
    "api": _STAGES | {"stages"},
    "cli": _STAGES | {"stages", "api", "studio"},
    "studio": _STAGES | {"stages", "api"},
    "lookalike": {"api", "errors", "settings", "progress", "data"},  # the names at the top
    "__main__": {"cli"},
}
ISLANDS = {"stages", "recipes"}
NETWORK = (
    "httpx",
    "requests",
    "socket",
    "urllib.request",
    "http.client",
    "aiohttp",
    "scrapy",
    "playwright",
)


def room(path: Path) -> str:
    """The room of a file: ``parts`` for parts/training/triggers.py, ``run`` for run.py."""
    inside = path.relative_to(ROOT).parts
    return "lookalike" if inside == ("__init__.py",) else inside[0].removesuffix(".py")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Statement and full name of everything that a file imports, inside functions as well."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}:{node.lineno}: relative import"
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def file_of(name: str) -> Path | None:
    """The file that holds ``lookalike.a.b.Name``, or None for other packages."""
    steps = name.split(".")
    if steps[0] != "lookalike":
        return None
    for last in range(len(steps), 0, -1):
        place = ROOT.joinpath(*steps[1:last])
        if place.with_suffix(".py").is_file() and last > 1:
            return place.with_suffix(".py")
        if (place / "__init__.py").is_file():
            return place / "__init__.py"
    return None


@cache
def own(path: Path) -> tuple[tuple[ast.stmt, Path], ...]:
    """Statement and file of everything of our own that a file imports."""
    found = [(node, file_of(name)) for node, name in imported(path)]
    return tuple((node, file) for node, file in found if file is not None and file != path)


def for_types_only(path: Path) -> set[ast.stmt]:
    """The imports below ``if TYPE_CHECKING``."""
    tests = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.If))
    guarded = (t for t in tests if isinstance(t.test, ast.Name) and t.test.id == "TYPE_CHECKING")
    return {node for test in guarded for node in test.body}


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """Names that can be reached from themselves."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for below in arrows.get(todo.pop(), set()) - seen:
                seen.add(below)
                todo.append(below)
        return seen

    return sorted(name for name in arrows if name in reach(name))


def test_there_are_files_to_read() -> None:
    assert len(FILES) > 100
    assert {room(path) for path in FILES} <= set(MAY), "a new room: say here what it may import"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MAY))
def test_a_room_imports_only_what_lies_below_it(name: str) -> None:
    wrong = [
        f"{shown(path)}:{node.lineno} imports {shown(file)}"
        for path in FILES
        if room(path) == name
        for node, file in own(path)
        if room(file) not in MAY[name] | {name}
    ]
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("island", sorted(ISLANDS))
def test_a_stage_and_a_recipe_never_import_a_neighbor(island: str) -> None:
    def place(path: Path) -> str:
        return path.relative_to(ROOT / island).parts[0]

    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in FILES
        if room(path) == island
        for node, file in own(path)
        if room(file) == island and place(file) not in {place(path), "__init__.py"}
    ]
    assert wrong == []


@pytest.mark.slow
def test_nothing_imports_a_recipe_by_name() -> None:
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in FILES
        for node, file in own(path)
        if room(file) == "recipes" and room(path) != "recipes"
    ]
    assert wrong == []


def test_imports_stand_at_the_top_but_for_optional_packages_and_light_faces() -> None:
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in FILES
        if room(path) not in LIGHT
        for node, _ in own(path)
        if node not in parsed(path).body and node not in for_types_only(path)
    ]
    assert wrong == []


def test_no_files_import_one_another_in_a_circle() -> None:
    arrows = {shown(p): {shown(f) for _, f in own(p)} for p in FILES if p.name != "__init__.py"}
    assert circles(arrows) == []


def test_no_folders_import_one_another_in_a_circle() -> None:
    arrows: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        if path.name == "__init__.py":
            continue
        here = path.parent if path.parent != ROOT else path
        for _, file in own(path):
            there = file.parent if file.parent != ROOT else file
            if there != here:
                arrows[shown(here)].add(shown(there))
    assert circles(arrows) == []


def test_a_folder_holds_at_most_fourteen_files() -> None:
    counted = Counter(path.parent for path in FILES if path.name != "__init__.py")
    wrong = {
        shown(folder): count
        for folder, count in counted.items()
        if count > MOST_FILES and shown(folder) not in ONE_A_THING
    }
    assert wrong == {}


def test_a_public_class_name_stands_once_in_the_package() -> None:
    places = defaultdict(list)
    for path in FILES:
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(shown(path))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
    assert [name for name in places if hasattr(builtins, name)] == []


@pytest.mark.parametrize("shelf", ["parts/networks", "parts/losses"])
def test_networks_and_losses_of_one_recipe_alone_live_with_it(shelf: str) -> None:
    def below(path: Path, seen: set[Path]) -> set[Path]:
        for _, file in own(path):
            if file not in seen:
                seen.add(file)
                below(file, seen)
        return seen

    users: dict[Path, set[str]] = defaultdict(set)
    for path in FILES:
        if room(path) == "recipes" and path.name != "__init__.py":
            name = path.relative_to(ROOT / "recipes").parts[0].removesuffix(".py")
            for file in below(path, set()):
                users[file].add(name)
    outside = {
        file for path in FILES if room(path) not in {"parts", "recipes"} for _, file in own(path)
    }
    wrong = {
        shown(path): sorted(users[path])
        for path in sorted((ROOT / shelf).glob("*.py"))
        if path.name != "__init__.py" and len(users[path]) < 2 and path not in outside
    }
    assert wrong == {}


def test_watch_holds_watchers_only() -> None:
    wrong = []
    for path in FILES:
        if room(path) == "watch" and path.name != "__init__.py":
            classes = [node for node in parsed(path).body if isinstance(node, ast.ClassDef)]
            bases = {ast.unparse(base) for node in classes for base in node.bases}
            if "Watcher" not in bases:
                wrong.append(shown(path))
    assert wrong == []


def test_every_door_has_words_of_the_glossary_on_it() -> None:
    words = {
        w for line in GLOSSARY.read_text("utf-8").splitlines() for w in line.split("#")[0].split()
    }
    wrong = {
        shown(path): unknown
        for path in FILES
        if path.name not in {"__init__.py", "__main__.py"}
        for unknown in [[w for w in re.split(r"[_/]", shown(path)[:-3]) if w not in words]]
        if unknown
    }
    assert wrong == {}


@pytest.mark.slow
def test_only_sources_the_cluster_and_the_page_touch_the_network() -> None:
    wrong = [
        f"{shown(path)}:{node.lineno} imports {name}"
        for path in FILES
        if room(path) not in {"sources", "studio", "cluster"}
        for node, name in imported(path)
        if any(name == n or name.startswith(f"{n}.") for n in NETWORK)
    ]
    assert wrong == []


def test_data_sources_and_settings_do_not_need_torch() -> None:
    wrong = [
        shown(path)
        for path in FILES
        if room(path) in {"data", "sources", "settings"}
        for node, name in imported(path)
        if node in parsed(path).body and name.split(".")[0] in {"torch", "torchvision"}
    ]
    assert wrong == []


@pytest.mark.slow
def test_where_json_may_be_damaged_it_may_be_too_deep() -> None:
    """What is no JSON is a ValueError, and what is nested ten thousand deep a RecursionError."""
    found, narrow = 0, []
    for path in FILES:
        for node in ast.walk(parsed(path)):
            caught = _caught_of_json(node)
            found += bool(caught)
            if caught and "ValueError" in caught and "RecursionError" not in caught:
                narrow.append(f"{shown(path)}:{node.lineno}")
    assert found > 15
    assert not narrow, narrow


def _caught_of_json(node: ast.AST) -> str:
    """The errors that are caught around a ``json.loads`` of this very statement, as text."""
    if isinstance(node, ast.Try):
        caught = " ".join(ast.unparse(h.type) for h in node.handlers if h.type is not None)
    elif isinstance(node, ast.With) and "suppress" in ast.unparse(node.items[0]):
        caught = ast.unparse(node.items[0])
    else:
        return ""
    return caught if "json.loads" in " ".join(map(ast.unparse, node.body)) else ""
