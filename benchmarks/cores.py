"""Images per second of a step on 1, 2, 4, 8 and 16 threads, and what more of them give."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from benchmarks.common import keep, kept_here, machine, machines, measure_recipes, spread, table
from benchmarks.train import Noise, ours, rate
from lookalike import recipe
from lookalike.data.decode.worker_pool import cores

THREADS = (1, 2, 4, 8, 16)
GOALS = {2: 1.8, 8: 6.0}
"""How many times as fast as on one thread so many should be."""


def there(threads: Sequence[int] = THREADS) -> list[int]:
    """Those numbers of threads for which this process has cores."""
    return [number for number in threads if number <= cores()]


def rounds(name: str, size: int, seconds: float, count: int) -> Iterator[dict[int, float]]:
    """Images per second by the number of threads, all of them in turn in every round."""
    made = recipe.make(recipe.find(name), {}, {"size": size, "channels": 3})
    step, _ = ours(made, Noise(made))
    before = torch.get_num_threads()
    try:
        for _ in range(count):
            rates = {}
            for threads in there():
                torch.set_num_threads(threads)
                step()  # the first step on other threads fills their caches
                rates[threads] = rate(step, made.batch, seconds, "wall")
            yield rates
    finally:
        torch.set_num_threads(before)


def measure(name: str, wanted: argparse.Namespace) -> None:
    """Keep a row for every round and number of threads."""
    common = {"recipe": name, "size": wanted.size, "begun": round(time.time())}
    for rates in rounds(name, wanted.size, wanted.seconds, wanted.rounds):
        for threads, speed in rates.items():
            row = {**common, "threads": threads, "images_per_second": round(speed, 2)}
            keep("cores", {**row, "ratio": round(speed / rates[1], 3), "machine": machine()})
        shown = ", ".join(f"{threads}: {speed:.0f}" for threads, speed in rates.items())
        print(f"{name}, images/s by threads: {shown}", flush=True)


def report() -> str:
    """What was measured on a machine of this kind, and the ratios beside their goals."""
    rows: list[dict[str, Any]] = kept_here("cores")
    lines = []
    for name, size, threads in sorted({(r["recipe"], r["size"], r["threads"]) for r in rows}):
        key = {"recipe": name, "size": size, "threads": threads}
        mine = [row for row in rows if key.items() <= row.items()]
        speeds, ratios = ([row[what] for row in mine] for what in ("images_per_second", "ratio"))
        goal = str(GOALS.get(threads, ""))
        lines.append([name, str(size), str(threads), spread(speeds, 0), spread(ratios), goal])
    header = ["recipe", "px", "threads", "images/s", "times one thread", "goal"]
    return f"Machine: {machines(rows)}. Median (least to greatest).\n{table(lines, header)}"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench cores", description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each number of threads")
    measure_recipes(parser, arguments, "swift,dcgan", measure, report)
