"""Expand: more pictures for a classifier, from a run that exists or one that is trained for it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.api.making import train
from lookalike.api.results import HERE, NOBODY, GeneratorSource, Listener, Where
from lookalike.errors import LookalikeError

if TYPE_CHECKING:
    from lookalike.data.pack.pack import Pack
    from lookalike.engine.sampler import Sampler
    from lookalike.metrics.utility.picking import Make
    from lookalike.stages.expand import Expanded, ExpandSettings, Origin


def expand(
    pack: Path,
    to: Path,
    settings: ExpandSettings | None = None,
    source: GeneratorSource | None = None,
    where: Where = HERE,
    listener: Listener = NOBODY,
) -> Expanded:
    """Add checked synthetic pictures to a pack's real ones, in a folder that is new or empty.

    Where the source names no run, one is trained on the pack first, beside ``to``, or one for each
    class.

    Raises:
        LookalikeError: neither a run nor a time is given, or the run saw other pictures.
    """
    from lookalike.data.pack.atomic_folder import refuse_full
    from lookalike.data.pack.pack import Pack
    from lookalike.stages import expand as stage

    settings = settings or stage.ExpandSettings()
    source = source or GeneratorSource()
    refuse_full(to)
    opened = Pack.open(pack)
    if source.per_class:
        if source.run:
            raise LookalikeError(
                "--run names one generator, and --run-per-class trains one for each class. Give "
                "one of them."
            )
        make, origin, trainers = _per_class(opened, to, settings, source, where, listener)
    else:
        make, origin, trainers = _one_run(opened, to, settings, source, where, listener)
    wanted = replace(settings, trained_with=trainers)
    try:
        return stage.expand(opened, make, origin, to, wanted, listener.tell)
    except KeyboardInterrupt:
        kept = stage.unfinished(to)
        if kept.exists():
            listener.say(f"What was found is kept in {kept}; the same command again continues.")
        raise


Candidates = tuple["Make", "Origin", tuple[str, ...]]
"""What makes candidates, where they come from, and families of networks that trained it."""


def _one_run(
    pack: Pack,
    to: Path,
    settings: ExpandSettings,
    source: GeneratorSource,
    where: Where,
    listener: Listener,
) -> Candidates:
    """One generator for all classes: the given run, or one that is trained."""
    from lookalike.data.pack.classes import classes_of
    from lookalike.stages import expand as stage

    sorts, run = classes_of(pack, settings.attribute), source.run
    if run is None:
        run = to.with_name(f"{to.name}-run")
        labels = True if settings.attribute else None
        if source.seconds is None:
            raise LookalikeError(_which(pack.path, to, run, labels))
        listener.say(f"Training a generator into {run}.")
        _train(pack.path, run, replace(source, labeled=labels), where, listener)
    sampler, origin, trainers = _opened(run, pack, run.resolve().name, where)
    return stage.maker(sampler, sorts, settings.seed), origin, trainers


def _opened(
    run: Path, pack: Pack, name: str, where: Where
) -> tuple[Sampler, Origin, tuple[str, ...]]:
    """The sampler of a run that saw this pack's training pictures, and what is told of it.

    Raises:
        LookalikeError: the run saw other pictures.
    """
    from lookalike.engine.load import open_sampler, pretrained_families, training_pack
    from lookalike.run import Run
    from lookalike.stages.expand import Origin

    trained = Run.open(run)
    training_pack(trained, pack)
    sampler, drawing, seen = open_sampler(trained, where.place())
    return sampler, Origin(name, drawing.name, seen), pretrained_families(trained)


def _per_class(
    pack: Pack,
    to: Path,
    settings: ExpandSettings,
    source: GeneratorSource,
    where: Where,
    listener: Listener,
) -> Candidates:
    """A generator for each class that is to get pictures, which sees that class alone."""
    from lookalike.data.pack.atomic_folder import folder_name
    from lookalike.metrics.utility.trials import address
    from lookalike.stages import expand as stage

    home = to.with_name(f"{to.name}-run")
    if source.seconds is None:
        raise LookalikeError(
            "--run-per-class trains a generator for each class, so it needs a time for all of "
            "them together: --for 30m"
        )
    classes = stage.lacking(pack, settings)
    each = replace(source, seconds=source.seconds / len(classes), labeled=False)
    samplers, origins, trainers = {}, {}, dict[str, None]()
    for count, (number, name) in enumerate(classes.items(), 1):
        folder = home / f"{number:03d}-{folder_name(name)}"
        # Another pack or attribute has other pictures under the same number and name.
        key = address(pack.fingerprint, settings.attribute, number)[:8]
        part = stage.class_pack(pack, number, settings.attribute, folder / f"pack-{key}")
        listener.say(f"{count} of {len(classes)}: training a generator of {name!r} into {folder}.")
        _train(part.path, folder / "run", each, where, listener)
        told = f"{home.name}/{folder.name}"
        samplers[number], origins[number], found = _opened(folder / "run", part, told, where)
        trainers |= dict.fromkeys(found)
    first = next(iter(origins.values()))
    whole = stage.Origin(home.name, first.recipe, first.images_seen, origins)
    return stage.makers(samplers, settings.seed), whole, tuple(trainers)


def _train(
    data: Path, run: Path, source: GeneratorSource, where: Where, listener: Listener
) -> None:
    """Train to the end, or continue where it was stopped.

    Raises:
        LookalikeError: it was stopped again.
    """
    from lookalike.stages.train import TrainSettings

    wanted = TrainSettings(
        recipe=source.recipe,
        seconds=source.seconds,
        settings=source.changes,
        labeled=source.labeled,
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
