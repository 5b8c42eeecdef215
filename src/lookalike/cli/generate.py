"""lookalike generate."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.pictures import GenerateSettings


def generate(
    run: Path,
    /,
    *,
    to: Path | None = None,
    settings: GenerateSettings | None = None,
    json: show.Json = False,
) -> None:
    """New pictures from a run. A picture depends on its seed and index only.

    Parameters
    ----------
    run
        A run folder.
    to
        The folder for the PNG files. Default: RUN/generated-SEED.
    """
    from lookalike import api

    with show.screen() as listener:
        generated = api.generate(run, to, settings, listener=listener)
    show.result(generated, json)
