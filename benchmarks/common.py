"""What the measurements share: the machine in words, medians, tables, a log of results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

CACHE = Path(__file__).parent.parent / ".cache" / "bench"
RESULTS = Path(__file__).parent / "results"
"""What long measurements found, one JSON line each: kept with the code, continued anywhere."""


def machine() -> str:
    """The machine in one line, without its name."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    flags = ""
    if info.exists():
        text = info.read_text("utf-8", "replace")
        model = next(
            (x.partition(":")[2].strip() for x in text.splitlines() if x.startswith("model name")),
            model,
        )
        wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
        flags = " ".join(flag for flag in wanted if f" {flag}" in text)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{model}, {_cores()} ({flags}), load {load:.1f}"


def _cores() -> str:
    """How many cores there are, and how many of them this process may use where that is fewer."""
    every = os.cpu_count() or 1
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else every
    return f"{every} cores" if ours == every else f"{ours} of {every} cores"


def kind(told: str) -> str:
    """The machine of a row without its load, so that rows of equal machines stand together."""
    return told.partition(", load ")[0]


def kept_here(name: str) -> list[dict[str, Any]]:
    """The rows that were measured on this kind of machine, the oldest first."""
    here = kind(machine())
    return [row for row in kept(name) if kind(row["machine"]) == here]


def machines(rows: Iterable[dict[str, Any]]) -> str:
    """The kinds of machines that rows are of; the oldest rows do not say."""
    return "; ".join(sorted({kind(row.get("machine", "not noted")) for row in rows})) or "-"


def spent(budget: str) -> str:
    """A budget in words: a time as it is, a number as images."""
    return f"{int(budget):,} images" if budget.isdigit() else budget


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median with least and greatest where there are several."""
    if not values:
        return "-"
    told = f"{median(values):.{digits}f}"
    if len(values) > 1:
        told += f" ({min(values):.{digits}f} to {max(values):.{digits}f})"
    return told


def keep(name: str, row: dict[str, Any]) -> None:
    """Append a result, so that a long measurement can be stopped and continued."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with open(RESULTS / f"{name}.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def kept(name: str) -> list[dict[str, Any]]:
    path = RESULTS / f"{name}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def mean_interval(values: Sequence[float], digits: int = 1) -> str:
    """The mean with its 95 % interval by Student's t, where there are several values."""
    if not values:
        return "-"
    middle = statistics.fmean(values)
    if len(values) < 2:
        return f"{middle:.{digits}f}"
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return f"{middle:.{digits}f} ({middle - half:.{digits}f} to {middle + half:.{digits}f})"


def measure_recipes(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    recipes: str,
    measure: Callable[[str, argparse.Namespace], None],
    report: Callable[[], str],
) -> None:
    """Measure one recipe after the other, unless ``--report`` is given, and print the report.

    ``recipes`` are those that are measured where ``--recipes`` names no others.
    """
    parser.add_argument("--recipes", default=recipes)
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    if not wanted.report:
        for name in wanted.recipes.split(","):
            measure(name, wanted)
    print(report())
