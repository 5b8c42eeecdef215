"""lookalike utility."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.evaluation import UtilitySettings


def utility(
    pack: Path, /, *, settings: UtilitySettings | None = None, json: show.Json = False
) -> None:
    """Whether adding synthetic pictures makes a classifier better on real held-out pictures.

    What is done is kept: the same command continues where it was cut off.

    Parameters
    ----------
    pack
        A pack with classes or attributes.
    """
    from lookalike import api

    with show.screen() as listener:
        found = api.utility(pack, settings, listener=listener)
    show.result(found, json)
