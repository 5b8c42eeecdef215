"""The page about Python and the examples are run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from case_tools import QUICK, fill, lookalike

import lookalike as package
from lookalike import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/api.md").read_text("utf-8")


@pytest.mark.slow
def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "photos" / "a", 30)
    fill(tmp_path / "photos" / "b", 30, 100)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/api.md", "exec"), names)
    assert (tmp_path / "runs/b/report.html").exists()


def test_the_page_names_every_function() -> None:
    others = {"Listener", "Pack", "__version__", "errors", "settings", *vars(errors)}
    missing = [n for n in package.__all__ if n not in others and f"`{n}(" not in PAGE]
    assert missing == []


def example(home: Path, name: str, *words: object) -> str:
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), *map(str, words)]
    ended = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("examples")
    fill(home / "photos" / "a", 40)
    fill(home / "photos" / "b", 24, 100)
    return home


@pytest.mark.slow
def test_an_image_folder_is_balanced(home: Path) -> None:
    out = example(home, "balance_imagefolder", "photos", "balanced", "1s")
    assert "synthetic pictures beside" in out
    assert len(list((home / "balanced/train/a").glob("real-*.png"))) > 20
    code = (ROOT / "examples/balance_imagefolder.py").read_text("utf-8").split('"""')[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10


@pytest.mark.slow
def test_a_pack_is_a_dataset_and_a_run_is_judged_by_colors(home: Path) -> None:
    assert lookalike("prepare", home / "photos", "--to", home / "p", "--size", "16").status == 0
    assert "3, 16, 16)" in example(home, "torch_dataset", "p")
    assert lookalike("train", home / "p", *QUICK, "--into", home / "r").status == 0
    assert "KID by colors" in example(home, "own_judge", "r")


@pytest.mark.slow
def test_a_folder_becomes_new_pictures(home: Path) -> None:
    example(home, "from_folder", "photos", "made", "1s")
    assert (home / "made/new-grid.png").exists()


def test_every_example_says_how_it_is_called() -> None:
    for file in (ROOT / "examples").glob("*.py"):
        assert f"python examples/{file.name} " in file.read_text("utf-8")
