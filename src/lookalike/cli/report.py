"""lookalike report."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show


def report(run: Path, /, *, json: show.Json = False) -> None:
    """Write the page of a run anew, also while it trains.

    Parameters
    ----------
    run
        A run folder.
    """
    from lookalike import api

    page = api.report(run)
    show.result({"report": page} if json else page, json)
