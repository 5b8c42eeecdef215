"""How good, which is best: evaluate, compare."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike import recipe as recipes_
from lookalike.api.making import open_data, report
from lookalike.api.results import HERE, NOBODY, Listener, Where
from lookalike.errors import DataError, LookalikeError
from lookalike.progress import Tell, silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lookalike.run import Run
    from lookalike.stages.compare import Comparison
    from lookalike.stages.evaluate import EvaluateSettings, Evaluation


def evaluate(
    target: Path,
    against: Path | None = None,
    settings: EvaluateSettings | None = None,
    where: Where = HERE,
    tell: Tell = silent,
) -> Evaluation:
    """Judge a run or a folder of pictures against a pack or a folder of real ones.

    A run is judged against the pack it was trained on unless another is named, and keeps the
    scores in ``evaluation.json`` for its report, with sheets of the nearest pairs and classes.

    Raises:
        LookalikeError: there is nothing to judge against, or too few pictures.
    """
    import numpy as np

    from lookalike import checkpoints
    from lookalike.engine.load import open_sampler, pretrained_families
    from lookalike.metrics.scores.scores import finite
    from lookalike.report.evaluation import PAIRS, SHEET
    from lookalike.run import Run
    from lookalike.stages.evaluate import EvaluateSettings, evaluate

    settings = settings or EvaluateSettings()
    if not (target / "recipe.json").exists():
        if not target.exists():
            raise DataError(
                f"{target} does not exist. Name a run, a pack, or a folder or zip of pictures."
            )
        if against is None:
            raise LookalikeError(
                f"{target} is no run: say which pictures to judge it against with --against."
            )
        return evaluate(target, against, settings, tell)
    run = Run.open(target)
    real, note = _real(run, against)
    sampler, _, _ = open_sampler(run, where.place())
    settings = replace(settings, trained_with=pretrained_families(run))
    if against is None:
        nearest = settings.pairs or target / PAIRS
        settings = replace(settings, pairs=nearest, sheet=target / SHEET)

    def labels_of(count: int) -> NDArray[np.float32]:
        _, labels = sampler.draw(settings.seed, 0, count)
        assert labels is not None
        return np.asarray(labels.numpy(), np.float32)

    found = evaluate(
        lambda count: sampler.pictures(settings.seed, 0, count),
        real,
        settings,
        tell,
        labels_of if sampler.labels is not None else None,
    )
    found = replace(found, warnings=(*note, *found.warnings))
    if against is None:
        told = {
            **found.scores.as_json(),
            "sentences": found.sentences,
            "cautions": found.warnings,
            "classes": finite(asdict(found.classes)) if found.classes else None,
        }
        checkpoints.write_whole(target / "evaluation.json", json.dumps(told, indent=1).encode())
        report(target)
    return found


def _real(run: Run, against: Path | None) -> tuple[Path, tuple[str, ...]]:
    """The real pictures to judge a run by, and a caution where it may have seen them.

    Raises:
        RunError: no others are named, and the pack of the run is gone or has changed.
    """
    from lookalike.data.pack.pack import Pack
    from lookalike.engine.load import training_pack
    from lookalike.errors import RunError

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


def compare(
    data: Path,
    into: Path,
    names: Sequence[str],
    seconds: float,
    where: Where = HERE,
    listener: Listener = NOBODY,
    settings: Mapping[str, str] | None = None,
) -> Comparison:
    """Give every recipe the same time on the same pictures, judge all with one judge, rank them.

    Each training runs in a process of its own. A recipe that fails is listed with its reason.

    Raises:
        RecipeError: a recipe does not exist; nothing was trained then.
    """
    from lookalike.engine import subprocess_run as apart
    from lookalike.metrics.features.features import choose
    from lookalike.stages import compare as stage

    for name in names:
        recipes_.find(name)
    pack = open_data(data, into, listener.tell)
    changes = [f"{key}={value}" for key, value in (settings or {}).items()]
    found = []
    for number, name in enumerate(names):
        listener.say(f"{number + 1} of {len(names)}: {name}")
        run = into / Path(name).stem
        words = ["train", str(pack.path), "--recipe", name, "--for", f"{seconds:g}s"]
        words += ["--into", str(run), "--device", where.device, "--precision", where.precision]
        words += ["--threads", str(where.threads)]
        words += ["--set", *changes] if changes else []
        ended = apart.run(words, listener.say)
        failed = ended.told.get("message", f"exit status {ended.status}") if ended.status else None
        spent, seen = ended.told.get("seconds", 0.0), ended.told.get("images", 0)
        begun = ended.told.get("resumed_at", 0)
        name = Path(name).stem
        found.append(
            stage.Contender(name, run, spent, seen, ended.megabytes, failed, resumed_at=begun)
        )
    judge = choose(pack.channels, pack.size)
    return stage.compare(pack, found, into, judge, listener.tell, place=where.place())
