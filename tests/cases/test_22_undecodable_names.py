"""dupeguru #335: a folder whose name is no UTF-8, and a terminal that shows ASCII only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from case_tools import fill, prepared

from lookalike.data.pack import Pack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")


def test_a_folder_with_a_latin_name_is_prepared_and_its_classes_stay_apart(tmp_path: Path) -> None:
    home = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    for number, name in enumerate((b"B\xe4r", b"B\xf6r")):
        fill(home / os.fsdecode(name), 10, 100 * number)
    done = prepared(home)
    assert done.class_counts == {"Bär": 10, "Bör": 10}
    plan = Pack.open(done.path).info["plan"]
    assert Path(plan["source"]) == home.resolve()


@pytest.mark.slow
def test_a_narrow_terminal_shows_what_it_can(tmp_path: Path) -> None:
    fill(tmp_path / "u" / "Groß", 10)
    fill(tmp_path / "u" / "Klein", 10, 50)
    command = [sys.executable, "-m", "lookalike", "prepare", "u", "--to", "q", "--size", "16"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Gro\\xdf 10, Klein 10" in done.stdout
