"""lookalike recipes."""

from __future__ import annotations

from lookalike import recipe
from lookalike.cli import output as show


def recipes(*, json: show.Json = False) -> None:
    """The recipes there are, with the sizes and channels that they serve."""
    known = recipe.names()
    rows = [
        (
            one.name,
            " ".join(map(str, one.sizes)) or "any",
            ", ".join({1: "grey", 3: "color"}[count] for count in one.channels),
            one.labels,
            one.about,
        )
        for one in known
    ]
    lines = show.table(rows, ("recipe", "sizes", "channels", "labels", "what it is"))
    more = "\nUse one: lookalike train PACK --recipe NAME.  Your own: --recipe my_recipe.py"
    show.result(known, json, [*lines, more])
