"""Start-up times, and the seconds from 'lookalike start' to the first grid of samples."""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common import CACHE, machine, spread, table
from lookalike.data.demo import draw_demo
from lookalike.settings.data import DemoSettings

PROGRAM = [sys.executable, "-m", "lookalike"]


def command(words: list[str], runs: int) -> list[float]:
    """Wall seconds of a command, with the interpreter's own start."""
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run([*PROGRAM, *words], check=True, capture_output=True)
        found.append(time.perf_counter() - begun)
    return found


def first_grid(folder: Path) -> float:
    """Seconds until the first grid of samples after the first step's, of a fresh start."""
    into = CACHE / "start-run"
    shutil.rmtree(into, ignore_errors=True)
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*PROGRAM, "start", str(folder), "--for", "4m", "--into", str(into)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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
    wanted = parser.parse_args(arguments)
    faces = CACHE / "start-pictures"
    draw_demo(faces, DemoSettings(count=3000, size=64))
    command(["--help"], 1)
    rows = [
        ["lookalike --help", spread(command(["--help"], wanted.runs)), "< 0.2 s"],
        ["lookalike recipes", spread(command(["recipes"], wanted.runs)), "< 0.3 s"],
        [
            "start on 3,000 pictures to the first grid",
            spread([first_grid(faces) for _ in range(3)], 1),
            "< 30 s",
        ],
    ]
    print(f"Machine: {machine()}. Seconds, median (least to greatest) of {wanted.runs} and 3 runs.")
    print(table(rows, ("what", "seconds", "goal")))
