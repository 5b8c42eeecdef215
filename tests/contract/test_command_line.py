"""The command line that people's scripts rely on, word for word, beside a frozen copy.

When a change is meant: python tests/contract/test_command_line.py > tests/contract/command_line.txt
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from lookalike.cli.main import app

FROZEN = Path(__file__).with_name("command_line.txt")


def lines(part: App, words: tuple[str, ...] = ("lookalike",)) -> Iterator[str]:
    """One line a verb and one for each of its arguments, in order of their names."""
    for name in sorted(name for name in part if not name.startswith("-")):
        verb, path = part[name], (*words, name)
        below = list(lines(verb, path))
        yield from below
        if not below:
            yield " ".join(path)
            yield from sorted(_arguments(verb))


def _arguments(verb: App) -> Iterator[str]:
    for argument in verb.assemble_argument_collection():
        if argument.parse and not argument.children and argument.names:
            kind = "argument" if argument.index is not None else "option"
            needed = ", required" if argument.required else ""
            yield f"    {' '.join(argument.names)} ({kind}{needed})"


def test_the_command_line_is_the_frozen_one() -> None:
    wanted, found = FROZEN.read_text("utf-8").splitlines(), list(lines(app))
    changes = "\n".join(difflib.unified_diff(wanted, found, "frozen", "now", lineterm="", n=2))
    assert not changes, f"the command line changed; if that is meant:\n{__doc__}\n{changes}"


if __name__ == "__main__":
    print("\n".join(lines(app)))
