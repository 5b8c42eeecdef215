"""Pictures in, pictures out: recipes, demo data, prepare, train, generate, report, start."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike import recipe as recipes_
from lookalike.api.results import HERE, NOBODY, Listener, Planned, Started, Trained, Where
from lookalike.errors import DataError, LookalikeError
from lookalike.progress import Tell, silent

if TYPE_CHECKING:
    from lookalike.data.demo import Demo
    from lookalike.data.pack.pack import Pack
    from lookalike.engine.trainer import Trainer
    from lookalike.engine.watcher import Watcher
    from lookalike.stages.choose import Choice
    from lookalike.stages.export import ExportedPack
    from lookalike.stages.generate import Generated, GenerateSettings
    from lookalike.stages.prepare import Prepared, PrepareSettings
    from lookalike.stages.train import TrainSettings


def recipes() -> list[recipes_.RecipeFile]:
    """Every recipe there is, without importing torch."""
    return recipes_.names()


def demo_data(
    folder: Path,
    style: str = "toon-head",
    count: int = 3000,
    size: int = 64,
    seed: int = 0,
    tell: Tell = silent,
) -> Demo:
    """Draw cartoon faces with labelled attributes into a folder."""
    from lookalike.data.demo import make_demo

    return make_demo(folder, style, count, size, seed, tell)


def prepare(
    source: Path, to: Path, settings: PrepareSettings | None = None, tell: Tell = silent
) -> Prepared:
    """Make a pack of a folder, a zip or another source."""
    from lookalike.stages.prepare import PrepareSettings, prepare

    return prepare(source, to, settings or PrepareSettings(), tell)


def export(pack: Path, to: Path, form: str = "imagefolder", tell: Tell = silent) -> ExportedPack:
    """Write a pack's pictures with their labels as an ImageFolder, webdataset or Parquet."""
    from lookalike.data.pack.pack import Pack
    from lookalike.stages.export import export_pack

    return export_pack(Pack.open(pack), to, form, tell)


def fixed(source: Path, settings: PrepareSettings, tell: Tell = silent) -> PrepareSettings:
    """The settings with every file left out that the doctor would leave out, with its reason."""
    from lookalike.metrics.features.features import Lite
    from lookalike.stages.doctor import DoctorSettings, doctor

    look = Lite(0) if Lite.installed(0) else None
    found = doctor(source, None, DoctorSettings(size=settings.size or 64), look, tell)
    return replace(settings, leave_out=found.leave_out)


def plan(
    data: Path, into: Path, settings: TrainSettings, where: Where = HERE, tell: Tell = silent
) -> Planned:
    """Say what :func:`train` would do, without training: sizes, speed, time."""
    from lookalike.engine import budget
    from lookalike.engine.trainer import Trainer
    from lookalike.recipe import codec
    from lookalike.run import Run
    from lookalike.stages import train as stage

    pack = open_data(data, into, tell)
    place = where.place()
    run = Run(into)
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


def train(
    data: Path,
    into: Path,
    settings: TrainSettings | None = None,
    where: Where = HERE,
    listener: Listener = NOBODY,
) -> Trained:
    """Train a recipe on a pack (or a folder, which is prepared first); again: continue.

    Raises:
        LookalikeError: see :mod:`lookalike.errors`; nothing that was saved is lost.
    """
    from lookalike.run import Run
    from lookalike.stages import train as stage
    from lookalike.watch.class_accuracy import class_accuracy_of

    settings = settings or stage.TrainSettings()
    pack = open_data(data, into, listener.tell)
    run, place = Run(into), where.place()
    chosen = stage.plan(pack, run, settings, place)
    for note in chosen.notes:
        listener.say(note)

    def watchers(trainer: Trainer) -> Sequence[Watcher]:
        return _watchers(trainer, pack, where, listener)

    outcome = stage.train(pack, run, chosen, place, watchers)
    page = report(into) if place.main else None
    changed = " ".join(f"--set {shlex.quote(f'{k}={v}')}" for k, v in settings.settings.items())
    parts = ["lookalike train", shlex.quote(str(data)), "--recipe", shlex.quote(settings.recipe)]
    if settings.augment:
        parts.append(f"--augment {shlex.quote(' '.join(settings.augment))}")
    if settings.labeled is not None:
        parts.append("--labels" if settings.labeled else "--no-labels")
    again = " ".join([*parts, "--into", shlex.quote(str(into)), changed]).strip()
    return Trained(
        run=into,
        recipe=chosen.recipe.name,
        images=outcome.images,
        budget=chosen.recipe.images,
        finished=outcome.finished,
        seconds=round(outcome.seconds, 1),
        images_per_second=round(outcome.rate, 1),
        resumed_at=outcome.resumed_at,
        report=page,
        notes=chosen.notes,
        naming=class_accuracy_of(run) or None,
        continue_with=again,
        generate_with=f"lookalike generate {shlex.quote(str(into))} -n 100 --to out/",
        longer_with=f"{again} --more 10m",
    )


