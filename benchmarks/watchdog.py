"""Trainings that go wrong in five ways, planted, and ones that do not: what the watchdog sees."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import keep, kept, machine, machines, table
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.engine.batches import SplitBatches
from lookalike.engine.session import Session
from lookalike.engine.state import moving_sampler
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene, Watcher
from lookalike.errors import TrainingError
from lookalike.images import Pixels
from lookalike.metrics.scores.health_verdict import sure
from lookalike.metrics.scores.sample_stats import RealStats
from lookalike.parts.training.schedules import Tally
from lookalike.place import Place
from lookalike.recipe import find, make
from lookalike.run import Run
from lookalike.watch.watchdog import SEED, TAIL, Watchdog, good

NAME = "watchdog"
SIZE, PICTURES, BATCH, STEPS, EVERY = 16, 600, 16, 600, 60
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "wider": {"width": 12},
    "slower": {"optimizers.G.rate": 7e-4, "optimizers.D.rate": 7e-4},
}
"""What is trained: the recipe ``tiny`` in three ways."""
Break = Callable[[Trainer, dict[str, Any]], None]
"""Does its harm after a step; the dictionary holds what it remembers."""


def pictures(count: int, seed: int) -> Pixels:
    """Discs and squares of all colors on soft grounds, uint8 ``[N, 16, 16, 3]``."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    made = []
    for _ in range(count):
        ground, shape = random.integers(0, 256, (2, 3))
        (row, column), radius = random.uniform(5, 11, 2), random.uniform(3, 6)
        away = np.stack([abs(y - row), abs(x - column)])
        inside = (away.max(0) if random.random() < 0.5 else np.hypot(*away)) < radius
        made.append(np.where(inside[..., None], shape, ground * (1 - 0.02 * x[..., None])))
    return np.stack(made).astype(np.uint8)


# ---- what goes wrong -------------------------------------------------------------------------


def not_a_number(trainer: Trainer, memory: dict[str, Any]) -> None:
    """A row of weights of G becomes NaN."""
    _largest(trainer, "G")[0] = float("nan")


def explodes(trainer: Trainer, memory: dict[str, Any]) -> None:
    """All weights of D grow by a half in every step."""
    for weight in trainer.networks["D"].parameters():
        weight *= 1.5


def d_wins(trainer: Trainer, memory: dict[str, Any]) -> None:
    """G stands still at weights that are off by as much as they are, while D learns on."""
    held = memory.setdefault("G", [
        weight * (1 + torch.randn(weight.shape, generator=_random(trainer)))
        for weight in trainer.networks["G"].parameters()
    ])  # fmt: skip
    for weight, value in zip(trainer.networks["G"].parameters(), held, strict=True):
        weight.copy_(value)


def one_picture(trainer: Trainer, memory: dict[str, Any]) -> None:
    """The last layer of G loses its weights and keeps its biases."""
    last = [weight for weight in trainer.networks["G"].parameters() if weight.ndim > 1][-1]
    last.zero_()


def collapses(trainer: Trainer, memory: dict[str, Any]) -> None:
    """Of z only one sign reaches G any more: it draws two pictures."""
    if "hook" not in memory:
        memory["hook"] = trainer.networks["G"].register_forward_pre_hook(_two)


