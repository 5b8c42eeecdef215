"""What the README says of the house is so: every folder and file that its tree names is there."""

from __future__ import annotations

import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]
PACKAGE = HOUSE / "src" / "lookalike"


def section() -> str:
    """The tree and the words below it."""
    text = (HOUSE / "README.md").read_text("utf-8")
    return text.partition("## The house\n")[2].partition("\n## ")[0]


def test_every_folder_and_file_of_the_tree_is_there() -> None:
    tree = section().split("```")[1]
    names = re.findall(r"(?<![\w/])([a-z_]+/|(?:[a-z_]+/)*[a-z_]+\.py)(?=[\s:(),]|$)", tree)
    assert len(names) > 40
    known = {path.name for path in [*PACKAGE.rglob("*"), *HOUSE.iterdir(), *HOUSE.glob("tests/*")]}
    missing = [
        name
        for name in names
        if Path(name).name not in known or ("/" in name[:-1] and not list(PACKAGE.rglob(name)))
    ]
    assert missing == []


def test_every_room_of_the_package_stands_in_the_tree() -> None:
    rooms = [path for path in PACKAGE.iterdir() if (path / "__init__.py").exists()]
    assert [room.name for room in rooms if f"{room.name}/" not in section()] == []
    files = [path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]
    assert [name for name in files if not re.search(rf"\b{name}\b", section())] == []
