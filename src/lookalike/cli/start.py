"""lookalike start."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lookalike.cli import output as show
from lookalike.cli.machine import MACHINE, Changes, Machine, settings
from lookalike.cli.train import trained_lines
from lookalike.durations import seconds


def start(
    source: Path,
    /,
    *,
    time: Annotated[str, Parameter(name="--for")] = "4m",
    more: str | None = None,
    into: Path | None = None,
    size: int | None = None,
    recipe: str | None = None,
    change: Changes = None,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """From a folder of pictures to a trained generator: scan, prepare, choose, train, report.

    The same command again continues where it stopped.

    Parameters
    ----------
    source
        A folder (sub-folders are classes) or a zip of pictures.
    time
        How long to train: 4m, 2h. Longer gives better pictures.
    more
        Train a finished run further, for this time on top of what it had: --more 30m.
    into
        The run folder. Default: runs/NAME-OF-THE-FOLDER.
    size
        The side of the pictures in pixels; chosen from your pictures if you leave it out.
    recipe
        A recipe other than the default.
    change
        Change a setting of the recipe: --set width=32
    """
    from lookalike import api
    from lookalike.api.results import Listener
    from lookalike.stages.train import TrainSettings

    folder = into or Path("runs") / (source.resolve().stem or "pictures")
    further = seconds(more) if more else None
    wanted = TrainSettings(seconds=seconds(time), more=further, settings=settings(change))
    with show.screen() as screen:
        choice = api.choose(source, size, recipe)
        screen.say(f"{source}: {choice.files:,} files, about {choice.typical} px.")
        for reason in choice.reasons:
            screen.say(f"  {reason}")
        screen.say(f"Everything goes to {folder}. Ctrl-C saves and stops.")
        listener = Listener(screen.tell, screen.step, screen.say)
        started = api.start(source, folder, choice, wanted, machine.where(), listener)
    words = ["lookalike", "start", str(source), "--for", time, "--into", str(folder)]
    words += ["--size", str(size)] if size else []
    words += ["--recipe", recipe] if recipe else []
    words += [word for pair in change or [] for word in ("--set", pair)]
    again = shlex.join(words)
    trained = replace(started.trained, continue_with=again, longer_with=f"{again} --more 10m")
    started = replace(started, trained=trained)
    lines = trained_lines(trained)
    show.result(started, json, lines)
