"""How good, which is best, does it help: evaluate, compare, utility."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.api.machines import Division, divided
from lookalike.api.runs import report
from lookalike.api.signatures import verb
from lookalike.api.training import open_data, train
from lookalike.durations import seconds
from lookalike.errors import DataError, LookalikeError, RunError
from lookalike.progress import NOBODY, Listener
from lookalike.settings.device import Device
from lookalike.settings.evaluation import EvaluateSettings, UtilitySettings
from lookalike.settings.options import AnyPath, filled, path_of
from lookalike.settings.training import CompareSettings, TrainSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lookalike.data.pack.pack import Pack
    from lookalike.run import Run
    from lookalike.stages.compare import Comparison, Contender
    from lookalike.stages.evaluate import Evaluation
    from lookalike.stages.utility import Labeled, Open, Opened, Utility


@verb
def evaluate(
    target: AnyPath | Any,
    against: AnyPath | None = None,
    settings: EvaluateSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Evaluation:
    """How good pictures are, against real ones: realism, variety, copies.

    Each score stands beside its floor, the same score of real pictures. A run keeps the scores
    against its own pack in ``evaluation.json`` for its report.

    Args:
        target: A run (samples are drawn), or pictures: a folder, zip, tar, list or pack. In Python
            also an array uint8 [N, H, W, C], a list of Pillow's pictures, or what generate gave.
        against: Real pictures: a pack, folder, zip … Default: the pack that the run was trained on.
        settings: How to judge, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: there is nothing to judge against, or too few pictures.
    """
    from lookalike.run import Run
    from lookalike.stages import evaluate as stage

    if callable(fields.get("judge")):
        fields["function"] = fields.pop("judge")
    settings = filled(EvaluateSettings, settings, fields)
    real = None if against is None else path_of(against)
    if not isinstance(target, str | PathLike):
        settings.machines.refuse("pictures in memory")
        return _evaluate_pictures(target, real, settings, listener)
    division: Division[Evaluation] = divided("evaluate", (target, against), settings, target)
    if settings.machines.elsewhere:
        return division.elsewhere(listener)
    place = path_of(target)
    if (place / "recipe.json").exists():
        return _evaluate_run(Run.open(place), real, settings, listener, division)
    if not place.exists():
        raise DataError(
            f"{target} does not exist. Name a run, a pack, or a folder or zip of pictures."
        )
    if real is None:
        raise LookalikeError(
            f"{target} is no run: say which pictures to judge it against with --against."
        )
    if division.one is not None:
        return division.told(
            stage.evaluate_part(place, real, settings, division.one, listener.tell)
        )
    return stage.evaluate(place, real, settings, listener.tell, parts=division.parts)


def _evaluate_pictures(
    target: Any, against: Path | None, settings: EvaluateSettings, listener: Listener
) -> Evaluation:
    """Pictures that are in memory."""
    import numpy as np

    from lookalike import images
    from lookalike.stages import evaluate as stage

    given = getattr(target, "pictures", target)
    if not isinstance(given, np.ndarray):
        shown = list(given or target.images())
        grey = all(picture.mode in {"1", "L"} for picture in shown)
        clear = all(picture.mode == "RGBA" for picture in shown) and any(
            picture.getextrema()[3][0] < 255 for picture in shown
        )
        channels = 1 if grey else 4 if clear else 3
        given = np.stack([images.from_pillow(picture, channels) for picture in shown])
    if given.dtype != np.uint8 or given.ndim != 4 or against is None:
        raise DataError(
            f"pictures are an array uint8 [N, H, W, C], found {given.dtype} {given.shape}; real "
            "ones to judge them by are named with against=."
        )
    evaluation = stage.evaluate(lambda count: given[:count], against, settings, listener.tell)
    return replace(evaluation, samples=f"{len(given):,} pictures")


def _evaluate_run(
    run: Run,
    against: Path | None,
    settings: EvaluateSettings,
    listener: Listener,
    division: Division[Evaluation],
) -> Evaluation:
    """Samples of a run against its own pack, kept for its report, or against other pictures."""
    import numpy as np

    from lookalike.engine.load import open_sampler, pretrained_families
    from lookalike.report.evaluation import PAIRS, SHEET
    from lookalike.stages import evaluate as stage

    real, note = _real(run, against)
    sampler, _, _ = open_sampler(run, settings.device.place(), settings.checkpoint)
    if division.one is not None:
        draw = partial(sampler.pictures, settings.seed)
        return division.told(stage.evaluate_part(draw, real, settings, division.one, listener.tell))
    settings = replace(settings, trained_with=pretrained_families(run))
    if against is None:
        nearest = settings.pairs or run.path / PAIRS
        settings = replace(settings, pairs=nearest, sheet=run.path / SHEET)

    def labels_of(count: int) -> NDArray[np.float32]:
        _, labels = sampler.draw(settings.seed, 0, count)
        assert labels is not None
        return np.asarray(labels.numpy(), np.float32)

    evaluation = stage.evaluate(
        lambda count: sampler.pictures(settings.seed, 0, count),
        real,
        settings,
        listener.tell,
        labels_of if sampler.labels is not None else None,
        division.parts,
    )
    why = run.why(settings.checkpoint)
    sentences = (*evaluation.sentences, *([why] if why else []))
    evaluation = replace(evaluation, warnings=(*note, *evaluation.warnings), sentences=sentences)
    if against is None:
        _keep(run, evaluation)
    return evaluation


def _keep(run: Run, evaluation: Evaluation) -> None:
    """Write the scores into the run, and its page anew."""
    from lookalike import checkpoints
    from lookalike.metrics.scores.scores import finite

    plain = {
        **evaluation.scores.as_json(),
        "trained": run.progress(),
        "sentences": evaluation.sentences,
        "cautions": evaluation.warnings,
        "classes": finite(asdict(evaluation.classes)) if evaluation.classes else None,
    }
    checkpoints.write_whole(run.path / "evaluation.json", json.dumps(plain, indent=1).encode())
    report(run.path)


def _real(run: Run, against: Path | None) -> tuple[Path, tuple[str, ...]]:
    """The real pictures to judge a run by, and a caution where it may have seen them.

    Raises:
        RunError: no others are named, and the pack of the run is gone or has changed.
    """
    from lookalike.data.pack.pack import Pack
    from lookalike.engine.load import training_pack

    if against is None:
        try:
            return training_pack(run).path, ()
        except RunError as problem:
            raise RunError(f"{problem} Name pictures to judge it by with --against.") from None
    try:
        if Pack.is_pack(against):
            return training_pack(run, Pack.open(against)).path, ()
    except RunError:
        pass
    return against, (
        f"{run.path} was not trained on {against} as it is now: if pictures of it were among those "
        "that the run was trained on, these scores flatter",
    )


@verb
def compare(
    data: AnyPath,
    into: AnyPath = "runs/compare",
    settings: CompareSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Comparison:
    """Give several recipes the same time on the same pictures, and rank what they make.

    The same pictures, hold-out, seed and judge for all; each training in a process of its own. The
    same command again continues those that were not finished. A recipe that fails is listed with
    its reason.

    Args:
        data: A pack, or a folder of pictures.
        into: The folder for the runs, compare.md, compare.json and strips.png.
        settings: Which recipes get how long, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        RecipeError: a recipe does not exist; nothing was trained then.
    """
    from lookalike import recipe as recipes
    from lookalike.metrics.features.features import choose
    from lookalike.stages import compare as stage

    settings, folder = filled(CompareSettings, settings, fields), path_of(into)
    names = settings.recipes
    if names == ("all",):
        names = tuple(recipe.name for recipe in recipes.names())
    for name in names:
        recipes.find(name)
    pack = open_data(data, folder, listener)
    contenders = []
    for number, name in enumerate(names, 1):
        listener.say(f"{number} of {len(names)}: {name}")
        contenders.append(_contender(pack, name, folder, settings, listener))
    judge, place = choose(pack.channels, pack.size), settings.device.place()
    return stage.compare(pack, contenders, folder, judge, listener.tell, place=place)


def _contender(
    pack: Pack, recipe: str, into: Path, settings: CompareSettings, listener: Listener
) -> Contender:
    """Train one recipe in a process of its own."""
    from lookalike.engine import subprocess_run
    from lookalike.stages.compare import Contender

    name = Path(recipe).stem
    changes = [f"{key}={value}" for key, value in settings.changes.items()]
    words = ["train", str(pack.path), "--recipe", recipe, "--for", f"{seconds(settings.time):g}s"]
    words += ["--into", str(into / name), "--device", settings.device.device]
    words += ["--precision", settings.device.precision, "--threads", str(settings.device.threads)]
    words += ["--set", *changes] if changes else []
    ended = subprocess_run.run(words, listener.say)
    return Contender(
        name,
        into / name,
        seconds=ended.told.get("seconds", 0.0),
        images=ended.told.get("images", 0),
        megabytes=ended.megabytes,
        failed=ended.told.get("message", f"exit status {ended.status}") if ended.status else None,
        resumed_at=ended.told.get("resumed_at", 0),
    )


@verb
def utility(
    pack: AnyPath,
    settings: UtilitySettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Utility:
    """Whether adding synthetic pictures makes a classifier better on real held-out ones.

    With a run, its pictures are judged. Without one, or for several numbers of pictures per class,
    a generator is trained on each part's training pictures only. What is done is kept: the same
    command continues where it was cut off.

    Args:
        pack: A pack with classes or attributes.
        settings: What is tried, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: the run was trained on other pictures, or the pack has too few.
    """
    from lookalike.data.decode.worker_pool import cores
    from lookalike.data.pack.pack import Pack
    from lookalike.stages import utility as stage

    settings = filled(UtilitySettings, settings, fields)
    opened = Pack.open(path_of(pack)).verified()
    to = settings.to
    if to is None:
        to = settings.run / "utility" if settings.run else Path("utility") / opened.name
    workers = settings.workers if settings.workers > 1 else settings.device.threads or cores()
    settings = replace(settings, to=to, workers=workers)
    experiment = stage.Experiment.of(settings, opened.size)
    made: Open
    if settings.run is not None:
        made = partial(_given_generator, opened, settings.run, settings.device)
    else:
        asked = TrainSettings(
            recipe=settings.recipe,
            time=seconds(settings.time),
            labels=True,
            device=settings.device,
            changes=stage.changes_for(settings),
        )
        made = TrainedGenerators(opened, to, asked, Listener(listener.tell))
    try:
        return stage.utility(opened, made, experiment, listener.tell)
    except KeyboardInterrupt:
        listener.say(f"What is done is kept in {to}; the same command again continues.")
        raise


def _given_generator(
    pack: Pack, run: Path, device: Device, data: Labeled, each: int | None
) -> Opened:
    """A run of one's own, after checking that it was trained on this pack."""
    from lookalike.engine.load import training_pack
    from lookalike.run import Run

    opened = Run.open(run)
    training_pack(opened, pack)
    return _open(opened, data.columns, device)


