"""lookalike recipes."""

from __future__ import annotations

from lookalike.cli import output as show


def recipes(*, json: show.Json = False) -> None:
    """The recipes there are, with the sizes and channels that they serve."""
    from lookalike import api

    show.result(api.recipes(), json)
