"""lookalike compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lookalike.cli import output as show
from lookalike.cli.machine import MACHINE, Changes, Machine, settings
from lookalike.durations import seconds

if TYPE_CHECKING:
    from lookalike.stages.compare import Comparison


def compare(
    data: Path,
    /,
    *,
    recipes: str = "swift,dcgan,fastgan",
    time: Annotated[str, Parameter(name="--for")] = "10m",
    into: Path = Path("runs/compare"),
    change: Changes = None,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """Give several recipes the same time on the same pictures, and rank what they make.

    The same pictures, hold-out, seed and judge for all; each training in a process of its own. The
    same command again continues those that were not finished.

    Parameters
    ----------
    data
        A pack, or a folder of pictures.
    recipes
        Names with commas between, or "all".
    time
        The time for each recipe.
    into
        The folder for the runs, compare.md, compare.json and strips.png.
    change
        Settings for all recipes: --set seed=1
    """
    from lookalike import api
    from lookalike.api.results import Listener

    names = [one.name for one in api.recipes()] if recipes == "all" else recipes.split(",")
    with show.screen() as screen:
        listener = Listener(screen.tell, screen.step, screen.say)
        done = api.compare(
            data, into, names, seconds(time), machine.where(), listener, settings(change)
        )
    show.result(done, json, comparison_lines(done))


def comparison_lines(done: Comparison) -> list[str]:
    """The table for a person."""
    rows = []
    for row in done.rows:
        if row.kid is None:
            rows.append(("-", row.recipe, f"failed: {row.failed}", "", "", "", "", ""))
            continue
        rows.append(
            (
                str(row.rank),
                row.recipe,
                f"{row.kid:.4f} ({row.kid_low or 0:.4f} to {row.kid_high or 0:.4f})",
                f"{row.coverage:.2f}",
                f"{row.near_duplicates:.3f}",
                f"{row.images_per_second:.0f}",
                f"{row.megabytes:.0f}",
                f"{row.parameters / 1e6:.2f} M",
            )
        )
    header = ("rank", "recipe", "KID (95 %)", "coverage", "near-dup.", "images/s", "MB", "weights")
    return [
        *show.table(rows, header),
        f"Real pictures: KID {done.floor:.4f}, coverage {done.coverage_floor:.2f}, near-duplicates "
        f"{done.near_duplicates_floor:.3f}. Judge: {done.judge}. Lower KID is better.",
        *([done.doubt] if done.doubt else []),
        f"  samples  {done.strips}",
        f"  table    {done.table}",
    ]
