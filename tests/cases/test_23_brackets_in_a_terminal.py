"""Names with brackets are shown as they are, and what an output cannot show ends no work."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from case_tools import QUICK, fill, lookalike
from rich.console import Console
from rich.progress import Progress

from lookalike.cli.output import Screen, columns

NAMES = ("[small]", "odd [/b]", "[bold red]", ":smile:", "a\\[b]")


@pytest.mark.parametrize("name", NAMES)
def test_a_live_screen_shows_names_as_they_are(name: str) -> None:
    into = io.StringIO()
    console = Console(file=into, force_terminal=True, width=200, emoji=True)
    with Progress(*columns(), console=console, transient=False) as bars:
        screen = Screen(bars)
        screen.say(f"The class {name} has 3 pictures.")
        screen.tell(f"reading {name}", 1, 2)
    assert f"The class {name} has 3 pictures." in into.getvalue()
    assert f"reading {name}" in into.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_that_name_is_trained_on(tmp_path: Path, name: str) -> None:
    fill(tmp_path / name, 20)
    ended = lookalike("start", tmp_path / name, *QUICK, "--size", "16", "--into", tmp_path / "r")
    assert ended.status == 0, ended.err
    assert name in ended.err


def output_of(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "lookalike", *words],
        cwd=home,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "locale C"],
)
def test_a_narrow_output_shows_bytes_and_ends_nothing(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    fill(tmp_path / "u" / "Groß", 10)
    fill(tmp_path / "u" / "Klein", 10, 50)
    ended = output_of(tmp_path, "prepare", "u", "--to", "q", "--size", "16", **environment)
    assert ended.returncode == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b"Klein 10" in ended.stdout
    for words in (("generate", "--help"), ("evaluate", "--help"), ("recipes",)):
        assert output_of(tmp_path, *words, **environment).returncode == 0
