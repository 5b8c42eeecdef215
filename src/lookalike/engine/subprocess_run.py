"""A training in a process of its own: its memory can be measured, and its end ends nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any


@dataclass(frozen=True)
class Ended:
    """What the process printed as JSON, its exit status, and its peak memory in MB."""

    told: dict[str, Any]
    status: int
    megabytes: float


def run(words: Sequence[str], say: Callable[[str], None]) -> Ended:
    """Run ``python -m lookalike WORDS --json``; its stderr is passed on line by line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lookalike", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    passing_on = threading.Thread(target=_pass_on, args=(process.stderr, say))
    passing_on.start()
    printed: dict[str, Any] = {}
    with contextlib.suppress(json.JSONDecodeError):
        printed = json.loads(process.stdout.read())
    status, megabytes = _wait(process)
    passing_on.join()
    return Ended(printed, status, megabytes)


def _pass_on(stream: IO[str], say: Callable[[str], None]) -> None:
    for line in stream:
        say(line.rstrip())


def _wait(process: subprocess.Popen[str]) -> tuple[int, float]:
    """Exit status and peak memory; the memory is 0 where the system does not tell it."""
    if not hasattr(os, "wait4"):
        return process.wait(), 0.0
    _, state, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(state)
    scale = 1 / 1024 if sys.platform != "darwin" else 1 / 1024**2
    return process.returncode, used.ru_maxrss * scale
