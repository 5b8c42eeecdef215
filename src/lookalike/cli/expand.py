"""lookalike expand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lookalike.cli import output as show
from lookalike.cli.machine import MACHINE, Changes, Machine, settings

if TYPE_CHECKING:
    from lookalike.stages.expand import Expanded


def expand(
    pack: Path,
    /,
    *,
    to: Path,
    balance: Annotated[bool, Parameter(negative="")] = False,
    factor: float | None = None,
    run: Path | None = None,
    time: Annotated[str | None, Parameter(name="--for")] = None,
    recipe: str = "swift",
    change: Changes = None,
    run_per_class: Annotated[bool, Parameter(negative="")] = False,
    form: Annotated[str, Parameter(name="--as")] = "folder",
    real: str = "cut",
    attribute: str | None = None,
    judge: str = "auto",
    steps: int = 600,
    tries: int = 10,
    seed: int = 0,
    keep_copies: Annotated[bool, Parameter(negative="")] = False,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """Add synthetic pictures to a set, class by class, each checked before it is taken.

    What is found is kept: the same command continues where it was cut off.

    Parameters
    ----------
    pack
        A pack, made by 'lookalike prepare'.
    to
        A folder that does not exist yet, or is empty. Nothing is ever overwritten.
    balance
        Fill every class up to the largest one.
    factor
        How many times as many pictures every class has afterwards. Default without --balance: 2.
    run
        A run trained on this pack with its classes.
    time
        Without a run: train one for this long first (10m, 1h), into TO-run.
    recipe
        Without a run: the recipe to train.
    change
        Without a run: change a setting of the recipe, as for 'lookalike train'.
    run_per_class
        Train a generator for each class, which sees that class alone. They share the time of
        --for. One generator with the class as condition, the default, learns from all pictures.
    form
        folder (an ImageFolder with a manifest) or pack.
    real
        How real pictures come into a folder: cut (written at the pack's size), link (to the
        original files) or copy (of them).
    attribute
        Take the values of this attribute for classes.
    judge
        The network that looks for copies, odd ones and twins, as for 'evaluate'.
    steps
        Training steps of the classifier that has to agree with the class.
    tries
        Give a class up after this many candidates for each wanted picture.
    seed
        Other synthetic pictures.
    keep_copies
        Also take pictures that copy a training picture.
    """
    from lookalike import api
    from lookalike.api.results import GeneratorSource, Listener
    from lookalike.durations import seconds
    from lookalike.errors import DataError
    from lookalike.stages.expand import ExpandSettings

    if balance and factor is not None:
        raise DataError("--balance and --factor say two different things. Give one of them.")
    wanted = ExpandSettings(
        balance=balance,
        factor=2.0 if factor is None else factor,
        form=form,
        real=real,
        attribute=attribute,
        judge=judge,
        steps=steps,
        tries=tries,
        seed=seed,
        keep_copies=keep_copies,
    )
    with show.screen() as screen:
        listener = Listener(screen.tell, screen.step, screen.say)
        source = GeneratorSource(
            run=run,
            seconds=seconds(time) if time else None,
            per_class=run_per_class,
            recipe=recipe,
            changes=settings(change),
        )
        found = api.expand(pack, to, wanted, source, machine.where(), listener)
    show.result(found, json, [] if json else _lines(found))


def _lines(found: Expanded) -> list[str]:
    reasons = ("class", "copy", "outlier", "twin")
    rows = [
        [
            one.name or "(all)",
            *(f"{number:,}" for number in (one.real, one.wanted, one.taken, one.tried)),
            *(f"{one.rejected.get(reason, 0):,}" for reason in reasons),
        ]
        for one in found.classes
    ]
    header = ["class", "real", "wanted", "taken", "candidates"]
    header += ["other class", "copy", "outlier", "twin"]
    lines = [
        f"{found.synthetic:,} synthetic pictures beside {found.real:,} real ones in {found.folder} "
        f"({found.held_out:,} real ones held out).",
        "",
        *show.table(rows, header),
        "",
    ]
    if found.accuracy is not None:
        lines.append(f"The classifier is right for {found.accuracy:.1%} of the held-out pictures.")
    lines += [f"Careful: {text}." for text in found.warnings]
    return [*lines, f"What is real and what is not: {found.folder / 'README.md'}"]
