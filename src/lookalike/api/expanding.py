"""Expand: more pictures for a classifier, from a run that exists or one that is trained for it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.api.judging import families
from lookalike.api.making import train
from lookalike.errors import LookalikeError
from lookalike.results import HERE, NOBODY, Listener, Training, Where

if TYPE_CHECKING:
    from lookalike.data.pack import Pack
    from lookalike.metrics.picking import Make
    from lookalike.stages.expand import Expanded, ExpandSettings, Origin


def expand(
    pack: Path,
    to: Path,
    run: Path | None = None,
    settings: ExpandSettings | None = None,
    training: Training | None = None,
    where: Where = HERE,
    listener: Listener = NOBODY,
) -> Expanded:
    """Add checked synthetic pictures to a pack's real ones, in a folder that is new or empty.

    Without a run, one is trained on the pack first, beside ``to``, or one for each class.

    Raises:
        LookalikeError: neither a run nor a time is given, or the run saw other pictures.
    """
    from lookalike.data.pack import Pack
    from lookalike.data.staging import refuse_full
    from lookalike.stages import expand as stage

    settings = settings or stage.ExpandSettings()
    training = replace(training or Training(), run=run)
    refuse_full(to)
    opened = Pack.open(pack)
    if training.per_class:
        if run:
            raise LookalikeError(
                "--run names one generator, and --run-per-class trains one for each class. Give "
                "one of them."
            )
        make, origin, families_ = _per_class(opened, to, settings, training, where, listener)
    else:
        make, origin, families_ = _one_run(opened, to, settings, training, where, listener)
    wanted = replace(settings, trained_with=families_)
    try:
        return stage.expand(opened, make, origin, to, wanted, listener.tell)
    except KeyboardInterrupt:
        kept = stage.unfinished(to)
        if kept.exists():
            listener.say(f"What was found is kept in {kept}; the same command again continues.")
        raise


Source = tuple["Make", "Origin", tuple[str, ...]]
"""What makes candidates, where they come from, and families of networks that trained it."""


def _one_run(
    pack: Pack,
    to: Path,
    settings: ExpandSettings,
    training: Training,
    where: Where,
    listener: Listener,
) -> Source:
    """One generator for all classes: the given run, or one that is trained."""
    from lookalike.data.classes import classes_of
    from lookalike.engine.opening import open_sampler
    from lookalike.run import Run
    from lookalike.stages import expand as stage

    sorts, run = classes_of(pack, settings.attribute), training.run
    if run is None:
        run = to.with_name(f"{to.name}-run")
        labels = True if settings.attribute else None
        if training.seconds is None:
            raise LookalikeError(_which(pack.path, to, run, labels))
        listener.say(f"Training a generator into {run}.")
        _train(pack.path, run, replace(training, labeled=labels), where, listener)
    trained = Run.open(run)
    trained.refuse_other(pack.path, pack.fingerprint)
    sampler, drawing, seen = open_sampler(trained, where.place())
    origin = stage.Origin(run.resolve().name, drawing.name, seen)
    return stage.maker(sampler, sorts, settings.seed), origin, families(trained)


def _per_class(
    pack: Pack,
    to: Path,
    settings: ExpandSettings,
    training: Training,
    where: Where,
    listener: Listener,
) -> Source:
    """A generator for each class that is to get pictures, which sees that class alone."""
    from lookalike.data.staging import folder_name
    from lookalike.engine.opening import open_sampler
    from lookalike.run import Run
    from lookalike.stages import expand as stage

    home = to.with_name(f"{to.name}-run")
    if training.seconds is None:
        raise LookalikeError(
            "--run-per-class trains a generator for each class, so it needs a time for all of "
            "them together: --for 30m"
        )
    classes = stage.lacking(pack, settings)
    each = replace(training, seconds=training.seconds / len(classes), labeled=False)
    samplers, origins, families_ = {}, {}, dict[str, None]()
    for count, (number, name) in enumerate(classes.items(), 1):
        folder = home / f"{number:03d}-{folder_name(name)}"
        part = stage.class_pack(pack, number, settings.attribute, folder / "pack")
        listener.say(f"{count} of {len(classes)}: training a generator of {name!r} into {folder}.")
        _train(part.path, folder / "run", each, where, listener)
        trained = Run.open(folder / "run")
        trained.refuse_other(part.path, part.fingerprint)
        samplers[number], drawing, seen = open_sampler(trained, where.place())
        origins[number] = stage.Origin(f"{home.name}/{folder.name}", drawing.name, seen)
        families_ |= dict.fromkeys(families(trained))
    first = next(iter(origins.values()))
    whole = stage.Origin(home.name, first.recipe, first.images_seen, origins)
    return stage.makers(samplers, settings.seed), whole, tuple(families_)


def _train(data: Path, run: Path, training: Training, where: Where, listener: Listener) -> None:
    """Train to the end, or continue where it was stopped.

    Raises:
        LookalikeError: it was stopped again.
    """
    from lookalike.stages.train import TrainSettings

    wanted = TrainSettings(
        recipe=training.recipe,
        seconds=training.seconds,
        settings=training.changes,
        labeled=training.labeled,
    )
    if not train(data, run, wanted, where, listener).finished:
        raise LookalikeError(
            f"The training in {run} was stopped and is saved; the same command continues it."
        )


def _which(pack: Path, to: Path, run: Path, labels: bool | None) -> str:
    """What to type, when neither a run nor a time was named."""
    words = " --labels" if labels else ""
    here, there, made = (shlex.quote(str(path)) for path in (pack, to, run))
    return (
        "expand needs a generator that was trained on these pictures. Name a run (--run RUN), let "
        f"one be trained for some time (--for 10m), or train one yourself: lookalike train {here} "
        f"--for 10m{words} --into {made}, then: lookalike expand {here} --to {there} --run {made}"
    )
