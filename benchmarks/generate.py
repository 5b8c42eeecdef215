"""Pictures per second to PNG beside a loop that makes them one by one; memory at two counts."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from benchmarks.common import CACHE, machine, spread, table
from benchmarks.sets import faces
from lookalike import api
from lookalike.engine.load import open_sampler
from lookalike.recipe import load_drawing
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.pictures import GenerateSettings
from lookalike.settings.training import TrainSettings


def a_run(recipe: str) -> Path:
    """A run of the recipe that has been trained for a moment; speed does not depend on more."""
    folder = CACHE / f"generate-{recipe}"
    if not Run(folder).exists:
        settings = TrainSettings(recipe=recipe, changes={"images": "640"}, labels=False)
        api.train(faces().path, folder, settings)
    return folder


def one_by_one(run: Path, to: Path, count: int, candidates: int = 1) -> float:
    """Pictures per second of the plain loop: batch 1, fp32, Pillow's default PNG settings.

    With several candidates it takes the one that the run's D finds most real, as we do.
    """
    place = Device(precision="fp32").place()
    sampler, _, _ = open_sampler(Run.open(run), place, candidates=candidates)
    generator = torch.Generator().manual_seed(0)
    begun = time.perf_counter()
    with torch.no_grad():
        for index in range(count):
            drawn = []
            for _ in range(candidates):
                z = sampler.prior.draw(generator, 1, sampler.learned)
                drawn.append(sampler.generate(z, None))
            if sampler.score is not None:
                found = [float(sampler.score(picture, None)) for picture in drawn]
                drawn = [drawn[found.index(max(found))]]
            picture = drawn[0][0]
            array = picture.add(1).mul(127.5).clamp(0, 255).byte().permute(1, 2, 0).numpy()
            Image.fromarray(array).save(to / f"{index}.png")
    return count / (time.perf_counter() - begun)


def ours(run: Path, to: Path, count: int, **how: Any) -> float:
    begun = time.perf_counter()
    api.generate(run, to, GenerateSettings(count=count, **how))
    return count / (time.perf_counter() - begun)


Loop = Callable[[Path, Path, int], float]
WAYS: dict[str, tuple[Loop, str]] = {
    "lookalike generate": (ours, "one by one, of three"),
    "--keep-copies": (partial(ours, keep_copies=True), "one by one, of three"),
    "--candidates 1": (partial(ours, candidates=1), "one by one"),
    "--candidates 1 --keep-copies": (partial(ours, candidates=1, keep_copies=True), "one by one"),
}
"""Ours, and the loop that makes the same pictures. Without --keep-copies ours leaves copies out."""
LOOPS: dict[str, Loop] = {
    "one by one": one_by_one,
    "one by one, of three": partial(one_by_one, candidates=3),
}


def peak(run: Path, count: int) -> float:
    """Peak memory in MB of a whole process that generates this many."""
    code = (
        "import json,resource,sys; from pathlib import Path; from lookalike import api\n"
        "from lookalike.stages.generate import GenerateSettings\n"
        f"api.generate(Path({str(run)!r}), Path(sys.argv[1]), GenerateSettings(count={count}))\n"
        "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))"
    )
    with tempfile.TemporaryDirectory() as to:
        done = subprocess.run([sys.executable, "-c", code, to], check=True, capture_output=True)
    return float(json.loads(done.stdout))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench generate", description=__doc__)
    parser.add_argument("--recipe", default="swift")
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args(arguments)
    run = a_run(wanted.recipe)
    choosing = load_drawing(run / "recipe.json", ()).choice is not None
    ways = {name: way for name, way in WAYS.items() if choosing or way[1] == "one by one"}
    names = [*ways, *dict.fromkeys(loop for _, loop in ways.values())]
    rates: dict[str, list[float]] = {name: [] for name in names}
    ours(run, Path(tempfile.mkdtemp()), 16)  # what a copy is, is learned once for a pack
    for _ in range(wanted.rounds):
        for name in names:
            count = wanted.n if name in ways else max(1, wanted.n // 10)
            make = ways[name][0] if name in ways else LOOPS[name]
            to = Path(tempfile.mkdtemp())
            rates[name].append(make(run, to, count))
            shutil.rmtree(to)
    print(
        f"Machine: {machine()}. {wanted.recipe}, 64 px, {wanted.n:,} pictures, "
        f"{wanted.rounds} rounds side by side."
    )
    rows = []
    for name in names:
        loop = ways[name][1] if name in ways else name
        ratio = [a / b for a, b in zip(rates[name], rates[loop], strict=True)]
        rows.append([name, spread(rates[name], 0), loop, spread(ratio)])
    print(table(rows, ("what", "pictures/s", "beside", "ratio (goal 3)")))
    small, large = peak(run, 1000), peak(run, wanted.n)
    print(
        f"Peak memory: {small:.0f} MB for 1,000, {large:.0f} MB for {wanted.n:,} "
        f"({large - small:+.0f} MB)."
    )
