"""lightly #660: what may not be read was not mentioned, or stayed refused when it could be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from case_tools import fill

from lookalike.data.pack import Pack

_DROP = ["setpriv", "--inh-caps=-dac_override,-dac_read_search"]
_DROP += ["--bounding-set=-dac_override,-dac_read_search"]
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or (ROOT and shutil.which("setpriv") is None),
    reason="needs rights that can be taken away",
)


def prepare(*words: str) -> tuple[dict[str, object], str]:
    """The JSON of prepare, run with no more rights than anybody's, and its last line of errors."""
    command = [sys.executable, "-m", "lookalike", "prepare", *words, "--size", "16", "--json"]
    done = subprocess.run(
        [*(_DROP if ROOT else ()), *command], capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout), (done.stderr.splitlines() or [""])[-1]


@pytest.fixture
def shut() -> Iterator[list[Path]]:
    """Places whose rights are given back after the test."""
    places: list[Path] = []
    yield places
    for place in places:
        place.chmod(0o755)


def close(places: Sequence[Path], shut: list[Path], mode: int = 0) -> None:
    for place in places:
        place.chmod(mode)
        shut.append(place)


@pytest.mark.slow
def test_what_may_not_be_read_is_named_and_tried_again(tmp_path: Path, shut: list[Path]) -> None:
    folder, to = tmp_path / "in", tmp_path / "pack"
    fill(folder / "birds", 10, 200)
    fill(folder / "cats", 10)
    dogs = fill(folder / "dogs", 10, 100)
    closed = [folder / "birds", dogs / "0100.png", dogs / "0101.png"]
    close(closed, shut)
    done, _ = prepare(str(folder), "--to", str(to))
    assert (done["count"], done["refused"]) == (18, 3)
    reasons = {row["source"]: row["reason"] for row in Pack.open(to).refused()}
    assert reasons["birds"] == "is a folder that cannot be opened (Permission denied)"
    assert reasons["dogs/0100.png"] == "cannot be opened (Permission denied)"
    for place in closed[1:]:
        place.chmod(0o644)
    done, _ = prepare(str(folder), "--to", str(to))
    assert (done["count"], done["decoded"], done["refused"]) == (20, 2, 1)
    closed[0].chmod(0o755)
    done, _ = prepare(str(folder), "--to", str(to))
    assert done["class_counts"] == {"birds": 10, "cats": 10, "dogs": 10}
    assert done["refused"] == 0


@pytest.mark.slow
def test_a_root_or_a_target_without_rights_is_a_message(tmp_path: Path, shut: list[Path]) -> None:
    folder = fill(tmp_path / "in", 20)
    for name, mode in (("closed", 0), ("ro", 0o555)):
        (tmp_path / name).mkdir()
        close([tmp_path / name], shut, mode)
    _, words = prepare(str(tmp_path / "closed"), "--to", str(tmp_path / "pack"))
    assert words.startswith(f"Error: {tmp_path / 'closed'} cannot be opened (Permission denied).")
    _, words = prepare(str(folder), "--to", str(tmp_path / "ro" / "pack"))
    assert words.startswith(
        f"Error: {tmp_path / 'ro' / 'pack'} could not be read or written: permission"
    )
