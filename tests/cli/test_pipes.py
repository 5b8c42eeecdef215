"""What happens when the program that reads our output goes away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.data.pack.pack import Pack


def run_unread(*words: object, streams: tuple[str, ...]) -> tuple[int, str]:
    """Run the command line with streams that nobody reads: (exit status, what stderr said)."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ran = subprocess.run(
            [sys.executable, "-m", "lookalike", *map(str, words)],
            stdout=closed,
            stderr=closed if "stderr" in streams else subprocess.PIPE,
            check=False,
        )
    return ran.returncode, (ran.stderr or b"").decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("recipes",), ("recipes", "--json"), ("show", "nowhere", "--json")]
)
def test_an_output_that_nobody_reads_ends_the_command_without_a_word(
    words: tuple[str, ...],
) -> None:
    status, said = run_unread(*words, streams=("stdout",))
    assert status == 141
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


@pytest.mark.slow
def test_progress_that_nobody_reads_does_not_end_the_work(folder: Path, tmp_path: Path) -> None:
    words = ("prepare", folder, "--to", tmp_path / "p", "--size", "16")
    status, _ = run_unread(*words, streams=("stdout", "stderr"))
    assert status == 141
    assert Pack.open(tmp_path / "p").count == 60
