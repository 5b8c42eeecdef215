"""Start-up times, and the seconds from 'lookalike start' to the first grid of samples."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.common import CACHE, machine, spread, table
from lookalike.data.demo import draw_demo
from lookalike.settings.data import DemoSettings

PROGRAM = [sys.executable, "-m", "lookalike"]
GRIDS = 3


def environment(source: Path | None) -> dict[str, str]:
    """This environment, with compiled files kept, as an installed package has them.

    ``source`` is another tree's ``src``, which then stands before the installed package.
    """
    wanted = {**os.environ, "PYTHONPYCACHEPREFIX": str(CACHE / "bytecode")}
    wanted.pop("PYTHONDONTWRITEBYTECODE", None)
    return wanted if source is None else {**wanted, "PYTHONPATH": str(source)}


def command(words: list[str], source: Path | None) -> float:
    """Wall seconds of a command, with the interpreter's own start."""
    begun = time.perf_counter()
    subprocess.run([*PROGRAM, *words], check=True, capture_output=True, env=environment(source))
    return time.perf_counter() - begun


def first_grid(folder: Path, source: Path | None) -> float:
    """Seconds until the first grid of samples after the first step's, of a fresh start."""
    into = CACHE / "start-run"
    shutil.rmtree(into, ignore_errors=True)
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*PROGRAM, "start", str(folder), "--for", "4m", "--into", str(into)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(source),
    )
    try:
        while not list(into.glob("samples/*.png")):
            if process.poll() is not None or time.perf_counter() - begun > 300:
                raise SystemExit("start ended or hung before its first grid")
            time.sleep(0.05)
        return time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench start", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--against", type=Path, help="the src folder of another version, in turns")
    wanted = parser.parse_args(arguments)
    faces = CACHE / "start-pictures"
    draw_demo(faces, DemoSettings(count=3000, size=64))
    sources = [None, *([wanted.against.resolve()] if wanted.against else [])]
    measures = (
        ("lookalike --help", partial(command, ["--help"]), wanted.runs, 2, "< 0.2 s"),
        ("lookalike recipes", partial(command, ["recipes"]), wanted.runs, 2, "< 0.3 s"),
        (
            "start on 3,000 pictures to the first grid",
            partial(first_grid, faces),
            GRIDS,
            1,
            "< 30 s",
        ),
    )
    for source in sources:
        command(["--help"], source)
        command(["recipes"], source)
    rows = []
    for what, measure, runs, places, goal in measures:
        turns = [[measure(source) for source in sources] for _ in range(runs)]
        rows.append([what, *(spread(times, places) for times in zip(*turns, strict=True)), goal])
    print(f"Machine: {machine()}.")
    print(f"Seconds, median (least to greatest) of {wanted.runs} and {GRIDS} runs.")
    print(table(rows, ("what", "seconds", *(["against"] if wanted.against else []), "goal")))
