"""New pictures: generate from a run, expand a set for a classifier."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.api.machines import Division, divided
from lookalike.api.signatures import verb
from lookalike.api.training import train
from lookalike.durations import seconds
from lookalike.errors import LookalikeError
from lookalike.progress import NOBODY, Listener
from lookalike.settings.options import AnyPath, filled, path_of
from lookalike.settings.pictures import ExpandSettings, GenerateSettings
from lookalike.settings.training import TrainSettings

if TYPE_CHECKING:
    from lookalike.data.pack.pack import Pack
    from lookalike.engine.sampler import Sampler
    from lookalike.metrics.utility.selection import Make
    from lookalike.stages.expand import Expanded, Origin
    from lookalike.stages.generate import Generated


@verb
def generate(
    run: AnyPath,
    to: AnyPath | None = None,
    settings: GenerateSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Generated:
    """New pictures from a run. A picture depends on its seed and index only.

    Without a folder they are in the result: ``.pictures`` is an array, ``.images()`` a list.

    Args:
        run: A run folder.
        to: The folder for the PNG files.
        settings: How many and which, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: there is no run, or it cannot make what is asked for.
    """
    from lookalike.run import Run
    from lookalike.stages import generate as stage

    settings = filled(GenerateSettings, settings, fields)
    division: Division[Generated] = divided("generate", (run, to), settings, to)
    if settings.machines.elsewhere:
        return division.elsewhere(listener)
    opened = Run.open(path_of(run))
    folder, place = None if to is None else path_of(to), settings.device.place()
    if division.one is not None:
        assert folder is not None
        part = stage.generate_part(opened, folder, settings, place, division.one, listener.tell)
        return division.told(part)
    return stage.generate(opened, folder, settings, place, listener.tell, division.parts)


@verb
def expand(
    pack: AnyPath,
    to: AnyPath,
    settings: ExpandSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Expanded:
    """Add checked synthetic pictures to a set, class by class.

    What is found is kept: the same command continues where it was cut off.

    Args:
        pack: A pack, made by 'lookalike prepare'.
        to: A folder that does not exist yet, or is empty. Nothing is ever overwritten.
        settings: How many and from where, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: neither a run nor a time is given, or the run saw other pictures.
    """
    from lookalike.data.pack.atomic_folder import refuse_full
    from lookalike.data.pack.pack import Pack
    from lookalike.stages import expand as stage

    settings, folder = filled(ExpandSettings, settings, fields), path_of(to)
    refuse_full(folder)
    division: Division[Expanded] = divided("expand", (pack, to), settings, to)
    if settings.run is None and division.dividing:
        raise LookalikeError(
            "every part would train its own generator. Train one first, and name it with --run."
        )
    if settings.pictures is not None:
        settings.machines.refuse("Checking chosen pictures (--pictures)")
    if settings.machines.elsewhere:
        return division.elsewhere(listener)
    opened = Pack.open(path_of(pack)).verified()
    make, origin, trainers = _candidates(settings)(opened, folder, settings, listener)
    settings = replace(settings, trained_with=trainers)
    if division.one is not None:
        part = stage.expand_part(opened, make, origin, settings, division.one, listener.tell)
        return division.told(part)
    try:
        return stage.expand(opened, make, origin, folder, settings, listener.tell)
    except KeyboardInterrupt:
        unfinished = stage.unfinished(folder)
        if unfinished.exists():
            listener.say(
                f"What was found is kept in {unfinished}; the same command again continues."
            )
        raise


Candidates = tuple["Make", "Origin", tuple[str, ...]]
"""What makes candidates, where they come from, and families of networks that trained it."""


def _candidates(
    settings: ExpandSettings,
) -> Callable[[Pack, Path, ExpandSettings, Listener], Candidates]:
    """Who makes the candidates that settings ask for."""
    if settings.pictures is not None:
        return _chosen
    return _per_class if settings.run_per_class else _one_run


def _chosen(pack: Pack, to: Path, settings: ExpandSettings, listener: Listener) -> Candidates:
    """Pictures that somebody chose; ``run`` says where they come from, if it is named."""
    from lookalike.data.pack.classes import classes_of
    from lookalike.stages import expand as stage

    assert settings.pictures is not None, "asked before"
    chosen = stage.read_chosen(pack, settings.pictures, classes_of(pack, settings.attribute))
    if settings.run is None:
        return chosen, stage.Origin(settings.pictures.name, "chosen", 0), ()
    _, origin, trainers = _opened(settings.run, pack, settings.run.resolve().name, settings)
    return chosen, origin, trainers


def _one_run(pack: Pack, to: Path, settings: ExpandSettings, listener: Listener) -> Candidates:
    """One generator for all classes: the given run, or one that is trained."""
    from lookalike.data.pack.classes import classes_of
    from lookalike.run import Run
    from lookalike.stages import expand as stage

    classes, run = classes_of(pack, settings.attribute), settings.run
    if run is None:
        run = to.with_name(f"{to.name}-run")
        if settings.time is None:
            raise LookalikeError(_which(pack.path, to, run, labels=bool(settings.attribute)))
        listener.say(f"Training a generator into {run}.")
        wanted = _training(settings, seconds(settings.time), True if settings.attribute else None)
        _train(pack.path, run, wanted, listener)
    sampler, origin, trainers = _opened(run, pack, run.resolve().name, settings)
    if why := Run.open(run).why(settings.checkpoint):
        listener.say(why)
    return stage.maker(sampler, classes, settings.seed), origin, trainers


def _opened(
    run: Path, pack: Pack, name: str, settings: ExpandSettings
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
    sampler, drawing, seen = open_sampler(trained, settings.device.place(), settings.checkpoint)
    return sampler, Origin(name, drawing.name, seen), pretrained_families(trained)


def _per_class(pack: Pack, to: Path, settings: ExpandSettings, listener: Listener) -> Candidates:
    """A generator for each class that is to get pictures, which sees that class alone."""
    from lookalike.data.expanded.balance import classes_in_need
    from lookalike.data.pack.atomic_folder import folder_name
    from lookalike.data.pack.subset import class_subset
    from lookalike.metrics.utility.trials import address
    from lookalike.stages import expand as stage

    home = to.with_name(f"{to.name}-run")
    if settings.time is None:
        raise LookalikeError(
            "--run-per-class trains a generator for each class, so it needs a time for all of "
            "them together: --for 30m"
        )
    classes = classes_in_need(pack, settings)
    each = _training(settings, seconds(settings.time) / len(classes), labels=False)
    samplers, origins, trainers = {}, {}, dict[str, None]()
    for count, (number, name) in enumerate(classes.items(), 1):
        folder = home / f"{number:03d}-{folder_name(name)}"
        # Another pack or attribute has other pictures under the same number and name.
        key = address(pack.fingerprint, settings.attribute, number)[:8]
        part = class_subset(pack, number, settings.attribute, folder / f"pack-{key}")
        listener.say(f"{count} of {len(classes)}: training a generator of {name!r} into {folder}.")
        _train(part.path, folder / "run", each, listener)
        run_name = f"{home.name}/{folder.name}"
        samplers[number], origins[number], used = _opened(folder / "run", part, run_name, settings)
        trainers |= dict.fromkeys(used)
    first = next(iter(origins.values()))
    whole = stage.Origin(home.name, first.recipe, first.images_seen, origins)
    return stage.makers(samplers, settings.seed), whole, tuple(trainers)


def _training(settings: ExpandSettings, time: float, labels: bool | None) -> TrainSettings:
    return TrainSettings(
        recipe=settings.recipe,
        time=time,
        changes=settings.changes,
        labels=labels,
        device=settings.device,
    )


def _train(data: Path, run: Path, wanted: TrainSettings, listener: Listener) -> None:
    """Train to the end, or continue where it was stopped.

    Raises:
        LookalikeError: it was stopped again.
    """
    if not train(data, run, wanted, listener=listener).finished:
        raise LookalikeError(
            f"The training in {run} was stopped and is saved; the same command continues it."
        )


def _which(pack: Path, to: Path, run: Path, labels: bool) -> str:
    """What to type, when neither a run nor a time was named."""
    words = " --labels" if labels else ""
    here, there, made = (shlex.quote(str(path)) for path in (pack, to, run))
    return (
        "expand needs a generator that was trained on these pictures. Name a run (--run RUN), let "
        f"one be trained for some time (--for 10m), or train one yourself: lookalike train {here} "
        f"--for 10m{words} --into {made}, then: lookalike expand {here} --to {there} --run {made}"
    )
