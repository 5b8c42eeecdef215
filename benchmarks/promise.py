"""Is a time kept? Images per second and minutes of a training, alone and beside busy programs."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import keep, kept_here, machine, table
from benchmarks.sets import faces
from lookalike.durations import LAST, seconds

NAME = "promise"
BESIDE = {"alone": (0, 0.0), "one": (1, 0.0), "one from the middle": (1, 0.5), "four": (4, 0.0)}
"""How many busy processes, and the share of the time after which they begin."""
COMPUTE = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(10**6):
        pass
"""
"""Computes until the bench has ended, even where that was killed."""
FIRST = 60.0
"""Seconds after which the time left that is shown should be right."""
BOUND = 60.0
"""What "less than a minute left" promises, which is shown for what is told below ``LAST``."""


@contextmanager
def busy(count: int, later: float) -> Iterator[None]:
    """Processes that compute without end, from so many seconds on."""
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        for _ in range(count):
            running.append(subprocess.Popen([sys.executable, "-c", COMPUTE]))

    timer = threading.Timer(later, begin)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for process in running:
            process.kill()
            process.wait()


def child(pack: str, into: str, recipe: str, given: str, threads: str) -> None:
    """A training in a process of its own; prints what it gave as JSON."""
    from lookalike import api
    from lookalike.progress import Listener
    from lookalike.settings.device import Device
    from lookalike.settings.training import TrainSettings
    from lookalike.watch.progress import ProgressStep

    shown: list[tuple[float, ProgressStep]] = []
    words: list[str] = []
    begun = time.monotonic()
    listener = Listener(
        step=lambda step: shown.append((time.monotonic() - begun, step)),
        say=words.append,
    )
    wanted = TrainSettings(recipe=recipe, time=given, device=Device(threads=int(threads)))
    made = api.train(pack, into, wanted, listener=listener)
    ended = time.monotonic() - begun
    left = [(step.seconds_left, ended - now) for now, step in shown if now > FIRST]
    off = [told / real - 1 if told >= LAST else min(BOUND / real - 1, 0) for told, real in left]
    # What was said of the time after the last step, and what it took.
    behind = [(step.seconds_left, ended - now) for now, step in shown if step.images >= step.budget]
    row = {
        "images": made.images,
        "seconds": round(ended, 1),
        "rate": round(made.images / made.seconds, 2),
        "off": [round(min(off, default=0.0), 3), round(max(off, default=0.0), 3)],
        "worst": round(max((abs(told - real) for told, real in left), default=0.0), 1),
        "behind": [round(value, 1) for value in behind[0]] if behind else [],
        "said": [line for line in words if "threads" in line],
    }
    print(json.dumps(row))


def measure(recipe: str, given: str, threads: int, beside: str) -> dict[str, Any]:
    """One training beside these programs, with the environment that the command line sets."""
    count, share = BESIDE[beside]
    folder = Path(tempfile.mkdtemp(prefix="promise-"))
    words = [str(faces().path), str(folder / "run"), recipe, given, str(threads)]
    try:
        with busy(count, share * seconds(given)):
            out = subprocess.run(
                [sys.executable, "-m", "benchmarks", NAME, "--child", *words],
                env={**_environment()},
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def _rows(recipe: str) -> list[dict[str, Any]]:
    """The rows of this recipe on this kind of machine, the oldest first."""
    return [row for row in kept_here(NAME) if row["recipe"] == recipe]


def _environment() -> dict[str, str]:
    import os

    return {"GOMP_SPINCOUNT": "20000", "THP_MEM_ALLOC_ENABLE": "1", **os.environ}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench promise", description=__doc__)
    parser.add_argument("--recipe", default="swift")
    parser.add_argument("--for", dest="given", default="5m", help="the time of each training")
    parser.add_argument("--threads", default="1,2,0", help="0 lets the program choose")
    parser.add_argument("--beside", default=",".join(BESIDE), help="of alone, one, ...")
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    if wanted.child:
        child(*wanted.child)
        return
    here = machine()
    for beside in [] if wanted.report else wanted.beside.split(","):
        for threads in map(int, wanted.threads.split(",")):
            row = measure(wanted.recipe, wanted.given, threads, beside)
            cell = {"recipe": wanted.recipe, "for": wanted.given, "threads": threads}
            keep(NAME, {**cell, "beside": beside, **row, "machine": here})
            print(f"{beside}, {threads or 'chosen'} threads: {row}", flush=True)
    newest = {(row["beside"], row["threads"], row["for"]): row for row in _rows(wanted.recipe)}
    rows = [
        [
            row["beside"],
            str(row["threads"] or "chosen"),
            row["for"],
            f"{row['rate']:.1f}",
            f"{row['images']:,}",
            f"{row['seconds']:.0f} ({row['seconds'] / seconds(row['for']) - 1:+.0%})",
            "{:+.0%} to {:+.0%}".format(*row["off"]),
            f"{row['worst']:.0f}" if isinstance(row.get("worst"), float) else "-",
        ]
        for row in newest.values()
    ]
    print(f"{wanted.recipe}, 64 px. Machine: {here}. Goals: seconds within 10 %; beside one busy ")
    print(f"program 60 % of the images/s alone; time left off by at most 25 % after {FIRST:.0f} s.")
    header = (
        "beside",
        "threads",
        "given",
        "images/s",
        "images",
        "seconds",
        "time left off by",
        "seconds off",
    )
    print(table(rows, header))
