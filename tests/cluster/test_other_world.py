"""A training that one number of processes began and another number ends.

Rounding differs by the number of ranks, and a game makes more of every difference, so equality is
asked of thirty steps. Every recipe, without a command around it: tests/engine/test_worlds.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from case_tools import fill, lookalike, running, until

from lookalike.run import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]
IMAGES = 450
SETTINGS = {"mlp-gan": [], "tiny": ["width=4"]}
"""Without batch statistics, and with them."""


def begun(home: Path, name: str, ranks: int) -> AbstractContextManager[subprocess.Popen[str]]:
    """The same command by so many processes."""
    team = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    recipe = home.name
    words = ["train", str(home / "p"), "--recipe", recipe, "--into", str(home / name)]
    # Two ranks share a batch of 15 unevenly.
    words += ["--set", "batch=15", f"images={IMAGES}", *SETTINGS[recipe]]
    words += ["--threads", "1", "--device", "cpu", "--precision", "fp32"]
    return running(
        *(sys.executable, *(team if ranks > 1 else []), "-m", "lookalike", *words),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )


def stopped(home: Path, name: str, ranks: int) -> int:
    """Stop it in the middle, as Slurm does before the time is over; how many images it has seen."""
    stats = home / name / "stats.jsonl"
    with begun(home, name, ranks) as process:

        def trains() -> bool:
            assert process.poll() is None
            return stats.exists() and stats.read_text().count("\n") >= 1

        until(trains, 120, pause=0.005)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    state, _ = Run(home / name).newest()
    assert state is not None, err
    return state["clock"][0]


def ended(home: Path, name: str, ranks: int) -> dict[str, torch.Tensor]:
    """Run it to its end; the weights."""
    with begun(home, name, ranks) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-2000:]
    state, _ = Run(home / name).newest()
    assert state is not None
    assert state["clock"][0] == IMAGES
    return state["networks"]


def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((value - other[name]).abs().max()) for name, value in one.items())


@pytest.mark.parametrize(
    ("recipe", "size", "ranks"),
    [
        ("mlp-gan", 16, (2, 1)),
        ("tiny", 16, (1, 3)),
    ],
)
def test_another_number_of_processes_continues_within_a_ten_thousandth(
    tmp_path: Path, recipe: str, size: int, ranks: tuple[int, int]
) -> None:
    home = tmp_path / recipe
    home.mkdir()
    fill(home / "photos", 40)
    words = ("--to", home / "p", "--size", str(size))
    assert lookalike("prepare", home / "photos", *words).status == 0
    seen = stopped(home, "a", ranks[0])
    assert 0 < seen < IMAGES
    continued = ended(home, "a", ranks[1])
    whole = ended(home, "b", 1)
    assert apart(continued, whole) < 1e-4
