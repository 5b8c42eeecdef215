"""lookalike compare."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.training import CompareSettings


def compare(
    data: Path,
    /,
    *,
    into: Path = Path("runs/compare"),
    settings: CompareSettings | None = None,
    json: show.Json = False,
) -> None:
    """Give several recipes the same time on the same pictures, and rank what they make.

    The same pictures, hold-out, seed and judge for all; each training in a process of its own. The
    same command again continues those that were not finished.

    Parameters
    ----------
    data
        A pack, or a folder of pictures.
    into
        The folder for the runs, compare.md, compare.json and strips.png.
    """
    from lookalike import api

    with show.screen() as listener:
        comparison = api.compare(data, into, settings, listener=listener)
    show.result(comparison, json)
