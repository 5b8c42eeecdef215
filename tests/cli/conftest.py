from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.cli.main import main


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty colored pictures of 40 px in two class folders, and one file that is no picture."""
    root = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for index in range(60):
        place = root / ("warm" if index % 2 else "cold")
        place.mkdir(exist_ok=True)
        pixels = draw.integers(0, 90, (40, 40, 3), dtype=np.uint8)
        pixels[8:32, 8:32, 0 if index % 2 else 2] = 200 + index % 50
        Image.fromarray(pixels).save(place / f"{index}.png")
    (root / "warm" / "notes.png").write_text("not a picture")
    return root


@pytest.fixture(scope="session")
def pack(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("packs") / "p"
    main(["prepare", str(folder), "--to", str(to), "--size", "16", "--json"])
    return to


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line: (exit status, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            main([str(word) for word in words])
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run
