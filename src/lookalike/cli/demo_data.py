"""lookalike demo-data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lookalike.cli import output as show


def demo_data(
    folder: Path,
    /,
    *,
    style: str = "toon-head",
    n: Annotated[int, Parameter(name=["-n", "--count"])] = 3000,
    size: int = 64,
    seed: int = 0,
    json: show.Json = False,
) -> None:
    """Draw cartoon faces with labelled attributes: PNG files, attributes.csv and their licence.

    Parameters
    ----------
    folder
        Where to put them.
    style
        A DiceBear style (toon-head, avataaars, pixel-art ...), or mix: ten styles as ten classes.
    n
        How many.
    size
        Their side in pixels.
    seed
        Another seed, other faces.
    """
    from lookalike import api

    with show.screen() as screen:
        made = api.demo_data(folder, style, n, size, seed, screen.tell)
    done = "drawn" if made.made else "were there already"
    lines = [
        f"{made.count:,} faces {done} in {made.folder} ({', '.join(made.styles)}).",
        f"  artists and licences  {made.folder / 'LICENCE.txt'}",
        f"  next                  lookalike start {made.folder}",
    ]
    show.result(made, json, lines)
