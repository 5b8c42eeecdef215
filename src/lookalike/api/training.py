"""From pictures to a run: choose, plan, train, start."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.api.results import Planned, Started, Trained
from lookalike.api.runs import report
from lookalike.api.signatures import verb
from lookalike.errors import DataError
from lookalike.progress import NOBODY, Listener
from lookalike.settings.data import PrepareSettings
from lookalike.settings.memory import byte_count
from lookalike.settings.options import AnyPath, filled, path_of, url_of
from lookalike.settings.training import StartSettings, TrainSettings

if TYPE_CHECKING:
    from lookalike.data.pack.pack import Pack
    from lookalike.engine.trainer import Trainer
    from lookalike.engine.watcher import Watcher
    from lookalike.run import Run
    from lookalike.stages.choose import Choice
    from lookalike.stages.prepare import Prepared


@verb
def plan(
    data: AnyPath,
    into: AnyPath | None = None,
    settings: TrainSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Planned:
    """Say what :func:`train` would do, without training: sizes, speed, time.

    Raises:
        LookalikeError: what :func:`train` would refuse.
    """
    from lookalike.engine import budget
    from lookalike.engine.trainer import Trainer
    from lookalike.recipe import codec
    from lookalike.run import Run
    from lookalike.stages import train as stage

    settings = filled(TrainSettings, settings, fields)
    folder = _folder(into, settings.recipe)
    pack = open_data(data, folder, listener, settings).verified()
    run, place = Run(folder), settings.device.place()
    chosen = stage.plan(pack, run, settings, place)
    pictures = stage.source(pack, chosen.recipe)
    place = stage.decided(chosen.recipe, pictures, place)
    speed = chosen.speed or budget.measure(chosen.recipe, pictures, place, seconds=6)
    left = max(0, chosen.recipe.images - run.progress())
    networks = Trainer(chosen.recipe, pictures, place).networks
    return Planned(
        recipe=chosen.recipe.name,
        pack=pack.path,
        size=pack.size,
        channels=pack.channels,
        labels=chosen.recipe.labels,
        train=len(pack.train),
        holdout=len(pack.holdout),
        images=chosen.recipe.images,
        parameters={n: sum(p.numel() for p in w.parameters()) for n, w in networks.items()},
        images_per_second=round(speed.mean, 1),
        seconds=round(speed.seconds(left), 1),
        continues=chosen.continues,
        notes=chosen.notes,
        settings=codec.encode(chosen.recipe),
    )


@verb
def train(
    data: AnyPath,
    into: AnyPath | None = None,
    settings: TrainSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Trained:
    """Train a recipe on a pack; the same command again continues.

    Ctrl-C saves and stops; nothing is lost. On a CPU a run that was continued is the same, bit for
    bit.

    Args:
        data: A pack made by 'lookalike prepare', or a folder of pictures (prepared first).
        into: The run folder. Default: runs/RECIPE.
        settings: What is trained, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: see :mod:`lookalike.errors`; nothing that was saved is lost.
    """
    from lookalike.run import Run
    from lookalike.stages import train as stage
    from lookalike.watch.class_accuracy import class_accuracy_of
    from lookalike.watch.health import finding_of

    settings = filled(TrainSettings, settings, fields)
    folder = _folder(into, settings.recipe)
    pack = open_data(data, folder, listener, settings).verified()
    run, place = Run(folder), settings.device.place()
    chosen = stage.plan(pack, run, settings, place)
    for note in chosen.notes:
        listener.say(note)

    def watchers(trainer: Trainer) -> Sequence[Watcher]:
        return _watchers(trainer, pack, settings, listener)

    outcome = stage.train(pack, run, chosen, place, watchers, listener.say)
    page = report(folder) if place.main else None
    again = f"{_again(data, settings)} --into {shlex.quote(str(folder))}"
    return Trained(
        run=folder,
        recipe=chosen.recipe.name,
        images=outcome.images,
        budget=outcome.budget,
        finished=outcome.finished,
        seconds=round(outcome.seconds, 1),
        images_per_second=round(outcome.rate, 1),
        resumed_at=outcome.resumed_at,
        report=page,
        notes=chosen.notes,
        naming=class_accuracy_of(run) or None,
        begun_with=run.begun_with or None,
        continue_with=again,
        generate_with=f"lookalike generate {shlex.quote(str(folder))} -n 100 --to out/",
        longer_with=f"{again} --more 10m",
        light=finding_of(run),
    )


def _folder(into: AnyPath | None, recipe: str) -> Path:
    return Path("runs") / Path(recipe).stem if into is None else path_of(into)


def _again(data: AnyPath, settings: TrainSettings) -> str:
    """The command that begins or continues a training, up to its folder and what it begins with."""
    words = ["lookalike", "train", str(data), "--recipe", settings.recipe]
    words += ["--augment", " ".join(settings.augment)] if settings.augment else []
    if settings.labels is not None:
        words.append("--labels" if settings.labels else "--no-labels")
    words += ["--memory", settings.memory] if settings.memory else []
    return shlex.join([*words, *_changes(settings.changes.items())])


def _further(folder: Path, settings: TrainSettings) -> str:
    """The command that trains the run in a folder further, on the pack that lies in it.

    The run's own recipe.json says what was asked for; code of a person's own file is in none.
    """
    from lookalike.stages.start import pack_in

    pack = pack_in(folder)
    if Path(settings.recipe).suffix == ".py":
        return f"{_again(pack, settings)} --into {shlex.quote(str(folder))} --more 10m"
    words = ["--recipe", str(folder / "recipe.json"), "--into", str(folder), "--more", "10m"]
    return shlex.join(["lookalike", "train", str(pack), *words])


def _changes(pairs: Any) -> list[str]:
    return [word for name, value in pairs for word in ("--set", f"{name}={value}")]


def _watchers(
    trainer: Trainer, pack: Pack, settings: TrainSettings, listener: Listener
) -> Sequence[Watcher]:
    """Grids after what decides how the last one is drawn; progress last, so that it never waits."""
    from lookalike.watch.candidates import Candidates
    from lookalike.watch.class_accuracy import ClassAccuracy
    from lookalike.watch.health import Health
    from lookalike.watch.numbers import Numbers
    from lookalike.watch.progress import Progress
    from lookalike.watch.samples import SampleGrids
    from lookalike.watch.scores import ScoreWatcher
    from lookalike.watch.tensorboard import TensorBoard
    from lookalike.watch.watchdog import Watchdog

    health = Health()
    watching: list[Watcher] = [Numbers(), ScoreWatcher(pack, keep=settings.keep_best), health]
    watching += [Candidates(pack, listener.say), SampleGrids(), ClassAccuracy(pack, listener.say)]
    if settings.tensorboard:
        watching.append(TensorBoard())
    return [*watching, Watchdog(), Progress(listener.step, say=listener.say, health=health)]


@verb
def start(
    source: AnyPath,
    into: AnyPath | None = None,
    settings: StartSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Started:
    """One command for a folder: look at it, prepare, choose a recipe, train, report.

    The same command again continues where it stopped.

    Args:
        source: A folder (sub-folders are classes) or a zip of pictures.
        into: The run folder. Default: runs/NAME-OF-THE-FOLDER.
        settings: How long, and what is not to be chosen; or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: see :mod:`lookalike.errors`; nothing that was saved is lost.
    """
    from lookalike.api.data import prepare
    from lookalike.data.pack.pack import Pack
    from lookalike.run import Run
    from lookalike.stages.choose import begun_with, choice_of
    from lookalike.stages.prepare import as_prepared
    from lookalike.stages.start import own_pack, pack_in, refuse_run, run_folder, uses_labels
    from lookalike.stages.train import refuse_more

    settings, place = filled(StartSettings, settings, fields), path_of(source)
    refuse_run(place)
    folder, remark = run_folder(place, None if into is None else path_of(into))
    again, run = _start_again(source, settings), Run(folder)
    first = _begun_with(run, settings.begin_with)
    begun = begun_with(run) if first is None else first.recipe_values().get("name")
    asked = _asked_of_start(settings, settings.recipe or begun)
    refuse_more(run, asked)
    if Pack.is_pack(place):
        pack: Pack | None = Pack.open(place)
    else:
        pack = own_pack(run, place, again, _further(folder, asked))
    if pack is not None:
        choice = choice_of(pack, settings.size, settings.recipe, begun, alpha=settings.alpha)
    else:
        like = None if first is None else first.path
        choice = choose(place, settings.size, settings.recipe or begun, like, settings.alpha)
    asked = _asked_of_start(settings, choice.recipe)
    for sentence in _chosen_words(source, folder, choice, remark):
        listener.say(sentence)
    if pack is not None:
        made = as_prepared(pack)
    else:
        wanted = _as_chosen(choice, settings.fix, first, memory=settings.memory)
        made = prepare(place, pack_in(folder), wanted, listener=listener)
    pack = Pack.open(made.path)
    asked = replace(asked, labels=uses_labels(pack, first or run, asked.recipe))
    for sentence in _prepared_words(pack, made, asked):
        listener.say(sentence)
    trained = train(made.path, folder, asked, listener=listener)
    again = f"{again} --into {shlex.quote(str(folder))}"
    trained = replace(trained, continue_with=again, longer_with=f"{again} --more 10m")
    return Started(made.path, choice, made, trained)


def _asked_of_start(settings: StartSettings, recipe: str | None) -> TrainSettings:
    """The training that ``start`` is asked for: four minutes, unless images are counted."""
    counted = settings.time is None and "images" in settings.changes
    return TrainSettings(
        recipe=recipe or TrainSettings.recipe,
        time=None if counted else settings.time or "4m",
        more=settings.more,
        begin_with=settings.begin_with,
        changes=settings.changes,
        memory=settings.memory,
        device=settings.device,
    )


def _begun_with(run: Run, begin_with: Path | None) -> Run | None:
    """The run that a new one is to begin with; one that was begun has its own weights.

    Raises:
        RunError: there is no such run.
    """
    from lookalike.run import Run

    return None if begin_with is None or run.exists else Run.open(begin_with)


def _as_chosen(
    choice: Choice,
    fix: bool = False,
    begin_with: Run | None = None,
    *,
    memory: str | None = None,
) -> PrepareSettings:
    from lookalike.data.decode.memory_limits import workers_within
    from lookalike.data.decode.worker_pool import cores
    from lookalike.engine.load import sides_seen

    sides = {} if begin_with is None else sides_seen(begin_with)
    return PrepareSettings(
        size=choice.size,
        grey=choice.channels == 1,
        alpha=choice.channels == 4,
        fix=fix,
        sides=sides,
        workers=None if memory is None else min(cores(), workers_within(byte_count(memory))),
    )


def _start_again(source: AnyPath, settings: StartSettings) -> str:
    """The command that begins or continues what ``start`` is asked for, up to its folder."""
    words = ["lookalike", "start", str(source)]
    words += ["--for", str(settings.time)] if settings.time is not None else []
    words += ["--size", str(settings.size)] if settings.size else []
    words += ["--alpha"] if settings.alpha else []
    words += ["--recipe", settings.recipe] if settings.recipe else []
    words += ["--fix"] if settings.fix else []
    words += ["--memory", settings.memory] if settings.memory else []
    return shlex.join([*words, *_changes(settings.changes.items())])


def _chosen_words(
    source: AnyPath, folder: Path, choice: Choice, remark: str | None
) -> Sequence[str]:
    """What ``start`` says before it prepares: what it found, what it chose and why."""
    return (
        f"{source}: {choice.files:,} files, about {choice.typical} px.",
        *(f"  {reason}" for reason in (*choice.reasons, remark) if reason),
        f"Everything goes to {folder}. Ctrl-C saves and stops.",
    )


def _prepared_words(pack: Pack, made: Prepared, asked: TrainSettings) -> Sequence[str]:
    """What ``start`` says before it trains: what became of the pictures and of their labels."""
    classes = f", {len(pack.classes)} classes" if pack.classes else ""
    learned = (
        "The pack's labels are learned, too, so that pictures can be asked for and edited by "
        "them (lookalike edit); 'lookalike train' leaves them out."
    )
    return (
        f"{pack.count} pictures at {pack.size} px{classes}: {len(pack.train)} to train, "
        f"{len(pack.holdout)} held out; {len(pack.refused())} files left out.",
        *made.found,
        *made.warnings,
        *([learned] if asked.labels else []),
    )


@verb
def choose(
    source: AnyPath,
    size: int | None = None,
    recipe: str | None = None,
    begin_with: AnyPath | None = None,
    alpha: bool = False,
) -> Choice:
    """Size, channels and recipe for a folder, each with its reason; those of a run to begin with.

    Raises:
        DataError: there is nothing there, or nothing that can be read.
        RecipeError: the run to begin with was trained at another size or with another recipe.
    """
    from lookalike.run import Run
    from lookalike.stages.choose import choose

    place = path_of(source)
    if url_of(source) is None and not place.exists():
        raise DataError(f"{source} does not exist. Name a folder or a zip with pictures.")
    first = None if begin_with is None else Run.open(path_of(begin_with))
    return choose(place, size, recipe, first, alpha)


def open_data(
    data: AnyPath, into: Path, listener: Listener = NOBODY, settings: TrainSettings | None = None
) -> Pack:
    """The pack at this path; a folder or zip of pictures is prepared beside the run first.

    ``settings`` are those of the training that it is for. Where they name a run to begin with, it
    is prepared at its size, and every picture that it has to do with stays on its side.

    Raises:
        LookalikeError: there is nothing there, or nothing that can be used.
    """
    from lookalike.api.data import prepare
    from lookalike.data.pack.pack import Pack
    from lookalike.run import Run
    from lookalike.stages.start import own_pack, pack_in, refuse_run, run_folder

    place = path_of(data)
    if Pack.is_pack(place):
        return Pack.open(place)
    refuse_run(place)
    if url_of(data) is None and not place.exists():
        raise DataError(
            f"{data} does not exist. Name a pack (made by 'lookalike prepare') or a folder of "
            "pictures."
        )
    run_folder(place, into)
    run, settings = Run(into), settings or TrainSettings()
    pack = own_pack(run, place, _again(data, settings), _further(into, settings))
    if pack is None:
        first = _begun_with(run, settings.begin_with)
        choice = choose(place, begin_with=None if first is None else first.path)
        wanted = _as_chosen(choice, begin_with=first, memory=settings.memory)
        prepare(place, pack_in(into), wanted, listener=listener)
        pack = Pack.open(pack_in(into))
    return pack
