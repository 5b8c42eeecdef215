"""lookalike show."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output


def show(run: Path, /, *, json: output.Json = False) -> None:
    """What is known about a run: recipe, data, progress, last numbers, files.

    Parameters
    ----------
    run
        A run folder.
    """
    from lookalike import api

    output.result(api.show(run), json)