def _watchers(trainer: Trainer, pack: Pack, where: Where, listener: Listener) -> Sequence[Watcher]:
    """Grids after what decides how the last one is drawn; progress last, so that it never waits."""
    from lookalike.watch.candidates import Candidates
    from lookalike.watch.class_accuracy import ClassAccuracy
    from lookalike.watch.health import Health
    from lookalike.watch.numbers import Numbers
    from lookalike.watch.progress import Progress
    from lookalike.watch.samples import SampleGrids
    from lookalike.watch.scores import ScoreWatcher
    from lookalike.watch.tensorboard import TensorBoard

    watching: list[Watcher] = [Numbers(), ScoreWatcher(pack, keep=where.keep_best), Health()]
    watching += [Candidates(pack, listener.say), SampleGrids(), ClassAccuracy(pack, listener.say)]
    if where.tensorboard:
        watching.append(TensorBoard())
    return [*watching, Progress(listener.step, say=listener.say)]


def report(run: Path) -> Path:
    """Write the page of a run anew; its pack may be gone."""
    from lookalike.run import Run
    from lookalike.stages.report import write_report

    return write_report(Run.open(run))


def generate(
    run: Path,
    to: Path,
    settings: GenerateSettings | None = None,
    where: Where = HERE,
    tell: Tell = silent,
) -> Generated:
    """New pictures from a run, as PNG files that depend on seed and index only."""
    from lookalike.run import Run
    from lookalike.stages import generate as stage

    opened = Run.open(run)
    return stage.generate(opened, to, settings or stage.GenerateSettings(), where.place(), tell)


def show(run: Path) -> dict[str, Any]:
    """What is known about a run: recipe, data, progress, last numbers, files."""
    from lookalike.run import CANDIDATES, Run, read_json

    opened = Run.open(run)
    recipe = opened.recipe_values()
    stats = opened.stats()
    grids = opened.sample_grids()
    return {
        "run": str(run),
        "recipe": recipe.get("name"),
        "size": recipe.get("size"),
        "channels": recipe.get("channels"),
        "budget": recipe.get("images"),
        "budgets": opened.env().get("budgets", []),
        "images": opened.progress(),
        "data": opened.env().get("data", {}),
        "environment": {k: v for k, v in opened.env().items() if k not in {"data", "budgets"}},
        "health": read_json(run / "health.json"),
        "naming": read_json(run / "naming.json"),
        "numbers": stats[-1] if stats else {},
        "scores": next((s for s in reversed(stats) if "score/kid" in s), {}),
        "bests": read_json(run / "scores.json").get("bests", []),
        "take": read_json(run / "scores.json").get("take"),
        "candidates": read_json(run / CANDIDATES),
        "samples": str(grids[-1][1]) if grids else None,
        "report": str(run / "report.html") if (run / "report.html").exists() else None,
    }


def start(
    source: Path,
    into: Path,
    choice: Choice,
    settings: TrainSettings,
    where: Where = HERE,
    listener: Listener = NOBODY,
) -> Started:
    """From a folder to a trained run: prepare with the choice made, train, report."""
    from lookalike.data.pack.pack import Pack
    from lookalike.run import Run
    from lookalike.stages.prepare import PrepareSettings
    from lookalike.stages.train import refuse_more

    refuse_more(Run(into), settings)
    pack = into / "pack"
    made = prepare(
        source, pack, PrepareSettings(size=choice.size, channels=choice.channels), listener.tell
    )
    listener.say(_summary(Pack.open(pack), made))
    for warning in made.warnings:
        listener.say(warning)
    trained = train(pack, into, replace(settings, recipe=choice.recipe), where, listener)
    return Started(pack, choice, made, trained)


def _summary(pack: Pack, made: Prepared) -> str:
    labels = f", {len(pack.classes)} classes" if pack.classes else ""
    return (
        f"{pack.count} pictures at {pack.size} px{labels}: {len(pack.train)} to train, "
        f"{len(pack.holdout)} held out; {len(pack.refused())} files left out."
    )


def choose(source: Path, size: int | None = None, recipe: str | None = None) -> Choice:
    """Size, channels and recipe for a folder, each with its reason."""
    from lookalike.stages.choose import choose

    if not source.exists():
        raise DataError(f"{source} does not exist. Name a folder or a zip with pictures.")
    return choose(source, size, recipe)


def open_data(data: Path, into: Path, tell: Tell = silent) -> Pack:
    """The pack at this path; a folder or zip of pictures is prepared beside the run first.

    Raises:
        LookalikeError: there is nothing there, or nothing that can be used.
    """
    from lookalike.data.pack.pack import Pack

    if Pack.is_pack(data):
        return Pack.open(data)
    if not data.exists():
        raise LookalikeError(
            f"{data} does not exist. Name a pack (made by 'lookalike prepare') or a folder of "
            "pictures."
        )
    if (data / "recipe.json").exists():
        raise LookalikeError(f"{data} is a run, not a pack. Name the pack it was trained on.")
    chosen = choose(data)
    from lookalike.stages.prepare import PrepareSettings

    pack = into / "pack"
    prepare(data, pack, PrepareSettings(size=chosen.size, channels=chosen.channels), tell)
    return Pack.open(pack)
