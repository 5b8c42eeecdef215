"""Seconds and memory of judging two folders of 64 px pictures, each a process of its own."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path

from benchmarks.common import CACHE, keep, machine, spread, table
from benchmarks.processes import Ran, lookalike
from lookalike.data.demo import draw_demo
from lookalike.settings.data import DemoSettings

DRAWN = 4000
GOAL = 60


def drawn() -> list[Path]:
    """Demo faces as files: the same that the packs of other measurements are made of."""
    folder = CACHE / "pictures-faces"
    files = sorted(folder.rglob("*.png"))
    if len(files) < DRAWN:
        draw_demo(folder, DemoSettings(count=DRAWN, size=64))
        files = sorted(folder.rglob("*.png"))
    return files


def sides(count: int) -> tuple[Path, Path]:
    """Two folders of ``count`` pictures; beyond the 4,000 drawn ones, pictures come again."""
    files, home = drawn(), CACHE / f"evaluate-{count}"
    both = home / "samples", home / "real"
    if not home.exists():
        for number, folder in enumerate(both):
            folder.mkdir(parents=True)
            for index in range(count):
                source = files[(2 * index + number) % len(files)]
                (folder / f"{index:06d}.png").symlink_to(source.resolve())
    return both


def judged(count: int, judge: str) -> Ran:
    samples, real = sides(count)
    words = ["evaluate", str(samples), "--against", str(real), "-n", str(count), "--judge", judge]
    ran = lookalike(words)
    if ran.code or json.loads(ran.told)["scores"]["samples"] != count:
        raise SystemExit(ran.said)
    return ran


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench evaluate", description=__doc__)
    parser.add_argument("--counts", default="500,2000,8000")
    parser.add_argument("--judge", default="lite0")
    parser.add_argument("--rounds", type=int, default=3, help="of 2,000 pictures; others run once")
    wanted = parser.parse_args(arguments)
    rows: list[tuple[int, float, list[str]]] = []
    for count in (int(one) for one in wanted.counts.split(",")):
        rounds = wanted.rounds if count == 2000 else 1
        found = [judged(count, wanted.judge) for _ in range(rounds)]
        seconds, mb = [one.seconds for one in found], [one.mb for one in found]
        own = [one.own_mb for one in found]
        row = {"count": count, "judge": wanted.judge, "seconds": seconds, "mb": mb, "own_mb": own}
        keep("evaluate", {**row, "machine": machine(), "day": time.strftime("%Y-%m-%d")})
        goal = f" (goal {GOAL})" if count == 2000 else ""
        each = (max(own) - rows[0][1]) * 1024 / (count - rows[0][0]) if rows else float("nan")
        told = [spread(seconds, 1) + goal, spread(mb, 0), spread(own, 0), f"{each:.0f}"]
        rows.append((count, max(own), told))
        shutil.rmtree(CACHE / f"evaluate-{count}")
    print(f"Machine: {machine()}. Two folders, 64 px, judge {wanted.judge}, start to end.")
    header = ("pictures a side", "seconds", "peak MB", "without files", "KB for each more a side")
    print(table([[f"{count:,}", *told] for count, _, told in rows], header))
