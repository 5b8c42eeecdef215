"""A campaign of faults: kills, full disks, damage, hostile input; what was lost, in figures.

Each trial is a function of its number, its outcome is a row in ``benchmarks/results/faults.jsonl``,
and the campaign goes on where it was stopped. ``--again`` tries the failed ones anew.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.common import RESULTS, keep, kept, machine, table
from benchmarks.faults import collect, damage, kill, reader, storage
from benchmarks.faults.commands import Nursery
from benchmarks.faults.jobs import Workshop

CAMPAIGNS: dict[str, ModuleType] = {
    "kill": kill,
    "storage": storage,
    "damage": damage,
    "reader": reader,
    "collect": collect,
}
NAME = "faults"


def run(name: str, count: int, workshop: Workshop, *, store: bool = True) -> list[dict[str, Any]]:
    """The rows of the first ``count`` trials of a campaign; those known are not tried again."""
    known = {row["trial"]: row for row in kept(NAME) if row["campaign"] == name} if store else {}
    rows = []
    for number in range(count):
        if number not in known:
            what, wrong = CAMPAIGNS[name].trial(workshop, number)
            known[number] = {"campaign": name, "trial": number, "what": what, "wrong": wrong}
            if store:
                keep(NAME, known[number])
            if wrong:
                print(f"{name} {number}: {what}: {wrong}", flush=True)
        rows.append(known[number])
    return rows


def forget_failed() -> None:
    """Take the rows of failed trials out, so that they are tried again."""
    path = RESULTS / f"{NAME}.jsonl"
    rows = [row for row in kept(NAME) if not row["wrong"]]
    path.unlink(missing_ok=True)
    for row in rows:
        keep(NAME, row)


def bound(failed: int, count: int) -> str:
    """The 95 % upper bound of the rate where nothing failed (3/n), else the rate."""
    return f"< {300 / count:.1f} %" if failed == 0 else f"{100 * failed / count:.1f} %"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench faults", description=__doc__)
    parser.add_argument("campaigns", nargs="*", choices=[[], *CAMPAIGNS], default=[])
    parser.add_argument("--share", type=float, default=1.0, help="of the full number of trials")
    parser.add_argument("--again", action="store_true", help="try failed trials anew")
    wanted = parser.parse_args(arguments)
    if wanted.again:
        forget_failed()
    lines, failures = [], 0
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        with Nursery(Path(place) / "log.txt") as nursery:
            workshop = Workshop(Path(place), nursery)
            for name in wanted.campaigns or CAMPAIGNS:
                count = max(1, round(CAMPAIGNS[name].COUNT * wanted.share))
                rows = run(name, count, workshop)
                failed = sum(bool(row["wrong"]) for row in rows)
                lines.append([name, str(count), str(failed), bound(failed, count)])
                failures += failed
    print(machine())
    print(table(lines, ("campaign", "trials", "failed", "rate of failure, 95 %")))
    if failures:
        raise SystemExit(1)
