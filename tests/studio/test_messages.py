"""The page says nothing that only somebody at a terminal understands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lookalike
from lookalike.studio.messages import for_page

ROOT = Path(lookalike.__file__).parent
SHOWN = (
    "stages/choose.py",
    "metrics/scores/health_verdict.py",
    "data/doctor/advice.py",
    "data/doctor/census.py",
    "data/doctor/findings.py",
)
"""Where sentences are made that a page of the studio shows."""
TERMINAL = re.compile(r"(^|\s|\()--\w|lookalike \w|Ctrl-C|'(prepare|evaluate|generate)\b")


def sentences(path: Path) -> Iterator[str]:
    """Every text of a file but docstrings and errors, with a number for what is put in."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = {
        id(part)
        for node in ast.walk(tree)
        for part in ast.iter_child_nodes(node)
        if isinstance(node, ast.JoinedStr)
    }
    unseen = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    unseen += [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    hidden = {id(inner) for node in unseen for inner in ast.walk(node)} | parts
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in node.values)


@pytest.mark.parametrize("name", SHOWN)
def test_no_sentence_of_a_page_has_an_option_or_a_command(name: str) -> None:
    found = list(sentences(ROOT / name))
    assert any(" " in sentence for sentence in found)
    left = [text for text in map(for_page, found) if TERMINAL.search(text)]
    assert left == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "64 px, because 64 trains in minutes (--size 128 or 256 takes about twice the time)",
            "64 px, because 64 trains in minutes (128 or 256 px take about twice the time)",
        ),
        (
            "a square leaves 33% of each picture out (--size 64x96 keeps their shape)",
            "a square leaves 33% of each picture out (64x96 px keep their shape)",
        ),
        ("Train it further (--more 30m); if not, more.", "Train it further; if not, more."),
        (
            "can be edited by them (lookalike edit); 'lookalike train' leaves them out.",
            "can be edited by them.",
        ),
        (
            "Healthy: the samples are 4.2 times as far from pictures never trained on as 64 real "
            "ones are by chance.",
            "Healthy.",
        ),
        (
            "Not near yet: the samples are 10 times as far from pictures never trained on as 64 "
            "real ones are by chance, and reach 37% of their variety (real ones: 73%); healthy is "
            "up to 8 times and half of what real ones reach. It may still come.",
            "Not near yet. New pictures reach 37% of the variety of yours; real ones reach 73%. It "
            "may still come.",
        ),
        ("a folder (of a--b) called x--y", "a folder (of a--b) called x--y"),
    ],
)
def test_what_the_terminal_says_is_said_in_other_words(said: str, shown: str) -> None:
    assert for_page(said) == shown
