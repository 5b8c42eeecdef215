"""What a machine refuses: room, rights, memory, processes, a disk that fails, a clock that jumps.

The command must end as it does undisturbed, or with an error that names place and cure; what was
saved stays; and in peace the same command gives what it gives undisturbed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.commands import SURROUNDINGS, Ended, Fault, UntriedError
from benchmarks.faults.jobs import JOBS, Job, Workshop

ERRORS = ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EACCES")
YEAR = 365 * 86400
CURES = re.compile(
    r"make room|name a|name another|place that can be written|check the disk|check the place|"
    r"permissions|raise the limit|close other programs|again|another disk|LC_ALL",
    re.IGNORECASE,
)
BLOCK = 4096
"""What a file system deals its room out in."""


@dataclass(frozen=True)
class Trouble:
    """What is done to a command: in words, as arguments of ``Workshop.run``, and to its place.

    ``room`` is how many bytes may still be written to the place; ``frozen`` is the folder of the
    place that nothing can be written to. ``placed`` says whether an error has to name a place.
    """

    words: str
    how: dict[str, Any] = field(default_factory=dict)
    room: int | None = None
    frozen: str | None = None
    placed: bool = True


Plan = Callable[[np.random.Generator, Ended, Job], Trouble]


def _error(kind: str, *, writes: bool) -> Plan:
    def plan(draw: np.random.Generator, calm: Ended, job: Job) -> Trouble:
        at = int(draw.integers(1, (calm.writes if writes else calm.operations) + 1))
        where = "write" if writes else "operation"
        return Trouble(f"{kind} at {where} {at}", {"fault": Fault(kind=kind, at=at, writes=writes)})

    return plan


def _limit(name: str, least: int, most: int, *, placed: bool = True) -> Plan:
    def plan(draw: np.random.Generator, calm: Ended, job: Job) -> Trouble:
        value = int(draw.integers(least, most))
        near = "few processes" if name == "RLIMIT_NPROC" else ""
        return Trouble(f"{name} {value}", {"limits": {name: value}, "near": near}, placed=placed)

    return plan


def _failing(name: str, what: str) -> Plan:
    """EIO from below Python, from a random byte on that is read or written."""

    def plan(draw: np.random.Generator, calm: Ended, job: Job) -> Trouble:
        at = int(draw.integers(1, _known(getattr(calm, what)) + 1))
        return Trouble(f"EIO at byte {at:,} {what}", {"below": {name: at}})

    return plan


def _clock(direction: int) -> Plan:
    def plan(draw: np.random.Generator, calm: Ended, job: Job) -> Trouble:
        _known(calm.written)
        at = int(draw.integers(1, calm.asked + 2))
        jump = direction * int(draw.choice([60, 86400, YEAR, 20 * YEAR]))
        return Trouble(f"the clock jumps by {jump:,} s", {"below": {"CLOCK": at, "JUMP": jump}})

    return plan


def _small(draw: np.random.Generator, calm: Ended, job: Job) -> Trouble:
    room = BLOCK * int(draw.integers(0, _known(calm.written) // BLOCK + calm.writes))
    return Trouble(f"a disk with room for {room:,} bytes", room=room)


def _frozen(draw: np.random.Generator, calm: Ended, job: Job) -> Trouble:
    read = {"prepare": (), "start": (), "merge": ("pack-parts",)}.get(job.name, ("pack",))
    name = str(draw.choice(["", "pics", *read]))
    return Trouble(f"the folder {name or 'of all'} is read-only", frozen=name)


def _near(name: str, *, placed: bool = False) -> Plan:
    assert name in SURROUNDINGS
    return lambda draw, calm, job: Trouble(name, {"near": name}, placed=placed)


PLANS: tuple[Plan, ...] = (
    *(_error(kind, writes=True) for kind in ERRORS),
    _error("EIO", writes=False),
    _failing("WRITE", "written"),
    _failing("READ", "read"),
    _small,
    _frozen,
    _limit("RLIMIT_FSIZE", 0, 200_000),
    _limit("RLIMIT_NOFILE", 16, 60),
    _limit("RLIMIT_NPROC", 1, 8, placed=False),
    _limit("RLIMIT_AS", 0, 400 << 20, placed=False),
    _clock(1),
    _clock(-1),
    _near("no /dev/shm"),
    _near("locale C"),
    _near("a read-only home"),
    _limit("RLIMIT_AS", 0, 120 << 20, placed=False),
)
COUNT = len(PLANS) * len(JOBS)


def trial(workshop: Workshop, number: int) -> tuple[str, str]:
    """What was tried, and what was wrong (nothing, if nothing).

    Raises:
        UntriedError: this machine does not let us plan such trouble.
    """
    draw = np.random.default_rng((2, number))
    job = list(JOBS.values())[number % len(JOBS)]
    calm = workshop.undisturbed(job).ended
    trouble = PLANS[number // len(JOBS) % len(PLANS)](draw, calm, job)
    workshop.begin(job)
    with _place(workshop, trouble):
        ended = workshop.run(job, **trouble.how)
        _thaw(workshop.place, trouble)
        return f"{job.name}: {trouble.words}", _wrong(workshop, job, ended, placed=trouble.placed)


def _wrong(workshop: Workshop, job: Job, ended: Ended, *, placed: bool) -> str:
    if ended.wrong:
        return ended.wrong
    if ended.status and not CURES.search(ended.said):
        return f"no cure is named: {ended.said[-400:]}"
    if ended.status and placed and not _names_a_place(ended.said, workshop.place):
        return f"no place is named: {ended.said[-400:]}"
    return workshop.finish(job)


def _names_a_place(said: str, place: Path) -> bool:
    last = said.rpartition("Error:")[2]
    made = [name for job in JOBS.values() for name in (*job.makes, "pics")]
    return str(place) in last or any(re.search(rf"\b{name}\b", last) for name in made)


def _known(count: int) -> int:
    """What the shim counted.

    Raises:
        UntriedError: it was not loaded.
    """
    if not count:
        raise UntriedError("no C compiler, so nothing below Python can fail")
    return count


@contextmanager
def _place(workshop: Workshop, trouble: Trouble) -> Iterator[None]:
    """The place on a disk of its own, with the room that is left or with what is read-only."""
    place = str(workshop.place)
    if trouble.room is None and trouble.frozen is None:
        yield
        return
    whole = workshop.root / "whole place"
    shutil.rmtree(whole, ignore_errors=True)
    workshop.place.rename(whole)
    workshop.place.mkdir()
    _mount("-t", "tmpfs", "-o", "size=1g", "none", place)
    try:
        shutil.copytree(whole, place, dirs_exist_ok=True)
        used = shutil.disk_usage(place).used
        if trouble.room is not None:
            _mount("-o", f"remount,size={used + trouble.room}", place)
        elif trouble.frozen:
            folder = f"{place}/{trouble.frozen}"
            _mount("--bind", folder, folder)
            _mount("-o", "remount,ro,bind", folder)
        else:
            _mount("-o", "remount,ro", place)
        yield
    finally:
        _thaw(workshop.place, trouble)
        subprocess.run(["umount", "-l", place], check=True)


def _thaw(place: Path, trouble: Trouble) -> None:
    """Peace: everything can be written, and there is room."""
    if trouble.frozen and (place / trouble.frozen).is_mount():
        subprocess.run(["umount", str(place / trouble.frozen)], check=True)
    elif trouble.frozen == "" or trouble.room is not None:
        _mount("-o", "remount,rw,size=1g", str(place))


def _mount(*arguments: str) -> None:
    if not shutil.which("mount") or subprocess.run(["mount", *arguments]).returncode:
        raise UntriedError("no file system can be mounted here")
