"""A training that one number of processes began and another number ends.

Rounding differs by the number of ranks, and a game makes more of every difference, so equality is
asked of thirty steps; networks with batch statistics see them over other rows and differ at once.
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
RECIPE = ["--recipe", "mlp-gan", "--set", "batch=15", f"images={IMAGES}"]
"""No batch statistics, and batches that two ranks share unevenly."""


def begun(home: Path, name: str, ranks: int) -> AbstractContextManager[subprocess.Popen[str]]:
    """The same command by so many processes."""
    team = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    words = ["train", str(home / "p"), *RECIPE, "--into", str(home / name)]
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


@pytest.mark.parametrize("ranks", [(2, 1), (1, 2)])
def test_another_number_of_processes_continues_within_a_ten_thousandth(
    tmp_path: Path, ranks: tuple[int, int]
) -> None:
    fill(tmp_path / "photos", 40)
    words = ("--to", tmp_path / "p", "--size", "16")
    assert lookalike("prepare", tmp_path / "photos", *words).status == 0
    seen = stopped(tmp_path, "a", ranks[0])
    assert 0 < seen < IMAGES
    continued = ended(tmp_path, "a", ranks[1])
    whole = ended(tmp_path, "b", 1)
    assert apart(continued, whole) < 1e-4
