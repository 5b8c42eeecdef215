"""The command line: one thin file per verb, opened only when the verb is used."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence

from cyclopts import App, Group

from lookalike import __version__
from lookalike.cli import output as show
from lookalike.errors import LookalikeError, disk_error

_MAIN = Group("From pictures to pictures", sort_key=1)
_DATA = Group("Data", sort_key=2)
_JUDGE = Group("Judge", sort_key=3)
_LOOK = Group("Look", sort_key=4)

_UNREAD = 141
"""The exit status when whoever read our output has gone, as of other programs in a pipe."""

VERBS: dict[str, tuple[Group, str, str]] = {
    "start": (_MAIN, "start:start", "One command for a folder: prepare, choose, train, report."),
    "train": (_MAIN, "train:train", "Train a recipe on a pack; the same command again continues."),
    "generate": (_MAIN, "generate:generate", "New pictures from a run."),
    "collect": (_DATA, "collect:app", "Pictures from search, a site, a list or a public set."),
    "prepare": (_DATA, "prepare:prepare", "Make a pack of a folder, a zip or another source."),
    "doctor": (_DATA, "doctor:doctor", "Find what is wrong with a set of pictures."),
    "transform": (
        _DATA,
        "transform:transform",
        "Augment a folder by hand: fliph rot_90 blur_1.5 ...",
    ),
    "export": (_DATA, "export:export", "Write a pack as ImageFolder, webdataset or Parquet."),
    "expand": (_DATA, "expand:expand", "Add checked synthetic pictures to a set, by class."),
    "demo-data": (_DATA, "demo_data:demo_data", "Draw cartoon faces with labelled attributes."),
    "evaluate": (_JUDGE, "evaluate:evaluate", "How good pictures are, against real ones."),
    "utility": (_JUDGE, "utility:utility", "Whether added pictures make a classifier better."),
    "compare": (_JUDGE, "compare:compare", "Give several recipes the same time and rank them."),
    "recipes": (_LOOK, "recipes:recipes", "The recipes there are."),
    "report": (_LOOK, "report:report", "Write the page of a run anew."),
    "show": (_LOOK, "show:show", "What is known about a run."),
}

app = App(
    name="lookalike",
    help="Pictures that look like yours: a folder of images becomes a trained generator.\n\n"
    "Begin with: lookalike start ./photos",
    version=__version__,
    help_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for _name, (_group, _where, _help) in VERBS.items():
    _module, _, _function = _where.partition(":")
    app.command(f"lookalike.cli.{_module}:{_function}", name=_name, help=_help, group=_group)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error of ours becomes one message and exit status 1."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Threads that spin long while they wait slow each other down tenfold when another program
    # computes too; threads that never spin cost a third on a quiet machine;
    # both must be said before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    # Large pages: what a step takes and frees costs up to a quarter of its time in page faults.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show is shown with its numbers, and ends nothing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(given)
    except show.UnreadError:
        status = _UNREAD
    if status:
        sys.exit(status)


def _run(given: Sequence[str]) -> int:
    """One command; the exit status."""
    try:
        app(given)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from lookalike.engine.distributed import leave

            leave()
    except LookalikeError as problem:
        return _refused(problem, given)
    except BrokenPipeError:
        return _UNREAD
    except OSError as problem:
        return _refused(disk_error(problem), given)
    except KeyboardInterrupt:
        show.say("Stopped. Nothing is left half written; run the same command again to go on.")
        return 130
    return 0


def _refused(problem: LookalikeError, given: Sequence[str]) -> int:
    """Say an error in one message; the exit status."""
    if "--json" in given:
        show.out(json.dumps({"error": type(problem).__name__, "message": str(problem)}))
    show.say(f"Error: {problem}")
    return 1
