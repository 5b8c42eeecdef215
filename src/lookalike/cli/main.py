"""The command line: one thin file per verb, opened only when the verb is used."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from cyclopts import App, CycloptsError, Group

from lookalike import __version__
from lookalike.cli import output as show
from lookalike.errors import LookalikeError, StorageError
from lookalike.storage_errors import storage_errors

_MAIN = Group("From pictures to pictures", sort_key=1)
_EDIT = Group("Edit pictures", sort_key=2)
_DATA = Group("Data", sort_key=3)
_JUDGE = Group("Judge", sort_key=4)
_LOOK = Group("Look", sort_key=5)

_USAGE = 2
_UNREAD = 141
"""The exit status when whoever read our output has gone, as of other programs in a pipe."""

VERBS: dict[str, tuple[Group, str]] = {
    "studio": (_MAIN, "All of it on a page in your browser."),
    "start": (_MAIN, "One command for a folder: prepare, choose, train, report."),
    "train": (_MAIN, "Train a recipe on a pack; the same command again continues."),
    "generate": (_MAIN, "New pictures from a run."),
    "edit": (_EDIT, "Change one thing of a photo; the rest of it stays bit for bit."),
    "directions": (_EDIT, "What can be changed with a run, with measured success."),
    "teach": (_EDIT, "Pictures with something and without it become a slider."),
    "rebuild": (_EDIT, "How well a run can draw a photo, beside held-out pictures."),
    "collect": (_DATA, "Pictures from search, a site, a list or a public set."),
    "prepare": (_DATA, "Make a pack of a folder, a zip or another source."),
    "doctor": (_DATA, "Find what is wrong with a set of pictures."),
    "transform": (_DATA, "Augment a folder by hand: fliph rot_90 blur_1.5 ..."),
    "export": (_DATA, "Write a pack as ImageFolder, webdataset or Parquet."),
    "expand": (_DATA, "Add checked synthetic pictures to a set, by class."),
    "demo-data": (_DATA, "Draw cartoon faces with labeled attributes."),
    "merge": (_DATA, "Put the parts of divided work together."),
    "share": (_MAIN, "Give it away: a page in one file, or a model folder."),
    "evaluate": (_JUDGE, "How good pictures are, against real ones."),
    "utility": (_JUDGE, "Whether added pictures make a classifier better."),
    "compare": (_JUDGE, "Give several recipes the same time and rank them."),
    "recipes": (_LOOK, "The recipes there are."),
    "report": (_LOOK, "Write the page of a run anew."),
    "show": (_LOOK, "What is known about a run."),
}
"""The verbs with what the list of commands says; each is opened only when it is used."""

_OWN_FILES = {"collect", "studio"}
"""Verbs that are more than a function of the api."""

app = App(
    name="lookalike",
    help="Pictures that look like yours: a folder of images becomes a trained generator.\n\n"
    "Begin with: lookalike start ./photos",
    version=__version__,
    help_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for _name, (_group, _help) in VERBS.items():
    _place = f"{_name}:app" if _name in _OWN_FILES else f"commands:{_name.replace('-', '_')}"
    app.command(f"lookalike.cli.{_place}", name=_name, help=_help, group=_group)


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
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show ends no work
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(given)
    except show.UnreadError:
        status = _UNREAD
    if status:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and "torch" in sys.modules:
            from lookalike.engine.distributed import leave

            leave(status)  # an ordinary exit of a broken group may wait or abort
        sys.exit(status)


def _run(given: Sequence[str]) -> int:
    """One command; the exit status."""
    as_json = "--json" in given
    try:
        with storage_errors():
            app(given, exit_on_error=not as_json, print_error=not as_json)
            if int(os.environ.get("WORLD_SIZE", "1")) > 1:
                from lookalike.engine.distributed import leave

                leave()
    except CycloptsError as problem:
        _failed("UsageError", str(problem), as_json)
        return _USAGE
    except MemoryError as problem:
        words = f" ({str(problem).splitlines()[0]})" if str(problem) else ""
        cure = "Close other programs, or take less: train --memory 2G, or fewer pixels (--size)."
        message = f"There is not enough memory{words}. {cure}"
        return _failed("MemoryError", message, as_json)
    except LookalikeError as problem:
        return _failed(type(problem).__name__, str(problem), as_json)
    except KeyboardInterrupt:
        show.say("Stopped. Nothing is left half written; run the same command again to go on.")
        return 130
    return 0


def _failed(kind: str, message: str, as_json: bool) -> int:
    if as_json:
        with suppress(StorageError):  # said below
            show.out(json.dumps({"error": kind, "message": message}))
    show.say(f"Error: {message}")
    return 1
