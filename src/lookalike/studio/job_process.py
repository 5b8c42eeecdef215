"""The process of one job: ``python -m lookalike.studio.job_process FOLDER``.

It calls a verb of the api, writes into its folder how far that is, and stops as by Ctrl-C when a
file ``stop`` lies there.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookalike import api
from lookalike.checkpoints import read_json
from lookalike.errors import LookalikeError
from lookalike.progress import Listener
from lookalike.results import plain
from lookalike.run import lock
from lookalike.studio.jobs import JOB, LOCK, STATE, STOP, drop_scratch, write_note

VERBS = ("start", "train", "doctor", "evaluate", "utility", "directions", "teach", "expand")
"""What may be asked for; a job is never anything else."""

OFTEN = 0.5
MOST_SAID = 80


@dataclass
class Reporter:
    """Writes the state of a job, at most every half second but for its end."""

    folder: Path
    said: list[str] = field(default_factory=list)
    _told: dict[str, Any] = field(default_factory=dict)
    _last: float = float("-inf")

    def tell(self, what: str, done: int, total: int) -> None:
        """Work that counts things."""
        self._told = {"work": {"what": what, "done": done, "total": total}}
        self._write("running")

    def step(self, step: Any) -> None:
        """A training."""
        self._told = {"step": plain(step)}
        self._write("running")

    def say(self, words: str) -> None:
        """A sentence for the person."""
        print(words, flush=True)
        self.said = [*self.said, words][-MOST_SAID:]
        self._write("running", now=True)

    def end(self, state: str, **told: Any) -> None:
        """The last state."""
        self._told |= told
        self._write(state, now=True)

    def _write(self, state: str, *, now: bool = False) -> None:
        if now or time.monotonic() - self._last >= OFTEN:
            self._last = time.monotonic()
            told = {"state": state, "at": time.time(), "said": self.said, **self._told}
            with contextlib.suppress(OSError):  # a full disk is the training's to speak of
                write_note(self.folder / STATE, told)


def main(folder: Path) -> None:
    """Do the job of this folder."""
    asked = read_json(folder / JOB)
    reporter = Reporter(folder)
    # A shell that starts the studio in the background lets its children ignore Ctrl-C, and then
    # nothing would hear that they shall stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(folder / LOCK, "a+", encoding="utf-8") as held:
        lock(held)
        reporter.say("Starting.")
        try:
            threading.Thread(target=_wait_for_stop, args=(folder / STOP,), daemon=True).start()
            result = _do(str(asked.get("verb")), asked.get("arguments", {}), reporter)
        except KeyboardInterrupt:
            reporter.end("stopped", message="Stopped. Nothing is left half written.")
        except LookalikeError as problem:
            reporter.end("failed", error=type(problem).__name__, message=str(problem))
        except MemoryError:
            words = "There is not enough memory. Close other programs, or take smaller pictures."
            reporter.end("failed", error="MemoryError", message=words)
        except Exception as problem:
            traceback.print_exc()
            words = f"The work failed ({type(problem).__name__}: {problem}). Its log says where."
            reporter.end("failed", error=type(problem).__name__, message=words)
        else:
            told = plain(result)
            training = told.get("trained", told)
            state = "ended" if training.get("finished", True) else "stopped"
            reporter.end(state, result=told)


def _do(verb: str, arguments: Mapping[str, Any], reporter: Reporter) -> Any:
    if verb not in VERBS:
        raise LookalikeError(f"The studio starts no {verb!r}.")
    listener = Listener(reporter.tell, reporter.step, reporter.say)
    try:
        return getattr(api, verb)(**arguments, listener=listener)
    finally:
        drop_scratch(reporter.folder)


def _wait_for_stop(stop: Path) -> None:
    """Act as Ctrl-C would when the file is there."""
    while not stop.exists():
        time.sleep(0.3)
    _thread.interrupt_main()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
