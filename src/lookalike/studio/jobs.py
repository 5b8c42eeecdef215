"""Long work as processes of their own, which go on when the page or the server ends.

A job is a folder: ``job.json`` says what was asked, ``state.json`` how far it is, ``log.txt`` what
was said, ``stop`` asks it to stop, and ``lock`` is held by its process as long as that lives. So a
server that was started anew finds every job again, and knows a living one from one that was killed,
without trusting the number of any process. A job whose turn has not come has a file ``waits``.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.checkpoints import read_json
from lookalike.locks import taken
from lookalike.studio.errors import OverloadedError, UnknownError
from lookalike.studio.messages import for_page
from lookalike.studio.requests import checked_id

TRAININGS = ("start", "train")
JOB, STATE, STOP, LOG, LOCK = "job.json", "state.json", "stop", "log.txt", "lock"
WAITS = "waits"
WAITING = "waiting"
ENDED = ("ended", "stopped", "failed")
"""What a process writes as its last state."""

STARTING = 20.0
"""Seconds that a process may need until it holds its lock."""

MOST_KEPT = 60
MOST_WAITING = 8
SOON = 0.5
"""Seconds between two looks whether the turn of what waits has come."""

_KILLED = (
    "It ended without a word: it was killed, the machine was switched off, or memory ran out. "
    "Nothing that was saved is lost; it can go on from there."
)


@dataclass(frozen=True)
class Job:
    """One piece of work, as its folder tells it.

    ``state`` is waiting, starting, running, ended, stopped, failed or killed; ``told`` what its
    process wrote last: ``said`` (sentences), ``step`` (of a training) or ``work`` (what, done,
    total), and at the end ``result`` or ``error`` and ``message``.
    """

    id: str
    verb: str
    about: str
    title: str
    began: float
    state: str
    told: Mapping[str, Any]
    asked_to_stop: bool = False

    @property
    def alive(self) -> bool:
        """Whether it is still at it, or will be."""
        return self.state in (WAITING, "starting", "running")


class Jobs:
    """The jobs of one studio; at most one training and one other at a time, and others wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: dict[str, Job] = {}
        self._starting = threading.Lock()
        self._calling: threading.Thread | None = None

    # ---- starting and stopping --------------------------------------------------------------

    def begin(
        self,
        verb: str,
        arguments: Mapping[str, Any],
        *,
        about: str,
        title: str,
        scratch: Path | None = None,
    ) -> Job:
        """Start a verb of the api in a process of its own; what is no training may have to wait.

        ``about`` is the id of what it is about, ``title`` what people call it. The folder
        ``scratch`` was made for this job alone, and goes when it ends.

        Raises:
            OverloadedError: a training is under way already, or too much waits.
        """
        with self._starting:
            try:
                before = self._before(verb)
            except OverloadedError:
                if scratch is not None:
                    shutil.rmtree(scratch, ignore_errors=True)
                raise
            self._drop_old()
            place = self.folder / secrets.token_hex(8)
            place.mkdir(parents=True)
            asked = {"verb": verb, "arguments": arguments, "about": about, "title": title}
            asked |= {"scratch": str(scratch)} if scratch else {}
            if before:
                (place / WAITS).write_text(before[0].title, "utf-8")
            write_note(place / JOB, {**asked, "began": time.time()})
            if before:
                self._call_in_turn()
            else:
                self._start(place)
        return self.get(place.name)

    def once(self, verb: str, arguments: Mapping[str, Any], *, about: str, title: str) -> Job:
        """The same, unless such work about this is under way or waits already.

        Raises:
            OverloadedError: too much waits.
        """
        job = self.newest(about, verb)
        if job is not None and job.alive:
            return job
        return self.begin(verb, arguments, about=about, title=title)

    def again(self, job: Job) -> Job:
        """The same once more, where it stopped.

        Raises:
            OverloadedError: a training is under way already.
        """
        arguments = read_json(self.folder / job.id / JOB).get("arguments", {})
        return self.begin(job.verb, arguments, about=job.about, title=job.title)

    def _before(self, verb: str) -> list[Job]:
        """What has to end before work of this kind may begin; of trainings nothing waits.

        Raises:
            OverloadedError: that is a training, or too much.
        """
        training = verb in TRAININGS
        before = [job for job in self.all() if job.alive and (job.verb in TRAININGS) == training]
        if before and (training or len(before) > MOST_WAITING):
            kind = "A training is" if training else f"{len(before)} pieces of other work are"
            raise OverloadedError(
                f"{kind} under way already ({before[0].title}). Wait for its end, or stop it."
            )
        return before

    def _start(self, place: Path) -> None:
        with open(place / LOG, "ab") as log:
            self._own[place.name] = _process(place, log)

    # ---- what waits -------------------------------------------------------------------------

    def resume(self) -> None:
        """Call what waited when the server ended."""
        if self._waiting():
            with self._starting:
                self._call_in_turn()

    def _waiting(self) -> list[Job]:
        """What waits, the first that came first."""
        return [job for job in self.all() if job.state == WAITING][::-1]

    def _call_in_turn(self) -> None:
        if self._calling is None:
            self._calling = threading.Thread(target=self._call, name="jobs", daemon=True)
            self._calling.start()

    def _call(self) -> None:
        while self._called():
            time.sleep(SOON)

    def _called(self) -> bool:
        """Start what waits if nothing else is under way; whether there was any."""
        with self._starting:
            waiting = self._waiting()
            if not waiting:
                self._calling = None
            elif self._at_work() is None:
                with contextlib.suppress(OSError):  # a full disk: the next look tries again
                    self._begin_now(self.folder / waiting[0].id)
            return bool(waiting)

    def _at_work(self) -> Job | None:
        """What is no training, and under way."""
        jobs = (job for job in self.all() if job.alive and job.verb not in TRAININGS)
        return next((job for job in jobs if job.state != WAITING), None)

    def _begin_now(self, place: Path) -> None:
        write_note(place / JOB, {**read_json(place / JOB), "began": time.time()})
        if _leaves_the_queue(place):
            self._start(place)

    def stop(self, id_: object) -> Job:
        """Ask a job to stop; a training saves first, and that takes some seconds.

        Raises:
            UnknownError: there is no such job.
        """
        job = self.get(id_)
        place = self.folder / job.id
        if job.state == WAITING and _leaves_the_queue(place):
            drop_scratch(place)
            write_note(place / STATE, {"state": "stopped", "message": "It was not begun."})
        elif job.alive:
            (place / STOP).touch()
        return self.get(job.id)

    # ---- what there is ----------------------------------------------------------------------

    def get(self, id_: object) -> Job:
        """One job.

        Raises:
            UnknownError: there is none of this id.
        """
        place = self.folder / checked_id(id_)
        if not (place / JOB).is_file():
            raise UnknownError("There is no such work any more.")
        return self._read(place)

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        places = [path.parent for path in self.folder.glob(f"*/{JOB}")]
        return sorted(map(self._read, places), key=lambda job: -job.began)

    def newest(self, about: str, *verbs: str) -> Job | None:
        """The newest job of these verbs about this id."""
        jobs = (job for job in self.all() if job.about == about and job.verb in verbs)
        return next(jobs, None)

    def _read(self, place: Path) -> Job:
        """A job as its folder tells it; what said itself that it ended is read once."""
        known = self._ended.get(place.name)
        if known is None:
            known = self._as_told(place)
            if known.state in ENDED:
                self._ended[place.name] = known
        return known

    def _as_told(self, place: Path) -> Job:
        asked, told = read_json(place / JOB), read_json(place / STATE)
        began = float(asked.get("began", 0.0))
        state = str(told.get("state", ""))
        before = _waits_for(place)
        if before is not None:
            state, told = WAITING, {"work": {"what": f"its turn comes after “{before}”"}}
        elif state in ("", "running") and not taken(place / LOCK):
            told = read_json(place / STATE)  # it may have ended since
            state = str(told.get("state", ""))
            if state == "running" or (not state and self._has_died(place, began)):
                state, told = "killed", {**told, "message": _KILLED}
        verb, about, title = (str(asked.get(name, "")) for name in ("verb", "about", "title"))
        stop = (place / STOP).exists()
        return Job(place.name, verb, about, title, began, state or "starting", told, stop)

    def _has_died(self, place: Path, began: float) -> bool:
        """Whether a job without a state ended before it could write one."""
        process = self._own.get(place.name)
        if process is not None:
            return process.poll() is not None
        return time.time() - began > STARTING

    def _drop_old(self) -> None:
        """Forget the oldest jobs that ended; nothing of a run lies in their folders."""
        ended = [job for job in self.all() if not job.alive]
        for job in ended:
            if job.state == "killed":
                drop_scratch(self.folder / job.id)
        for job in ended[MOST_KEPT:]:
            for name in (JOB, STATE, STOP, LOG, LOCK, WAITS):
                (self.folder / job.id / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (self.folder / job.id).rmdir()
            self._own.pop(job.id, None)
            self._ended.pop(job.id, None)


def _waits_for(place: Path) -> str | None:
    """What a job waits for, in words; None where it does not wait."""
    try:
        return (place / WAITS).read_text("utf-8")
    except FileNotFoundError:
        return None


def _leaves_the_queue(place: Path) -> bool:
    """Whether we took it out; another studio of this folder may have been first."""
    try:
        (place / WAITS).unlink()
    except FileNotFoundError:
        return False
    return True


def drop_scratch(place: Path) -> None:
    """Remove what was made for a job alone."""
    scratch = read_json(place / JOB).get("scratch")
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)


def job_words(job: Job | None) -> dict[str, Any] | None:
    """How far some work is, in words."""
    if job is None:
        return None
    work = job.told.get("work", {})
    total = int(work.get("total", 0))
    return {
        "id": job.id,
        "verb": job.verb,
        "title": job.title,
        "state": job.state,
        "alive": job.alive,
        "words": str(work.get("what", "")),
        "share": int(work.get("done", 0)) / total if total else 0.0,
        "message": for_page(str(job.told.get("message", ""))),
        "result": job.told.get("result"),
    }


def write_note(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a small file of JSON as a whole; a training must not wait for the disk."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(json.dumps(values), "utf-8")
    os.replace(beside, path)


def _process(place: Path, log: Any) -> subprocess.Popen[bytes]:
    """The process of a job, which no signal of our terminal reaches."""
    environment = {
        "GOMP_SPINCOUNT": "20000",
        "THP_MEM_ALLOC_ENABLE": "1",
        **os.environ,
        "PYTHONUNBUFFERED": "1",
    }
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        new_group, detached = 0x00000200, 0x00000008
        apart = {"creationflags": new_group | detached}
    return subprocess.Popen(
        [sys.executable, "-m", "lookalike.studio.job_process", str(place)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        **apart,
    )