@dataclass(frozen=True)
class TrainedGenerators:
    """A generator for each part, trained on its training pictures only, kept in the folder."""

    pack: Pack
    folder: Path
    settings: TrainSettings
    listener: Listener = field(default=NOBODY)

    def __call__(self, data: Labeled, each: int | None) -> Opened:
        """Train it, or open it where it was trained before."""
        from lookalike.metrics.utility.trials import address
        from lookalike.run import Run
        from lookalike.stages.utility import columns_of, write_part

        # Another seed, pack, recipe or time is another generator, not the one that lies here.
        settings = self.settings
        asked: tuple[Any, ...] = (self.pack.fingerprint, data.rows.tolist(), data.names)
        asked += (settings.recipe, settings.time)
        asked += (dict(settings.changes),) if settings.changes else ()
        home = self.folder / f"{each or 'all'}-{address(asked)[:8]}"
        part = write_part(self.pack, data, home / "pack")
        done = home / "trained"
        if not done.exists():
            if not train(part.path, home / "run", settings, listener=self.listener).finished:
                raise LookalikeError(
                    "the training of a generator was stopped and is saved; the same command "
                    "continues it."
                )
            done.touch()
        # Nothing of a part is held out, so "the best state" would be one that chance chose.
        return _open(Run.open(home / "run"), columns_of(part, data.names), settings.device, "last")


def _open(run: Run, columns: tuple[int, ...], device: Device, which: str = "auto") -> Opened:
    from lookalike.engine.load import open_sampler
    from lookalike.metrics.utility.synthesis import GeneratorHandle
    from lookalike.stages.utility import ClassEdits, Opened

    sampler, _, seen = open_sampler(run, device.place(), which)
    data = run.env().get("data", {})
    return Opened(
        f"{data.get('fingerprint')}/{run.path.resolve()}/{seen}",
        GeneratorHandle(sampler, columns, ClassEdits(run, device.place(), columns)),
    )
