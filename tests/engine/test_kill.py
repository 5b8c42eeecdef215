"""A real training that is killed again and again ends as one that was left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import differences, discs

from lookalike import images
from lookalike.data.pack.writer import write_pack
from lookalike.run import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and POSIX signals"),
]

STEPS, BATCH = 260, 4

NURSERY = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch._dynamo  # what the first step would import, in every child anew
from lookalike import recipe
from lookalike.data.pack.pack import Pack
from lookalike.engine.session import Session
from lookalike.engine.trainer import Trainer
from lookalike.place import Place
from lookalike.run import Run
from lookalike.stages.train import source
from lookalike.watch.numbers import Numbers

def train(pack, folder, save_every):
    chosen = recipe.make(recipe.find("tiny"), {"width": 2}, {"size": 8})
    chosen = replace(chosen, images=IMAGES, batch=BATCH, mirror=True, transforms=("noise", "crop"))
    run = Run(Path(folder))
    with run.writing():
        run.write_recipe(chosen)
        trainer = Trainer(chosen, source(Pack.open(pack), chosen), Place(threads=1))
        Session(run, trainer, [Numbers(reports=50)], save_every=float(save_every)).fit()

for line in sys.stdin:
    child = os.fork()
    if not child:
        train(*line.split("\\t"))
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
""".replace("IMAGES", str(STEPS * BATCH)).replace("BATCH", str(BATCH))


class Nursery:
    """A process that has imported everything and forks one training after another."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.told, self.heard = self.process.stdin, self.process.stdout

    def begin(self, pack: Path, run: Path, save_every: float) -> int:
        self.told.write(f"{pack}\t{run}\t{save_every}\n")
        self.told.flush()
        return int(self.heard.readline())

    def end(self) -> int:
        """The status with which the training ended, as os.waitpid gives it."""
        return int(self.heard.readline())

    def close(self) -> None:
        self.told.close()
        self.process.wait(60)
        self.heard.close()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "pack"
    write_pack(path, np.ascontiguousarray(images.to_pixels(discs(50, 8, 3))))
    return path


@pytest.fixture(scope="module")
def undisturbed(nursery: Nursery, pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("runs") / "undisturbed"
    nursery.begin(pack, path, 1e9)
    assert nursery.end() == 0
    return Run(path)


def at(run: Run) -> int:
    """Images of the newest checkpoint, by its name."""
    found = [int(p.stem) for p in run.checkpoints.glob("*.safetensors") if p.stem.isdigit()]
    return max(found, default=0)


def wait_until(condition: Any, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the training does not go on"
        time.sleep(0.003)


def same(run: Run, other: Run) -> None:
    first, refused = run.newest()
    second, _ = other.newest()
    assert refused == []
    assert first is not None
    assert first["clock"] == [STEPS * BATCH, STEPS]
    assert differences(first, second) == []
    lines = [
        [line for line in r.stats() if not any(k.startswith("score/") for k in line)]
        for r in (run, other)
    ]
    assert len(lines[0]) == STEPS // 5
    assert lines[0] == lines[1]


def test_ten_kills_at_random_moments_change_nothing(
    nursery: Nursery, pack: Path, undisturbed: Run, tmp_path: Path
) -> None:
    run, draw = Run(tmp_path / "run"), random.Random(os.urandom(8))
    killed = 0
    for _ in range(10):
        goal = at(run) + BATCH * draw.randint(1, 20)
        child = nursery.begin(pack, run.path, 0.0)  # a save after every step: most kills hit one
        wait_until(lambda goal=goal: at(run) >= goal)
        time.sleep(draw.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        killed += nursery.end() == signal.SIGKILL
    assert killed == 10
    assert 0 < at(run) < STEPS * BATCH
    nursery.begin(pack, run.path, 0.0)
    assert nursery.end() == 0
    same(run, undisturbed)
    assert not list(run.path.rglob("*.part"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_clean_save_and_the_same_command_goes_on(
    nursery: Nursery, pack: Path, undisturbed: Run, tmp_path: Path, number: signal.Signals
) -> None:
    run = Run(tmp_path / "run")
    child = nursery.begin(pack, run.path, 1e9)
    wait_until(lambda: len(run.stats()) >= 2)
    os.kill(child, number)
    os.kill(child, number)  # torchrun passes on what the terminal sent as well
    assert nursery.end() == 0
    assert 0 < at(run) < STEPS * BATCH
    assert at(run) >= run.stats()[-1]["images"]
    nursery.begin(pack, run.path, 1e9)
    assert nursery.end() == 0
    same(run, undisturbed)
