"""Two processes with the same total batch are one process, up to rounding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lookalike.run import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]

PROGRAM = """
import json, sys
from pathlib import Path
from safetensors.torch import save_file
import players
from pictures import Discs
from lookalike.engine import budget
from lookalike.engine.session import Session
from lookalike.engine.distributed import leave
from lookalike.engine.trainer import Trainer
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.place import choose
from lookalike.run import Run
from lookalike.watch.numbers import Numbers

base = Path(sys.argv[1])
place = choose(device="cpu", precision="fp32", threads=1)
player = Adam(rate=Constant(1e-2))
recipe = players.recipe(batch=7, images=28, optimizers={"G": player, "D": player})
trainer = Trainer(recipe, Discs(8), place)
run = Run(base / f"run{place.rank}")
if place.main:
    with run.writing():
        outcome = Session(run, trainer, [Numbers()]).fit()
else:
    outcome = Session(run, trainer, [Numbers()]).fit()
weights = {n: v.contiguous() for n, v in trainer.networks.state_dict().items()}
save_file(weights, base / f"weights{place.rank}.safetensors")
speed = budget.measure(recipe, Discs(8), place, seconds=0.2)
told = {"images": outcome.images, "past": trainer.past, "speed": speed.mean}
(base / f"told{place.rank}.json").write_text(json.dumps(told))
trainer.group.close()
leave()
"""


def played(folder: Path, processes: int) -> Path:
    folder.mkdir()
    program = folder / "program.py"
    program.write_text(PROGRAM)
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, *(start if processes > 1 else []), str(program), str(folder)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return folder


def test_two_processes_give_the_weights_of_one_and_one_of_them_writes(tmp_path: Path) -> None:
    alone, team = played(tmp_path / "alone", 1), played(tmp_path / "team", 2)
    wanted = load_file(alone / "weights0.safetensors")
    first, second = (load_file(team / f"weights{rank}.safetensors") for rank in (0, 1))
    for name, value in wanted.items():
        assert torch.equal(first[name], second[name]), name
        assert float((first[name] - value).abs().max()) < 1e-4, name
    assert (team / "run0").is_dir()
    assert not (team / "run1").exists(), "only rank 0 writes"
    told = [json.loads((team / f"told{rank}.json").read_text()) for rank in (0, 1)]
    assert told[0] == told[1], "ranks must agree on losses and on the measured speed"
    assert told[0]["images"] == 28
    one, two = (Run(folder / "run0").stats() for folder in (alone, team))
    assert len(one) == len(two) == 4
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, abs=1e-4)

    state, refused = Run(team / "run0").newest()
    assert refused == []
    assert state is not None
    assert state["clock"] == [28, 4]
    assert all(torch.equal(v, first[n]) for n, v in state["networks"].items())
