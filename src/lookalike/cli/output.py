"""Tables, progress and JSON: results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TextIO

from cyclopts import Parameter

from lookalike.durations import left
from lookalike.errors import StorageError
from lookalike.progress import Listener
from lookalike.results import plain

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from lookalike.watch.progress import ProgressStep

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")]

Verbose = Annotated[
    bool,
    Parameter(name="--verbose", negative="", help="Also show speed and losses while it trains."),
]


def result(value: Any, as_json: bool) -> None:
    """Print a result: JSON where it was asked for, its lines otherwise; once for a team."""
    if os.environ.get("RANK", "0") == "0":
        out(json.dumps(plain(value), indent=1) if as_json else str(value))


class UnreadError(Exception):
    """The program that read our results has gone (``lookalike ... | head``)."""


def out(text: str) -> None:
    """A result on stdout.

    Raises:
        UnreadError: nobody reads there any more.
        StorageError: it goes to a file, and the disk is full.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError as problem:
        _into_nothing(sys.stdout)
        raise UnreadError from problem
    except OSError as problem:
        _into_nothing(sys.stdout)
        raise StorageError(
            f"What is printed could not be written ({problem.strerror}). Make room on that disk, "
            "or print to another place."
        ) from problem


def say(text: str) -> None:
    """A remark on stderr; when it cannot be written any more, the work goes on without."""
    if sys.stderr is None:  # closed from the beginning
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _into_nothing(sys.stderr)


def _into_nothing(stream: TextIO) -> None:
    """What is written there from now on vanishes, also what Python writes when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@dataclass
class Screen:
    """Progress on stderr: a live bar on a terminal, a line every ``seconds`` elsewhere.

    Words first: losses and speed are for those who ask for them (``verbose``).
    """

    bars: Progress | None = None
    seconds: float = 15.0
    verbose: bool = False
    _task: TaskID | None = None
    _what: str = ""
    _last: float = 0.0

    def tell(self, what: str, done: int, total: int) -> None:
        """Work that counts things."""
        detail = f"{done:,} of {total:,}" if total else f"{done:,}"
        self._show(what, done, total, detail)

    def step(self, step: ProgressStep) -> None:
        """A training."""
        ending = left(step.seconds_left) if step.seconds_left < 1e7 else ""
        light = "" if step.light is None else step.light.title.lower()
        details = [ending, step.near, light]
        if self.verbose:
            losses = (f"{player} {value:.3f}" for player, value in step.losses.items())
            details += [f"{step.rate:.0f} images/s", *losses]
        self._show("training", step.images, step.budget, "  ".join(filter(None, details)))

    def _show(self, what: str, done: int, total: int, detail: str) -> None:
        if self.bars is None:
            finished = bool(total) and done >= total
            if time.monotonic() - self._last >= self.seconds or (finished and what != self._what):
                self._last = time.monotonic()
                share = f"{100 * done / total:3.0f} %  " if total else ""
                say(f"{what}: {share}{detail}")
                self._what = what if finished else ""
            return
        if self._task is None or what != self._what:
            if self._task is not None:
                self.bars.remove_task(self._task)
            self._task, self._what = self.bars.add_task(what, total=total or None, detail=""), what
        self.bars.update(self._task, completed=done, total=total or None, detail=detail)

    def say(self, text: str) -> None:
        """A remark that stays above the bar."""
        if self.bars is None:
            say(text)
        else:
            self.bars.console.print(text, highlight=False, markup=False, emoji=False)


@contextmanager
def screen(verbose: bool = False) -> Iterator[Listener]:
    """A screen that listens for the time of one verb."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield _listener(Screen(verbose=verbose))
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(*columns(), console=Console(stderr=True), transient=True) as bars:
        yield _listener(Screen(bars, verbose=verbose))


def columns() -> list[ProgressColumn]:
    """What stands in a line of progress; names in it are shown as they are."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

    return [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeElapsedColumn(),
    ]


def _listener(shown: Screen) -> Listener:
    return Listener(shown.tell, shown.step, shown.say)
