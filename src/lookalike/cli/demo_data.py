"""lookalike demo-data."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.data import DemoSettings


def demo_data(
    folder: Path, /, *, settings: DemoSettings | None = None, json: show.Json = False
) -> None:
    """Draw cartoon faces with labeled attributes: PNG files, attributes.csv and their licence.

    Parameters
    ----------
    folder
        Where to put them.
    """
    from lookalike import api

    with show.screen() as listener:
        demo = api.demo_data(folder, settings, listener=listener)
    show.result(demo, json)
