"""lookalike prepare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lookalike.cli import show

if TYPE_CHECKING:
    from lookalike.stages.prepare import Prepared

SHOWN = 10


def prepare(
    source: Path,
    /,
    *,
    to: Path,
    size: int | None = 64,
    grey: Annotated[bool, Parameter(negative="")] = False,
    fit: str = "crop",
    background: str = "white",
    crop: int | None = None,
    holdout: float = 0.1,
    seed: int = 0,
    faces: Annotated[bool, Parameter(negative="")] = False,
    largest: Annotated[bool, Parameter(negative="")] = False,
    fix: Annotated[bool, Parameter(negative="")] = False,
    json: show.Json = False,
) -> None:
    """Make a pack: every picture decoded once, checked, cropped and resized, ready to train from.

    Nothing in the source is changed. A second run does nothing; on a grown source only the new
    pictures are read.

    Parameters
    ----------
    source
        A folder (sub-folders are classes), a zip, or a pack.
    to
        The pack's folder.
    size
        The side of the pictures in pixels.
    grey
        One channel instead of three.
    fit
        What happens to pictures that are not square: crop, pad or stretch.
    background
        What shows through transparent pictures: white, black, blur or #rrggbb.
    crop
        Cut this many pixels around the center before resizing.
    holdout
        The share that is kept away from training, for honest scores.
    seed
        Decides which pictures are held out.
    faces
        Take the one face out of each picture, upright and aligned by the eyes; refuse the rest.
    largest
        With --faces: take the largest face where there are several.
    fix
        Examine first (lookalike doctor) and leave out what it finds wrong, each with its reason.
    """
    from lookalike import api
    from lookalike.data.faces import FaceSettings
    from lookalike.stages.prepare import PrepareSettings

    wanted = PrepareSettings(
        size=size,
        channels=1 if grey else 3,
        fit=fit,  # type: ignore[arg-type]
        background=background,
        crop=crop,
        holdout=holdout,
        seed=seed,
        faces=FaceSettings(largest=largest) if faces or largest else None,
    )
    with show.screen() as screen:
        if fix:
            wanted = api.fixed(source, wanted, screen.tell)
            screen.say(f"The doctor leaves out {len(wanted.leave_out)} files.")
        made = api.prepare(source, to, wanted, screen.tell)
    show.result(made, json, prepared_lines(made))


def prepared_lines(made: Prepared) -> list[str]:
    """What was kept and what was not, for a person."""
    what = "nothing new" if made.unchanged else f"{made.decoded:,} decoded"
    lines = [
        f"{made.count:,} pictures of {made.size} px in {made.path} ({what}): "
        f"{made.train:,} to train, {made.holdout:,} held out."
    ]
    if made.class_counts:
        lines.append("  classes   " + ", ".join(f"{k} {v}" for k, v in made.class_counts.items()))
    if made.copies or made.near:
        lines.append(f"  copies    {made.copies} exact (kept once), {made.near} near")
    if made.refused:
        lines.append(f"  left out  {made.refused} files, listed in {made.path / 'refused.jsonl'}:")
        lines += [f"            {name}: {why}" for name, why in made.refusals[:SHOWN]]
        if made.refused > SHOWN:
            lines.append(f"            and {made.refused - SHOWN} more")
    lines += [f"  warning   {warning}" for warning in made.warnings]
    return [*lines, f"  next      lookalike train {made.path} --for 10m --into runs/a"]
