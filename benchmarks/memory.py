"""What a training holds while it goes on, and how far it is from what its dry step said."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.common import (
    CACHE,
    keep,
    kept_here,
    machine,
    machines,
    measure_recipes,
    spread,
    table,
)
from benchmarks.sets import mix
from lookalike.checkpoints import read_json
from lookalike.run import Run

EVERY = 0.25
"""Seconds between two looks at what the process holds."""


def held(process: int) -> int:
    """The megabytes that a process holds of its own; 0 when it is over."""
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii", "replace")
    except OSError:
        return 0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) >> 10 if found else 0


def watched(words: list[str], folder: Path) -> tuple[list[int], list[int]]:
    """What a training held: before its first checkpoint, and from there on to its end."""
    process = subprocess.Popen([sys.executable, "-m", "lookalike", *words, "--into", str(folder)])
    before: list[int] = []
    after: list[int] = []
    while process.poll() is None:
        begun = Run(folder).saved or (folder / "samples").is_dir()
        (after if begun else before).append(held(process.pid))
        time.sleep(EVERY)
    if process.returncode:
        raise SystemExit(f"The training ended with {process.returncode}.")
    return before, [count for count in after if count]


def measure(name: str, wanted: argparse.Namespace) -> None:
    """Keep a row of one training."""
    folder = CACHE / "runs" / f"memory-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    words = ["train", str(mix().path), "--recipe", name, "--for", wanted.time]
    words += ["--memory", wanted.memory] if wanted.memory else []
    _, training = watched(words, folder)
    quarter = training[: max(len(training) // 4, 1)]
    row: dict[str, Any] = {
        "recipe": name,
        "time": wanted.time,
        "memory": wanted.memory,
        "needed": read_json(folder / "env.json").get("memory", {}).get("needed", 0) >> 20,
        "first_quarter": max(quarter),
        "most": max(training),
        "machine": machine(),
    }
    keep("memory", row)
    print(f"{name}: {row['most']} MB at the most, {row['first_quarter']} in the first quarter")


def report() -> str:
    """The trainings on a machine of this kind."""
    rows = kept_here("memory")
    lines = []
    for key in sorted({(row["recipe"], row["time"], row["memory"] or "-") for row in rows}):
        mine = [r for r in rows if (r["recipe"], r["time"], r["memory"] or "-") == key]
        columns = [[row[what] for row in mine] for what in ("needed", "first_quarter", "most")]
        lines.append([*key, str(len(mine)), *(spread(values, 0) for values in columns)])
    header = ["recipe", "time", "--memory", "runs", "dry step MB", "first quarter MB", "most MB"]
    return f"Machine: {machines(rows)}.\n{table(lines, header)}"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench memory", description=__doc__)
    parser.add_argument("--time", default="10m")
    parser.add_argument("--memory", default="", help="the limit that the training is given")
    measure_recipes(parser, arguments, "swift", measure, report)
