"""Images per second and memory of a recipe beside a plain fp32 eager loop, same networks."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import textbook
from benchmarks.common import machine, median, spread, table
from lookalike import recipe
from lookalike.engine import precision
from lookalike.engine.batches import BatchSource, SourceBatch
from lookalike.engine.trainer import Trainer
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.training.schedules import Clock
from lookalike.parts.training.triggers import Moment
from lookalike.recipe import Recipe
from lookalike.settings.device import Device


class Noise(BatchSource):
    """Pictures held in memory: loading is measured elsewhere."""

    def __init__(self, made: Recipe, count: int = 1024) -> None:
        draw = torch.Generator().manual_seed(0)
        shape = (count, made.channels, made.size, made.size)
        self.images = torch.rand(shape, generator=draw) * 2 - 1
        self.labels = (
            torch.eye(made.labels)[torch.arange(count) % made.labels] if made.labels else None
        )

    def take(self, at: int, count: int) -> SourceBatch:
        rows = torch.arange(at, at + count) % len(self)
        return SourceBatch(self.images[rows], None if self.labels is None else self.labels[rows])

    def some(self, count: int, first: int = 0) -> SourceBatch:
        return self.take(first, min(count, len(self) - first))

    def __len__(self) -> int:
        return len(self.images)


class PlainGame(Game):
    """Nothing is shared between phases, as in a textbook loop."""

    def once(self, batch: Batch, name: str, make: Callable[[], Any]) -> Any:
        return make()


def plain(made: Recipe, source: BatchSource, device: str = "cpu") -> Callable[[], None]:
    """One step of the same game written plainly: fp32, NCHW, default Adam, all gradients."""
    torch.manual_seed(0)
    networks = Networks.build(made.networks, Frame(made.size, made.channels, made.labels))
    networks = networks.to(device, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    networks.only = lambda *players: nullcontext()  # type: ignore[method-assign]
    adams = {
        name: torch.optim.Adam(networks[name].parameters(), lr=1e-4, betas=(0.5, 0.999))
        for name in made.optimizers
    }
    state = {"step": 0}

    def step() -> None:
        at = state["step"]
        clock = Clock(int(0.5 * made.images), at, made.images)
        now = {n: v.at(clock, v.start()) for n, v in made.values.items()}
        taken = source.take(at * made.batch, made.batch)
        z = made.prior.draw(torch.Generator().manual_seed(at), made.batch, {}).to(device)
        batch = Batch(
            taken.images.to(device),
            z,
            taken.labels,
            fresh=lambda purpose: torch.randn_like(z),
            noise=lambda purpose: torch.Generator().manual_seed(at),
        )
        game = PlainGame(networks, now, augment=made.augment)
        for phase in made.objective.phases():
            if phase.turn.plays(Moment(clock, now, {})):
                for adam in adams.values():
                    adam.zero_grad()
                phase.loss(game, batch).total().backward()
                for player in phase.players:
                    adams[player].step()
        state["step"] += 1

    return step


def textbook_dcgan(made: Recipe, source: BatchSource, device: str = "cpu") -> Callable[[], None]:
    """The hand-written classic loop over networks of the recipe's shapes."""
    _, inner = textbook.build("dcgan", made.size, made.channels, 0, device)
    state = {"at": 0}

    def step() -> None:
        inner(source.take(state["at"], made.batch).images.to(device))
        state["at"] += made.batch

    return step


def ours(made: Recipe, source: BatchSource) -> tuple[Callable[[], None], dict[str, str]]:
    place = Device().place()
    trainer = Trainer(made, source, place)
    trainer.place = place.decided(precision.decide(trainer))
    trainer.clock = Clock(int(0.5 * made.images), 0, made.images)
    return lambda: (trainer.step(), None)[1], dict(trainer.place.precision)


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def rate(step: Callable[[], None], batch: int, seconds: float, clock: str) -> float:
    now = CLOCKS[clock]
    begun, count = now(), 0
    while count < 2 or now() - begun < seconds:
        step()
        count += 1
    return count * batch / (now() - begun)


def _resident(name: str, size: int, mine: bool) -> float:
    """The peak MB of a process that plays three steps of one loop and nothing else."""
    made = recipe.make(recipe.find(name), {}, {"size": size, "channels": 3})
    source = Noise(made)
    step = ours(made, source)[0] if mine else other(name, made, source)
    for _ in range(3):
        step()
    status = Path("/proc/self/status").read_text("ascii")  # getrusage would count the parent, too
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def resident(name: str, size: int, mine: bool) -> float:
    """The same, measured in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_resident, name, size, mine).result()


def other(name: str, made: Recipe, source: BatchSource, device: str = "cpu") -> Callable[[], None]:
    """A step of the plain loop beside this recipe: hand-written, or its own phases played."""
    build = textbook_dcgan if name == "dcgan" else plain
    return build(made, source, device)


def measure(name: str, wanted: argparse.Namespace) -> list[str]:
    size, seconds, clock = wanted.size, wanted.seconds, wanted.clock
    made = recipe.make(recipe.find(name), {}, {"size": size, "channels": 3})
    source = Noise(made)
    step, chosen = ours(made, source)
    beside = other(name, made, source)
    step(), beside(), step(), beside()
    mine, theirs = [], []
    for _ in range(wanted.rounds):  # side by side, so that a drifting machine is fair to both
        mine.append(rate(step, made.batch, seconds, clock))
        theirs.append(rate(beside, made.batch, seconds, clock))
    ratios = list(np.array(mine) / np.array(theirs))
    peaks = [resident(name, size, one) for one in (True, False)]
    fast = ",".join(player for player, kind in chosen.items() if kind == "bf16") or "none"
    print(f"{name}: {median(mine):.0f} against {median(theirs):.0f} images/s", flush=True)
    return [
        name,
        str(made.batch),
        spread(mine, 0),
        spread(theirs, 0),
        spread(ratios, 2),
        fast,
        f"{peaks[0]:.0f}",
        f"{peaks[1]:.0f}",
    ]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench train", description=__doc__)
    parser.add_argument("--recipes", default="dcgan,wgan-gp,sngan,stylegan2,swift")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="processor: on a busy machine, one thread"
    )
    wanted = parser.parse_args(arguments)
    rows = [measure(name, wanted) for name in wanted.recipes.split(",")]
    print(
        f"Machine: {machine()}. {torch.get_num_threads()} threads, {wanted.clock} time. "
        f"{wanted.size} px, {wanted.rounds} rounds side by side, median (least to greatest)."
    )
    print(
        table(
            rows,
            (
                "recipe",
                "batch",
                "images/s",
                "plain fp32 loop",
                "ratio",
                "bf16 players",
                "MB",
                "MB of the plain loop",
            ),
        )
    )
