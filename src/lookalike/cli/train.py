"""lookalike train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from lookalike.cli import output as show
from lookalike.cli.machine import MACHINE, Changes, Machine, settings
from lookalike.durations import seconds, words

if TYPE_CHECKING:
    from lookalike.api.results import Planned, Trained


def train(
    data: Path,
    /,
    *,
    recipe: str = "swift",
    time: Annotated[str | None, Parameter(name="--for")] = None,
    more: str | None = None,
    into: Path | None = None,
    change: Changes = None,
    labels: bool | None = None,
    augment: str = "",
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    tensorboard: Annotated[bool, Parameter(negative="")] = False,
    keep_best: Annotated[int, Parameter(validator=Number(gte=1))] = 3,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """Train a recipe on a pack. The same command again continues the run, bit for bit on a CPU.

    Ctrl-C saves and stops; nothing is lost.

    Parameters
    ----------
    data
        A pack made by 'lookalike prepare', or a folder of pictures (prepared first).
    recipe
        A name from 'lookalike recipes', a file of your own (my_recipe.py), or a saved recipe.json.
    time
        A time budget: 10m, 2h, 1h30m. A short benchmark turns it into images.
    more
        Train a finished run further, for this time on top of what it had: --more 30m.
    into
        The run folder. Default: runs/RECIPE.
    change
        Change a setting of the recipe: --set width=32 images=500000 optimizers.G.eps=1e-6
    labels
        Use the pack's labels. Left out: classes where the recipe can, attributes not.
    augment
        Show each picture as it is or changed, by the codes of 'lookalike transform':
        --augment "fliph rot_10,blur_1". Drawn anew each time; held-out pictures never change.
    dry_run
        Say what would be trained, how large it is and how long it takes; train nothing.
    tensorboard
        Also write TensorBoard events into the run folder.
    keep_best
        How many of the best states by score to keep, beside the last: generate --checkpoint best-2.
    """
    from lookalike import api
    from lookalike.api.results import Listener
    from lookalike.stages.train import TrainSettings

    wanted = TrainSettings(
        recipe=recipe,
        seconds=seconds(time) if time else None,
        more=seconds(more) if more else None,
        settings=settings(change),
        labeled=labels,
        augment=tuple(augment.split()),
    )
    folder = into or Path("runs") / Path(recipe).stem
    with show.screen() as screen:
        if dry_run:
            planned = api.plan(data, folder, wanted, machine.where(), screen.tell)
        else:
            listener = Listener(screen.tell, screen.step, screen.say)
            trained = api.train(
                data, folder, wanted, machine.where(tensorboard, keep_best), listener
            )
    if dry_run:
        show.result(planned, json, planned_lines(planned))
    else:
        show.result(trained, json, trained_lines(trained))


def planned_lines(planned: Planned) -> list[str]:
    """A dry run for a person."""
    sizes = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in planned.parameters.items())
    rows = [
        ("recipe", planned.recipe + (" (continues)" if planned.continues else "")),
        (
            "pictures",
            f"{planned.train} to train, {planned.holdout} held out, "
            f"{planned.size} px, {planned.channels} channels",
        ),
        ("labels", str(planned.labels) if planned.labels else "none used"),
        ("weights", sizes),
        ("budget", f"{planned.images:,} images"),
        ("speed here", f"{planned.images_per_second:.0f} images/s"),
        ("time", words(planned.seconds)),
    ]
    return [*show.table(rows), *planned.notes]


def trained_lines(trained: Trained) -> list[str]:
    """The end of a training for a person, with the commands that come next."""
    state = "finished" if trained.finished else "stopped and saved"
    lines = [
        f"{trained.recipe}: {state} at {trained.images:,} of {trained.budget:,} images "
        f"({words(trained.seconds)}, {trained.images_per_second:.0f} images/s).",
        f"  run       {trained.run}",
    ]
    if trained.naming:
        lines.append(f"  naming    {trained.naming['sentence']}")
    if trained.report:
        lines.append(f"  report    {trained.report}")
    if trained.finished:
        lines.append(f"  longer    {trained.longer_with}")
    else:
        lines.append(f"  continue  {trained.continue_with}")
    return [*lines, f"  pictures  {trained.generate_with}"]
