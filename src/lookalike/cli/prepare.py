"""lookalike prepare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from lookalike.cli import output as show

if TYPE_CHECKING:
    from lookalike.stages.prepare import Prepared, PrepareSettings

SHOWN = 10
_LOOK = Group("What the pictures become", sort_key=80)

Flag = Annotated[bool, Parameter(group=_LOOK, negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """How a file becomes a square, or several."""

    size: Annotated[int | None, Parameter(group=_LOOK)] = 64
    "The side of the pictures in pixels."

    grey: Flag = False
    "One channel instead of three."

    fit: Annotated[str, Parameter(group=_LOOK)] = "crop"
    "What happens to pictures that are not square: crop, pad or stretch."

    background: Annotated[str, Parameter(group=_LOOK)] = "white"
    "What shows through transparent pictures: white, black, blur or #rrggbb."

    crop: Annotated[int | None, Parameter(group=_LOOK)] = None
    "Cut this many pixels around the center before resizing."

    frames: Flag = False
    "Take every frame of an animation and every page of a TIFF, instead of the first."

    faces: Flag = False
    "Take the one face out of each picture, upright and aligned by the eyes; refuse the rest."

    largest: Flag = False
    "With --faces: take the largest face where there are several."

    def settings(self, holdout: float, seed: int, augment: tuple[str, ...]) -> PrepareSettings:
        """What the program calls them."""
        from lookalike.data.decode.faces import FaceSettings
        from lookalike.stages.prepare import PrepareSettings

        return PrepareSettings(
            size=self.size,
            channels=1 if self.grey else 3,
            fit=self.fit,  # type: ignore[arg-type]
            background=self.background,
            crop=self.crop,
            frames=self.frames,
            faces=FaceSettings(largest=self.largest) if self.faces or self.largest else None,
            holdout=holdout,
            seed=seed,
            augment=augment,
        )


LOOK = LookOptions()


def prepare(
    source: Path,
    /,
    *,
    to: Path,
    look: LookOptions = LOOK,
    holdout: float = 0.1,
    seed: int = 0,
    augment: str = "",
    fix: Annotated[bool, Parameter(negative="")] = False,
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
    holdout
        The share that is kept away from training, for honest scores.
    seed
        Decides which pictures are held out, and what is random in changed copies.
    augment
        Add changed copies of the training pictures, by the codes of 'lookalike transform':
        --augment "fliph rot_10,blur_1" adds two of each. The hold-out stays as it is.
    fix
        Examine first (lookalike doctor) and leave out what it finds wrong, each with its reason.
    """
    from lookalike import api

    wanted = look.settings(holdout, seed, tuple(augment.split()))
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
    if made.augmented:
        lines.append(f"  augment   {made.augmented:,} of those to train are changed copies")
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