def _two(network: torch.nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    z, *rest = given
    return (z[:, :1].sign().expand_as(z), *rest)


HARM: Mapping[str, Break] = {
    "NaN": not_a_number,
    "exploding": explodes,
    "D wins": d_wins,
    "one picture": one_picture,
    "collapse": collapses,
}


def _beaten(steps: list[dict[str, float]]) -> bool:
    """Whether D is sure in the mean of these steps."""
    return sure({name: fmean(step[name] for step in steps) for name in ("D(real)", "D(fake)")})


SHOWS: Mapping[str, Callable[[list[dict[str, float]]], bool]] = {
    "exploding": lambda steps: steps[0]["D"] > 100,
    "D wins": _beaten,
}
"""When harm that takes some steps has done its work, by the steps from there on; the other kinds
have at once."""


def _largest(trainer: Trainer, player: str) -> Tensor:
    return max(trainer.networks[player].parameters(), key=lambda weight: weight.numel()).data


def _random(trainer: Trainer) -> torch.Generator:
    return torch.Generator().manual_seed(trainer.recipe.seed)


@dataclass
class Saboteur(Watcher):
    """Does harm in every step from one on, until the training has gone back."""

    harm: str
    first: int
    name: str = "saboteur"
    memory: dict[str, Any] = field(default_factory=dict)
    facts: list[dict[str, float]] = field(default_factory=list)

    def after(self, scene: Scene, tally: Tally) -> None:
        """The harm of this step, and what the step told."""
        if scene.trainer.setbacks:
            if hook := self.memory.pop("hook", None):
                hook.remove()
        elif scene.trainer.clock.step >= self.first:
            with torch.no_grad():
                HARM[self.harm](scene.trainer, self.memory)
            self.facts.append({**tally.facts, "D": tally.totals["D"]})

    @property
    def since(self) -> int:
        """The step since which its work is done; where it never was, that of the harm."""
        shows = SHOWS.get(self.harm)
        done = (i for i in range(len(self.facts)) if shows and shows(self.facts[i : i + 10]))
        return self.first + next(done, 0)


# ---- one run -----------------------------------------------------------------------------------


def pack_of(folder: Path) -> Pack:
    """The pictures as a pack."""
    return write_pack(folder, pictures(PICTURES, 0), holdout=0.1)


def trainer_of(pack: Pack, variant: str, seed: int, steps: int = STEPS) -> Trainer:
    """A trainer of seconds, on one thread."""
    frame = {"size": SIZE, "channels": 3, "labels": 0}
    changes = {"batch": BATCH, "images": steps * BATCH, "seed": seed}
    chosen = make(find("tiny"), {**changes, **VARIANTS[variant]}, frame)
    return Trainer(chosen, SplitBatches(pack.train, seed), Place(threads=1))


def run_one(pack: Pack, folder: Path, case: Mapping[str, Any]) -> dict[str, Any]:
    """Train, with the harm of the case planted at its step; what was seen and what came of it."""
    begun = time.monotonic()
    trainer = trainer_of(pack, case["variant"], case["seed"], case["steps"])
    watchers: list[Watcher] = [Watchdog(every=case["every"])]
    if case["harm"]:
        watchers.insert(0, Saboteur(case["harm"], case["step"]))
    run, ended = Run(folder), "finished"
    try:
        with run.writing():
            outcome = Session(run, trainer, watchers, save_every=1e9).fit()
            if not outcome.finished:
                raise KeyboardInterrupt
    except TrainingError as problem:
        ended = str(problem)
    setbacks = [(back.found // BATCH, back.back // BATCH, back.why) for back in trainer.setbacks]
    real = RealStats.of(pack.train.images(np.arange(500)))
    look = real.look(moving_sampler(trainer).pictures(SEED, 0, 64))
    return {
        **case,
        "since": watchers[0].since if isinstance(watchers[0], Saboteur) else 0,
        "setbacks": setbacks,
        "ended": ended,
        "good": good(look),
        "variety": round(look.variety, 2),
        "distance": round(look.distance, 2),
        "seconds": round(time.monotonic() - begun, 1),
        "machine": machine(),
    }


def cases(runs: int, steps: int = STEPS, every: int = EVERY) -> list[dict[str, Any]]:
    """So many healthy runs and as many planted ones, each kind at random steps of every recipe."""
    random = np.random.default_rng(0)
    common = {"steps": steps, "every": every}
    kinds, variants = list(HARM), list(VARIANTS)
    healthy = [
        {"harm": "", "step": 0, "variant": variants[i % len(variants)], "seed": 100 + i, **common}
        for i in range(runs)
    ]
    planted = [
        {
            "harm": kinds[i % len(kinds)],
            "step": int(random.integers(steps // 2, steps - 2 * every)),
            "variant": variants[(i // len(kinds)) % len(variants)],
            "seed": i,
            **common,
        }
        for i in range(runs)
    ]
    return planted + healthy


def seen(row: Mapping[str, Any]) -> bool:
    """Whether the training went back at the first look whose steps all lie behind the harm."""
    if not row["setbacks"]:
        return False
    return bool(0 <= row["setbacks"][0][0] - row["since"] <= row["every"] + row["every"] // TAIL)


def report(rows: list[dict[str, Any]]) -> str:
    """A line a kind, and the bound of what never happened."""
    lines = []
    for harm in (*HARM, ""):
        of_kind = [row for row in rows if row["harm"] == harm]
        caught = [row for row in of_kind if (seen(row) if harm else row["setbacks"])]
        ended = [row for row in of_kind if row["ended"] == "finished"]
        once = [row for row in caught if len(row["setbacks"]) == 1]
        lines.append([
            harm or "healthy", str(len(of_kind)), str(len(caught)), str(len(once)),
            str(len(ended)), str(sum(row["good"] for row in ended)),
        ])  # fmt: skip
    header = ("planted", "runs", "went back within one look", "once", "ended", "ended well")
    healthy = [row for row in rows if not row["harm"]]
    false = sum(bool(row["setbacks"]) for row in healthy)
    bound = f" (so at most {3 / len(healthy):.0%} with 95 %)" if healthy and not false else ""
    return f"{table(lines, header)}\n\nFalse alarms: {false} of {len(healthy)}{bound}."


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench watchdog", description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="planted runs, and healthy ones")
    wanted = parser.parse_args(arguments)
    torch.set_num_threads(1)
    told = ("harm", "step", "variant", "seed", "steps", "every")
    known = {tuple(row[name] for name in told): row for row in kept(NAME)}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pack = pack_of(Path(folder) / "pack")
        for number, case in enumerate(cases(wanted.runs)):
            row = known.get(tuple(case[name] for name in told))
            if row is None:
                row = run_one(pack, Path(folder) / f"run-{number}", case)
                keep(NAME, row)
            rows.append(row)
            print(f"{number + 1:3} {row['harm'] or 'healthy':12} {row['variant']:7} "
                  f"{row['seconds']:5.1f} s  {row['setbacks'] or '-'}", flush=True)  # fmt: skip
    print(f"\nMachines: {machines(rows)}. {STEPS} steps of {BATCH} pictures of {SIZE} px, "
          f"a look every {EVERY}.\n\n{report(rows)}")  # fmt: skip
