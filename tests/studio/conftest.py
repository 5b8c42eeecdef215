"""A folder with pictures and a small run, and a studio of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from case_tools import QUICK, fill, lookalike
from studio_client import STRANGE, Client, let_in, serving

from lookalike.studio.server.server import Served


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of blots, and a run of them."""
    home = tmp_path_factory.mktemp("studio")
    for number, name in enumerate(("round", STRANGE)):
        fill(home / "blots" / name, 24, 100 * number)
    (home / "outside.txt").write_text("a secret")
    ended = lookalike("train", home / "blots", "--into", home / "runs" / "first", *QUICK)
    assert ended.status == 0, ended.err
    return home


@pytest.fixture(scope="session")
def served(home: Path) -> Iterator[Served]:
    with serving(home) as served:
        yield served


@pytest.fixture(scope="session")
def client(served: Served) -> Client:
    return let_in(served)
