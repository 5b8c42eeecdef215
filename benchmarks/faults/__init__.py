"""A campaign of faults: kills, full disks, damage, hostile input; what was lost, in figures.

Each trial is a function of its number, its outcome is a row in ``benchmarks/results/faults.jsonl``,
and the campaign goes on where it was stopped. ``--again`` tries the failed ones anew; their rows
stay, so that it can be told how many trials were right only after something was mended.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.common import keep, kept, machine, machines, table
from benchmarks.faults import collect, damage, kill, reader, storage
from benchmarks.faults.commands import Nursery, UntriedError
from benchmarks.faults.jobs import Workshop

CAMPAIGNS: dict[str, ModuleType] = {
    "kill": kill,
    "storage": storage,
    "damage": damage,
    "reader": reader,
    "collect": collect,
}
NAME = "faults"


def run(name: str, count: int, workshop: Workshop, *, again: bool = False) -> None:
    """Try the first ``count`` trials of a campaign that have no row, or that failed last time."""
    known = {row["trial"]: row for row in kept(NAME) if row["campaign"] == name}
    for number in range(count):
        if number in known and not (again and known[number]["wrong"]):
            continue
        try:
            what, wrong = CAMPAIGNS[name].trial(workshop, number)
        except UntriedError as problem:
            print(f"{name} {number} was not tried: {problem}", flush=True)
            continue
        row = {"campaign": name, "trial": number, "what": what, "wrong": wrong}
        keep(NAME, {**row, "machine": machine()})
        if wrong:
            print(f"{name} {number}: {what}: {wrong}", flush=True)


def tried(name: str) -> list[list[dict[str, Any]]]:
    """The rows of each trial of a campaign, the oldest first; more than one after ``--again``."""
    trials: dict[int, list[dict[str, Any]]] = {}
    for row in kept(NAME):
        if row["campaign"] == name:
            trials.setdefault(row["trial"], []).append(row)
    return list(trials.values())


def bound(failed: int, count: int) -> str:
    """The 95 % upper bound of the rate where nothing failed (3/n), else the rate."""
    return f"< {300 / count:.1f} %" if failed == 0 else f"{100 * failed / count:.1f} %"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench faults", description=__doc__)
    parser.add_argument("campaigns", nargs="*", choices=[[], *CAMPAIGNS], default=[])
    parser.add_argument("--share", type=float, default=1.0, help="of the full number of trials")
    parser.add_argument("--again", action="store_true", help="try failed trials anew")
    parser.add_argument("--report", action="store_true", help="only print what the rows say")
    wanted = parser.parse_args(arguments)
    names = wanted.campaigns or list(CAMPAIGNS)
    if not wanted.report:
        campaign(names, wanted.share, again=wanted.again)
    print(report(names))
    if any(rows[-1]["wrong"] for name in names for rows in tried(name)):
        raise SystemExit(1)


def campaign(names: list[str], share: float, *, again: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        with Nursery(Path(place) / "log.txt") as nursery:
            workshop = Workshop(Path(place), nursery)
            for name in names:
                run(name, max(1, round(CAMPAIGNS[name].COUNT * share)), workshop, again=again)


def report(names: list[str]) -> str:
    """What the rows say of each campaign, and the machines that they are of."""
    lines, last = list[list[str]](), list[dict[str, Any]]()
    for name in names:
        trials = tried(name)
        failed = sum(bool(rows[-1]["wrong"]) for rows in trials)
        mended = sum(any(row["wrong"] for row in rows) for rows in trials) - failed
        rate = bound(failed, len(trials)) if trials else "-"
        lines.append(
            [name, f"{CAMPAIGNS[name].COUNT:,}", *map(str, (len(trials), failed, mended)), rate]
        )
        last += [rows[-1] for rows in trials]
    header = ("campaign", "of", "tried", "failed", "mended", "rate of failure, 95 %")
    return f"{table(lines, header)}\n\nMachines: {machines(last)}."
