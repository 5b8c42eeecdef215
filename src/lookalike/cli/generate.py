"""lookalike generate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lookalike.cli import output as show
from lookalike.cli.machine import MACHINE, Machine


def generate(
    run: Path,
    /,
    *,
    n: Annotated[int, Parameter(name=["-n", "--count"])] = 100,
    to: Path | None = None,
    seed: int = 0,
    first: int = 0,
    label: str | None = None,
    checkpoint: str = "auto",
    grid: Annotated[bool, Parameter(negative="")] = False,
    recipe: str | None = None,
    keep_copies: Annotated[bool, Parameter(negative="")] = False,
    candidates: int | None = None,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """New pictures from a run. A picture depends on its seed and index only.

    Parameters
    ----------
    run
        A run folder.
    n
        How many pictures.
    to
        The folder for the PNG files. Default: RUN/generated-SEED.
    seed
        Another seed, other pictures.
    first
        The index of the first picture.
    label
        For runs with labels: a class, or attributes such as "hair=long,glasses=none".
    checkpoint
        best (by score), best-2 …, last, or auto: the last, unless the best scored better by more
        than chance.
    grid
        Also write the first hundred as one picture, beside the folder (out-grid.png).
    recipe
        Your own recipe file, for a run whose generator is defined in it (opening it runs it).
    keep_copies
        Also write pictures that copy a training picture; they are left out otherwise.
    candidates
        Of how many each picture is the best, by the discriminator. 1 takes every picture as it is
        drawn, three times as fast. Default: what the run measured to be nearest (swift: 1 to 3).
    """
    from lookalike import api
    from lookalike.stages.generate import GenerateSettings

    wanted = GenerateSettings(
        count=n,
        seed=seed,
        first=first,
        wanted=label,
        checkpoint=checkpoint,
        grid=grid,
        recipe=recipe,
        keep_copies=keep_copies,
        candidates=candidates,
    )
    folder = to or run / f"generated-{seed}"
    with show.screen() as screen:
        made = api.generate(run, folder, wanted, machine.where(), screen.tell)
    lines = [
        f"{made.count:,} pictures in {made.folder} (seed {made.seed}, {made.recipe} after "
        f"{made.images_seen:,} images)."
    ]
    if made.copies:
        lines.append(
            f"{made.copies:,} copies of training pictures were left out, and others took their "
            "place (--keep-copies keeps them)."
        )
    lines += made.notes
    show.result(made, json, [*lines, *([f"  grid  {made.grid}"] if made.grid else [])])
