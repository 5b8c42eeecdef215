"""What the parts of bench gpu share: a clock, lines that survive, and a stop for what hangs."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch


class OutOfTimeError(Exception):
    """What was tried did not end within its seconds."""


@dataclass(frozen=True)
class Deadline:
    """A moment of ``time.monotonic``."""

    at: float

    def left(self) -> float:
        """Seconds until then, negative afterwards."""
        return self.at - time.monotonic()


class Results:
    """Lines on the screen and rows in ``folder/gpu.jsonl``, both written out at once.

    ``wrong`` collects what must not be: a law that does not hold, a part that broke.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.begun = folder, time.monotonic()
        self.wrong: list[str] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        """A line on the screen, with the seconds since the beginning."""
        print(f"[{time.monotonic() - self.begun:5.0f} s] {text}", flush=True)

    def row(self, part: str, **facts: Any) -> None:
        """One JSON line of a part."""
        if self.folder is not None:
            line = {"part": part, "at": round(time.monotonic() - self.begun, 1), **facts}
            with open(self.folder / "gpu.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def skip(self, part: str, what: str, why: str) -> None:
        """Say, and keep, that something was left out."""
        self.say(f"{part}: {what} is left out: {why}")
        self.row(part, skipped=what, why=why)

    def fail(self, part: str, what: str, why: str) -> None:
        """Say, and keep, that something is wrong."""
        self.wrong.append(f"{part}: {what}: {why}")
        self.say(f"WRONG {self.wrong[-1]}")
        self.row(part, wrong=what, why=why)


@dataclass(frozen=True)
class Bench:
    """One part's place: the device, where results go, when to end, and where pictures are drawn.

    ``tiny`` asks for the same with settings that end in seconds on a CPU.
    """

    device: str
    tiny: bool
    results: Results
    deadline: Deadline
    pictures: Path


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop the block after so many seconds, where this system has alarms; one may hold another.

    Raises:
        OutOfTimeError: the block was stopped. What it was changing is in no sure state.
    """
    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not able:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTimeError(f"stopped after {seconds:.0f} s")

    begun, before = time.monotonic(), signal.signal(signal.SIGALRM, stop)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:
            left = outer - (time.monotonic() - begun)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.01))


def wait_for(device: str) -> None:
    """Until everything that was asked of the device is done; a CPU never lags."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    elif device.startswith("mps"):
        torch.mps.synchronize()


def reason(problem: BaseException) -> str:
    """An exception in one line, with the place in our code that it came from."""
    trace, place = problem.__traceback__, ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if {"lookalike", "benchmarks"} & set(file.parts) and "site-packages" not in file.parts:
            place = f" ({file.parent.name}/{file.name}:{trace.tb_lineno})"
        trace = trace.tb_next
    first = next(iter(str(problem).strip().splitlines()), "")
    return f"{type(problem).__name__}: {first[:200]}{place}"
