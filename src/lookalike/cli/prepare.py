"""lookalike prepare."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.data import PrepareSettings


def prepare(
    source: Path,
    /,
    *,
    to: Path,
    settings: PrepareSettings | None = None,
    json: show.Json = False,
) -> None:
    """Make a pack: every picture decoded once, checked, cropped and resized, ready to train from.

    Nothing in the source is changed. A second run does nothing; on a grown source only the new
    pictures are read.

    Parameters
    ----------
    source
        A folder (sub-folders are classes), a zip, a tar, a list (CSV, JSONL, Parquet), or a pack.
    to
        The pack's folder.
    """
    from lookalike import api

    with show.screen() as listener:
        prepared = api.prepare(source, to, settings, listener=listener)
    show.result(prepared, json)
