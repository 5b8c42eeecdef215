"""lookalike export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lookalike.cli import output as show


def export(
    pack: Path,
    /,
    *,
    to: Path,
    form: Annotated[str, Parameter(name="--as")] = "imagefolder",
    json: show.Json = False,
) -> None:
    """Write a pack's pictures with their labels for other programs.

    Parameters
    ----------
    pack
        A pack.
    to
        A folder that is new or empty.
    form
        imagefolder, webdataset or parquet.
    """
    from lookalike import api

    with show.screen() as listener:
        exported = api.export(pack, to, form, listener=listener)
    show.result(exported, json)
