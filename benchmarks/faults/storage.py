"""A disk that is full, failing or read-only at a random write; files and sizes that are limited.

The command must end with an error that names place and cure; what was saved stays; and in peace
the same command gives what it gives undisturbed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.commands import Ended, Fault
from benchmarks.faults.jobs import JOBS, Job, Workshop

COUNT = 120
ERRORS = ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EACCES")
LIMITS = {
    "RLIMIT_FSIZE": (0, 200_000),
    "RLIMIT_NOFILE": (16, 60),
}
"""Limits of a process with the range that is tried: bytes of a file, open files."""
CURES = re.compile(
    r"make room|name a|name another|place that can be written|check the disk|check the place|"
    r"permissions|raise the limit|close other programs|again|another disk",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Trouble:
    """What is done to a command, in words and as the arguments of ``Workshop.run``."""

    words: str
    fault: Fault | None = None
    limits: dict[str, int] | None = None


def trial(workshop: Workshop, number: int) -> tuple[str, str]:
    """What was tried, and what was wrong (nothing, if nothing)."""
    draw = np.random.default_rng((2, number))
    job = list(JOBS.values())[number % len(JOBS)]
    calm = workshop.undisturbed(job).ended
    workshop.begin(job)
    trouble = _trouble(draw, calm)
    what = f"{job.name}: {trouble.words}"
    ended = workshop.run(job, fault=trouble.fault, limits=trouble.limits)
    return what, _wrong(workshop, job, ended)


def _trouble(draw: np.random.Generator, calm: Ended) -> Trouble:
    if draw.random() < 0.7:
        kind = str(draw.choice(ERRORS))
        at = int(draw.integers(1, calm.writes + 1))
        return Trouble(f"{kind} at write {at}", Fault(kind=kind, at=at, writes=True))
    name = str(draw.choice(list(LIMITS)))
    value = int(draw.integers(*LIMITS[name]))
    return Trouble(f"{name} {value}", limits={name: value})


def _wrong(workshop: Workshop, job: Job, ended: Ended) -> str:
    if ended.wrong:
        return ended.wrong
    if ended.status and not CURES.search(ended.said):
        return f"no cure is named: {ended.said[-400:]}"
    if ended.status and not _names_a_place(ended.said, workshop.place):
        return f"no place is named: {ended.said[-400:]}"
    return workshop.finish(job)


def _names_a_place(said: str, place: Path) -> bool:
    last = said.rpartition("Error:")[2]
    made = [name for job in JOBS.values() for name in (*job.makes, "pics")]
    return str(place) in last or any(re.search(rf"\b{name}\b", last) for name in made)
