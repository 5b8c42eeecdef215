"""The command line in a process of its own, with the memory of everything that it starts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import CACHE


@dataclass(frozen=True)
class Ran:
    """Exit code, the JSON, the last words on stderr, seconds, and the peak of MB of all.

    ``own_mb`` leaves out what lies in files and can be given back when memory is short.
    """

    code: int
    told: str
    said: str
    seconds: float
    mb: float
    own_mb: float


def lookalike(arguments: Sequence[str], glance: float = 0.05) -> Ran:
    """Run ``lookalike ARGUMENTS --json``, and look at its memory every ``glance`` seconds."""
    command = [sys.executable, "-m", "lookalike", *arguments, "--json"]
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        peak, over = np.zeros(2), threading.Event()

        def look() -> None:
            while not over.wait(glance):
                now = np.sum([_megabytes(one) for one in _tree(process.pid)], axis=0)
                np.maximum(peak, now, out=peak)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            code = process.wait()
        finally:
            process.kill()
            over.set()
            watcher.join()
        seconds = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        said = [line for line in err.read().splitlines() if line.strip()]
        return Ran(code, out.read(), " ".join(said[-3:]), seconds, *peak.tolist())


def trained(method: str, pack: Path, seed: int, budget: str, *more: str) -> tuple[Path, Any, Ran]:
    """A recipe trained anew on a pack: its run, what the command told, and how it ran.

    ``budget`` is a time, or a number of images: the same work on a busy machine, too.
    """
    folder = CACHE / "runs" / f"{method}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    length = ["--set", f"images={budget}"] if budget.isdigit() else ["--for", budget]
    arguments = ["train", str(pack), "--recipe", method, *length, "--into", str(folder)]
    ran = lookalike([*arguments, "--set", f"seed={seed}", *more], 1.0)
    if ran.code:
        raise SystemExit(ran.said)
    return folder, json.loads(ran.told), ran


def _tree(root: int) -> list[int]:
    """A process and everything below it."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = place.read_text("ascii", "replace").rpartition(")")[2].split()
            parents.setdefault(int(after[1]), []).append(int(place.parent.name))
        except (OSError, ValueError):
            continue
    found, waiting = [], [root]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += parents.get(one, [])
    return found


def _megabytes(process: int) -> tuple[float, float]:
    """Memory of a process in MB, with its share of what it shares: all, and without files."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
        every, own = (text.partition(f"\n{name}:")[2].split()[0] for name in ("Pss", "Pss_Anon"))
        return int(every) / 1024, int(own) / 1024
    except (OSError, ValueError, IndexError):
        return 0.0, 0.0
