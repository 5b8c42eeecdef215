"""lookalike utility."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lookalike.cli import output as show
from lookalike.cli.machine import MACHINE, Machine
from lookalike.durations import seconds

if TYPE_CHECKING:
    from lookalike.metrics.distances.intervals import Interval
    from lookalike.stages.utility import Utility, UtilityAnswer


def utility(
    pack: Path,
    /,
    *,
    run: Path | None = None,
    per_class: str | None = None,
    classifier: str = "small",
    ways: str = "plain,between,across+soft",
    teacher: str = "features",
    seeds: int = 10,
    steps: int = 600,
    attribute: str | None = None,
    recipe: str = "swift",
    time: Annotated[str, Parameter(name="--for")] = "1m",
    to: Path | None = None,
    seed: int = 0,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """Whether adding synthetic pictures makes a classifier better on real held-out pictures.

    What is done is kept: the same command continues where it was cut off.

    Parameters
    ----------
    pack
        A pack with classes or attributes.
    run
        A run trained on this pack's classes (or with its attributes). Left out: a generator is
        trained here, on the training pictures only.
    per_class
        Try with these numbers of training pictures per class: 10,20,50,100. A generator is trained
        for each on those pictures only.
    classifier
        small, resnet18 (both from scratch) or features (linear, on frozen pretrained ones).
    ways
        How synthetic pictures are made; the first is tried at every ratio. See docs/utility.md.
    teacher
        Who labels and chooses pictures where a way says so: features (a kernel on frozen pretrained
        features, where they are installed) or small (three networks trained on the real pictures).
    seeds
        Classifiers trained for each arm; below 5 nothing is recommended.
    steps
        Optimizer steps of every classifier, the same for all.
    attribute
        Classify by the values of this attribute instead of by class.
    recipe
        What to train when no run is named.
    time
        How long each generator trains when no run is named.
    to
        Where trainings, table and page are kept. Default: RUN/utility, or utility/PACK.
    seed
        Other subsets, other synthetic pictures, other classifiers.
    """
    from lookalike import api
    from lookalike.data.pack.pack import Pack
    from lookalike.metrics.utility.instruments import instrument
    from lookalike.metrics.utility.synthesis import parse_strategy
    from lookalike.metrics.utility.trials import Protocol
    from lookalike.stages.utility import UtilitySettings

    opened = Pack.open(pack)
    what = instrument(classifier, opened.size, ("efficientnet-lite0",))
    wanted = UtilitySettings(
        protocol=Protocol(seeds=seeds, steps=steps, instrument=what, seed=seed),
        ways=tuple(ways.split(",")),
        teacher=teacher,
        per_class=_counts(per_class),
        attribute=attribute,
        folder=to or (run / "utility" if run else Path("utility") / opened.name),
    )
    for way in wanted.ways:
        parse_strategy(way)
    try:
        with show.screen() as screen:
            found = api.utility(
                pack,
                run,
                wanted,
                machine.where(),
                screen.tell,
                recipe=recipe,
                seconds=seconds(time),
            )
    except KeyboardInterrupt:
        show.say(f"What is done is kept in {wanted.folder}; the same command again continues.")
        raise
    show.result(found, json, [] if json else _lines(found))


def _counts(text: str | None) -> tuple[int, ...]:
    """``10,20`` as numbers.

    Raises:
        DataError: it is no list of numbers above 1.
    """
    from lookalike.errors import DataError

    words = text.split(",") if text else []
    if not all(word.strip().isdigit() and int(word) > 1 for word in words):
        raise DataError(f"--per-class takes numbers above 1 like 10,20,50, not {text!r}.")
    return tuple(sorted({int(word) for word in words}))


def _lines(found: Utility) -> list[str]:
    lines = [
        f"{found.test:,} real pictures to test on, {len(found.classes)} classes, "
        f"{found.seeds} seeds, {found.steps} steps each, classifier {found.classifier}"
    ]
    lines += [f"Pictures are labeled or chosen by {found.teacher}"] if found.teacher else []
    for answer in found.answers:
        lines += ["", *_answer(answer, found.classes)]
    lines += ["", *(f"Careful: {text}." for text in found.warnings)]
    return [*lines, f"Page: {found.page}"] if found.page else lines


def _answer(answer: UtilityAnswer, classes: tuple[str, ...]) -> list[str]:
    of_each = f"{answer.per_class} of each class" if answer.per_class else "all"
    rows = [
        [
            row.arm,
            f"{answer.rates[row.arm]:g}",
            f"{row.accuracy:.1%} ± {row.deviation:.1%}",
            f"{row.worst_recall:.1%}",
            _points(row.gain),
        ]
        for row in answer.verdict.table
    ]
    header = ["trained on", "rate", "accuracy on real", "worst class", "gain in points (95 %)"]
    recalls = zip(classes, answer.verdict.recalls, strict=True)
    each = ", ".join(f"{name} {_points(gain)}" for name, gain in recalls)
    return [
        f"{answer.training:,} real pictures to train on ({of_each})",
        "",
        *show.table(rows, header),
        "",
        f"Recall of each class: {each}",
        f"Synthetic pictures only (classification accuracy score): {answer.synthetic_only:.1%}",
        "",
        answer.verdict.sentence,
    ]


def _points(gain: Interval) -> str:
    value, low, high = (100 * x for x in (gain.value, gain.low, gain.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
