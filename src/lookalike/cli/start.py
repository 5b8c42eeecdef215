"""lookalike start."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.training import StartSettings


def start(
    source: Path,
    /,
    *,
    into: Path | None = None,
    settings: StartSettings | None = None,
    json: show.Json = False,
) -> None:
    """From a folder of pictures to a trained generator: scan, prepare, choose, train, report.

    The same command again continues where it stopped.

    Parameters
    ----------
    source
        A folder (sub-folders are classes) or a zip of pictures.
    into
        The run folder. Default: runs/NAME-OF-THE-FOLDER.
    """
    from lookalike import api

    with show.screen() as listener:
        started = api.start(source, into, settings, listener=listener)
    show.result(started, json)
