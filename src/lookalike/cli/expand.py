"""lookalike expand."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.pictures import ExpandSettings


def expand(
    pack: Path,
    /,
    *,
    to: Path,
    settings: ExpandSettings | None = None,
    json: show.Json = False,
) -> None:
    """Add synthetic pictures to a set, class by class, each checked before it is taken.

    What is found is kept: the same command continues where it was cut off.

    Parameters
    ----------
    pack
        A pack, made by 'lookalike prepare'.
    to
        A folder that does not exist yet, or is empty. Nothing is ever overwritten.
    """
    from lookalike import api

    with show.screen() as listener:
        expanded = api.expand(pack, to, settings, listener=listener)
    show.result(expanded, json)
