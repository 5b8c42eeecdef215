"""lookalike train."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.options import Flag
from lookalike.settings.training import TrainSettings


def train(
    data: Path,
    /,
    *,
    into: Path | None = None,
    settings: TrainSettings | None = None,
    dry_run: Flag = False,
    json: show.Json = False,
) -> None:
    """Train a recipe on a pack. The same command again continues the run, bit for bit on a CPU.

    Ctrl-C saves and stops; nothing is lost.

    Parameters
    ----------
    data
        A pack made by 'lookalike prepare', or a folder of pictures (prepared first).
    into
        The run folder. Default: runs/RECIPE.
    dry_run
        Say what would be trained, how large it is and how long it takes; train nothing.
    """
    from lookalike import api

    verb = api.plan if dry_run else api.train
    with show.screen() as listener:
        result = verb(data, into, settings, listener=listener)
    show.result(result, json)
