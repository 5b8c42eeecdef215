"""Utility: whether synthetic pictures make a classifier better on real held-out pictures.

The generator may have seen the training pictures only; classifiers are tested on the hold-out only.
Every arm gets the same optimizer steps and the same tuning. See ``metrics.utility`` for how the
answer is found: ``verdict`` there decides, ``trials`` trains, ``synthesis`` makes pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import checkpoints, images, recipe, seeds
from lookalike.data.pack.classes import Classes as Sorts
from lookalike.data.pack.classes import attributes_of, classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.subset import subset
from lookalike.editing.exchange import WantedChange, exchange
from lookalike.editing.measure import subject_of
from lookalike.editing.open import OpenedEditor, open_editor
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.utility.classifier import Classes, Examples, FitSettings, known
from lookalike.metrics.utility.instruments import instrument
from lookalike.metrics.utility.synthesis import GeneratorHandle, ParsedStrategy, parse_strategy
from lookalike.metrics.utility.teaching import (
    NETWORKS,
    Teacher,
    kernel_teacher,
    mixed,
    moved,
    network_teacher,
    pretrained_features,
)
from lookalike.metrics.utility.trials import (
    Protocol,
    TrialPictures,
    TrialResults,
    TrialStore,
    address,
    run_trials,
)
from lookalike.metrics.utility.verdict import Arm, Verdict, arms, decide
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.report.utility_page import UtilityPart, render
from lookalike.results import Result, table
from lookalike.run import Run
from lookalike.settings.evaluation import UtilitySettings

LEAST_TEST = 50
FAMILIES = ("efficientnet-lite0",)
"""Pretrained networks that generators train with, so that a classifier on others is taken."""


@dataclass(frozen=True)
class Experiment:
    """What is tried: as asked, the protocol that is equal for every arm, and the arms."""

    settings: UtilitySettings
    protocol: Protocol
    arms: tuple[Arm, ...]

    @classmethod
    def of(cls, settings: UtilitySettings, size: int) -> Experiment:
        """The experiment that these settings ask for, on pictures of this size.

        Raises:
            LookalikeError: there is no such classifier, or no such way.
        """
        for way in settings.ways:
            parse_strategy(way)
        protocol = Protocol(
            seeds=settings.seeds,
            steps=settings.steps,
            instrument=instrument(settings.classifier, size, FAMILIES),
            seed=settings.seed,
        )
        return cls(settings, protocol, tuple(arms(settings.ratios, settings.ways)))


@dataclass(frozen=True)
class Labeled:
    """Real pictures with classes, apart: for training, and for testing only.

    ``columns`` are the label columns of the classes ``names``; ``rows`` are the training pictures'
    places in the pack's training split.
    """

    names: tuple[str, ...]
    columns: tuple[int, ...]
    rows: NDArray[np.int64]
    training: tuple[Pixels, Classes]
    test: tuple[Pixels, Classes]

    def part(self, each: int, seed: int) -> Labeled:
        """``each`` training pictures of every class; a larger part holds every smaller one.

        Raises:
            DataError: a class has fewer.
        """
        chosen = []
        for number, name in enumerate(self.names):
            own = np.flatnonzero(self.training[1] == number)
            if len(own) < each:
                raise DataError(
                    f"the class {name!r} has {len(own)} training pictures, not {each}: "
                    "ask for fewer with --per-class."
                )
            order = seeds.array_generator(seed, "utility-subset", number).permutation(own)
            chosen.append(order[:each])
        keep = np.sort(np.concatenate(chosen))
        training = (self.training[0][keep], self.training[1][keep])
        return replace(self, rows=self.rows[keep], training=training)


@dataclass(frozen=True)
class Opened:
    """A generator that saw only a part's training pictures; ``name`` changes when it does."""

    name: str
    desk: GeneratorHandle


Open = Callable[[Labeled, int | None], Opened]
"""Gives the generator for a part: ``open(data, pictures per class, or None for all)``."""


@dataclass(frozen=True, eq=False)
class ClassEdits:
    """Training pictures of a run with another class: what ``edit`` makes of them.

    ``columns`` are the label columns of the classes. What is learned for editing, and who says that
    an edit succeeded, come from the run's training pictures alone.
    """

    run: Run
    place: Place
    columns: tuple[int, ...]

    @cached_property
    def opened(self) -> OpenedEditor:
        """The editor of the run, learned when it is first asked for."""
        return open_editor(self.run, self.place)

    def __call__(self, number: int, count: int, seed: int) -> Pixels:
        """So many of the class, by the seed; too few that succeed come again.

        Raises:
            DataError: there is no picture of another class, or none could be changed.
        """
        editor, column, pack = self.opened.editor, self.columns[number], self.opened.pack
        one = next((each for each in editor.attributes if column in each.columns), None)
        if one is None or pack is None:
            raise DataError(
                f"{self.run.path} cannot change class number {number}: 'exchange' needs a run with "
                "these labels, and its pack where it was."
            )
        value = one.columns.index(column) if len(one.columns) > 1 else 1
        values = one.read(pack.train.labels(np.arange(len(pack.train))))
        others = np.flatnonzero((values != value) & (values >= 0))
        random, found = seeds.array_generator(seed, "utility-exchange", number), []
        for row in random.permutation(others):
            subject = subject_of(editor, images.to_network(pack.train.images([row])))
            change = exchange(editor, subject, WantedChange({one.name: value}))
            found += [images.to_pixels(change.edit.shown)[0]] if change.sure else []
            if len(found) == count:
                break
        if not found:
            raise DataError(
                f"None of {len(others)} pictures could be changed to {one.name}={one.values[value]}"
                ": train the run longer, with labels and --set exchange=0.1, or leave 'exchange' "
                "out of --ways."
            )
        return np.stack([found[place % len(found)] for place in range(count)])


def changes_for(settings: UtilitySettings) -> dict[str, str]:
    """Settings of a generator that is trained here: classes are exchanged where pictures will be.

    Otherwise a recipe leaves them alone, which makes nearer pictures.
    """
    if not any("exchange" in way for way in settings.ways):
        return {}
    return {"exchange": "0.1"} if recipe.find(settings.recipe).takes("exchange") else {}


@dataclass(frozen=True)
class UtilityAnswer:
    """The verdict for one number of training pictures per class (None: all there are)."""

    per_class: int | None
    training: int
    verdict: Verdict
    synthetic_only: float
    rates: Mapping[str, float]

    def lines(self, classes: Sequence[str]) -> list[str]:
        """The table of arms, the recall of each class, and the verdict."""
        of_each = f"{self.per_class} of each class" if self.per_class else "all"
        rows = [
            [
                row.arm,
                f"{self.rates[row.arm]:g}",
                f"{row.accuracy:.1%} ± {row.deviation:.1%}",
                f"{row.worst_recall:.1%}",
                _points(row.gain),
            ]
            for row in self.verdict.table
        ]
        header = ["trained on", "rate", "accuracy on real", "worst class", "gain in points (95 %)"]
        recalls = zip(classes, self.verdict.recalls, strict=True)
        each = ", ".join(f"{name} {_points(gain)}" for name, gain in recalls)
        return [
            f"{self.training:,} real pictures to train on ({of_each})",
            "",
            *table(rows, header),
            "",
            f"Recall of each class: {each}",
            f"Synthetic pictures only (classification accuracy score): {self.synthetic_only:.1%}",
            "",
            self.verdict.sentence,
        ]


def _points(gain: Interval) -> str:
    value, low, high = (100 * x for x in (gain.value, gain.low, gain.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


@dataclass(frozen=True)
class Utility(Result):
    """The answers, what they rest on, what to be careful of; ``teacher`` where there was one."""

    answers: tuple[UtilityAnswer, ...]
    classes: tuple[str, ...]
    test: int
    seeds: int
    steps: int
    classifier: str
    warnings: tuple[str, ...]
    page: Path | None = None
    teacher: str = ""

    def lines(self) -> list[str]:
        """Every answer, what to be careful of, and where the page is."""
        lines = [
            f"{self.test:,} real pictures to test on, {len(self.classes)} classes, "
            f"{self.seeds} seeds, {self.steps} steps each, classifier {self.classifier}"
        ]
        lines += [f"Pictures are labeled or chosen by {self.teacher}"] if self.teacher else []
        for answer in self.answers:
            lines += ["", *answer.lines(self.classes)]
        lines += ["", *(f"Careful: {text}." for text in self.warnings)]
        return lines

    @property
    def next_step(self) -> str:
        """To look at the page, or to have one."""
        return f"open {self.page}" if self.page else "the same command with --to NEW, for a page"


def utility(pack: Pack, open_: Open, experiment: Experiment, tell: Tell = silent) -> Utility:
    """Train every arm with every seed, for every number of pictures per class, and decide.

    With a folder, ``utility.json`` and ``utility.html`` are written into it.

    Raises:
        DataError: the pack has no classes, or too few held-out pictures that have one.
    """
    settings, protocol = experiment.settings, experiment.protocol
    data = labeled(pack, settings.attribute)
    store = TrialStore(settings.to / "trials.jsonl" if settings.to else None)
    answers = []
    for each in settings.per_class or (None,):
        part = data.part(each, protocol.seed) if each else data
        tried = trials(part, open_(part, each), experiment, store, tell)
        answers.append(_answer(part, each, tried, protocol.seed))
    result = Utility(
        answers=tuple(answers),
        classes=data.names,
        test=len(data.test[1]),
        seeds=protocol.seeds,
        steps=protocol.steps,
        classifier=protocol.instrument.name,
        warnings=_warnings(data, answers, protocol),
        page=settings.to / "utility.html" if settings.to else None,
        teacher=_teacher(experiment),
    )
    if settings.to:
        _write(result, pack, settings.to)
    return result


def trials(
    data: Labeled, opened: Opened, experiment: Experiment, store: TrialStore, tell: Tell = silent
) -> TrialResults:
    """Make the synthetic pictures for one part and train every arm on them."""
    settings = experiment.settings
    digest = address(data.rows.tolist(), len(data.test[1]), opened.name, settings.teacher)
    pictures = replace(_pictures(data, opened.desk, experiment, tell), name=digest)
    chosen, protocol = experiment.arms, experiment.protocol
    return run_trials(chosen, pictures, protocol, store, settings.workers, tell)


def labeled(pack: Pack, attribute: str | None = None) -> Labeled:
    """The pack's classes, or the values of one attribute, as classes of both splits.

    Raises:
        DataError: there is no such label, it has fewer than two values, or too few are held out.
    """
    sorts = _labels(pack, attribute)
    halves, taken = [], []
    for split in (pack.train, pack.holdout):
        numbers = sorts.numbers(split)
        rows = np.flatnonzero(numbers >= 0)
        taken.append(rows)
        halves.append((split.images(rows), numbers[rows]))
    data = Labeled(sorts.names, sorts.columns, taken[0], halves[0], halves[1])
    if len(data.test[1]) < LEAST_TEST:
        raise DataError(
            f"only {len(data.test[1])} held-out pictures have a class; a verdict needs at least "
            f"{LEAST_TEST}. Prepare the pack again with a larger hold-out."
        )
    return data


def write_part(pack: Pack, data: Labeled, to: Path) -> Pack:
    """The training pictures of a part as a pack with nothing held out, to train a generator on."""
    names = [data.names[number] for number in data.training[1]]
    return subset(pack, to, data.rows, classes=names)


def columns_of(part: Pack, names: tuple[str, ...]) -> tuple[int, ...]:
    """The label columns of these classes in a pack made by :func:`write_part`."""
    return tuple(part.classes.index(name) for name in names)


def _labels(pack: Pack, attribute: str | None) -> Sorts:
    """The classes to tell apart."""
    classes = classes_of(pack, attribute)
    if len(classes.names) < 2:
        values = attributes_of(pack)
        hint = f"; attributes are {', '.join(values)} (name one with --attribute)" if values else ""
        raise DataError(
            f"{pack.name} has {len(classes.names)} classes, and a classifier needs two{hint}. "
            "Sub-folders of pictures become classes in 'lookalike prepare'."
        )
    return classes


def _pictures(
    data: Labeled, desk: GeneratorHandle, experiment: Experiment, tell: Tell
) -> TrialPictures:
    """Enough synthetic pictures of every way, and copies where arms want them."""
    seed = experiment.protocol.seed
    real = known(*data.training, len(data.names))
    ways = {arm.way: parse_strategy(arm.way) for arm in experiment.arms if arm.synthetic}
    judge = _judge(real, experiment, tell) if any(w.judged for w in ways.values()) else None
    added = {}
    for number, (text, way) in enumerate(ways.items()):
        tell("making synthetic pictures", number, len(ways))
        ratio = max(arm.synthetic for arm in experiment.arms if arm.way == text)
        added[text] = _made(way, data, desk, (ratio, judge), seed).weighing(way.weight)
    tell("making synthetic pictures", len(ways), len(ways))
    copies = {}
    for kind, make in (("moved", moved), ("mixed", mixed)):
        most = max((arm.taught for arm in experiment.arms if arm.copies == kind), default=0.0)
        if most:
            assert judge is not None, "copies are labeled by a judge"
            copies[kind] = make(real, judge, int(np.ceil(len(real) * most)), seed)
    return TrialPictures(real, added, copies, data.test[0])


def _judge(real: Examples, experiment: Experiment, tell: Tell) -> Teacher:
    """Who says what a synthetic picture shows, from the training pictures only."""
    protocol = experiment.protocol
    eye = pretrained_features() if experiment.settings.teacher == "features" else None
    if eye is not None:
        tell("training the teacher of synthetic pictures", 0, 1)
        return kernel_teacher(real, eye, protocol.seed)
    how = FitSettings(
        steps=protocol.steps,
        batch=protocol.batch,
        rate=protocol.rates[len(protocol.rates) // 2],
        instrument=protocol.instrument,
        seed=protocol.seed,
    )
    return network_teacher(real, how, tell)


def _teacher(experiment: Experiment) -> str:
    """Who labels and chooses, in words; nothing where no way asks for it."""
    if not any(parse_strategy(way).judged for way in experiment.settings.ways):
        return ""
    eye = pretrained_features() if experiment.settings.teacher == "features" else None
    if eye is None:
        return f"{NETWORKS} networks ({experiment.protocol.instrument.name})"
    return f"a kernel on {eye.name}"


def _made(
    way: ParsedStrategy,
    data: Labeled,
    desk: GeneratorHandle,
    how: tuple[float, Teacher | None],
    seed: int,
) -> Examples:
    """So many for each real one, of one way, with the classes' own shares, in a shuffled order."""
    ratio, judge = how
    counts = np.bincount(data.training[1], minlength=len(data.names))
    strategy, made = way.build(judge), []
    for number, count in enumerate(counts):
        wanted = int(np.ceil(count * ratio))
        if wanted:
            made.append(strategy.make(desk, number, wanted, seed))
    pictures = np.concatenate([part.pictures for part in made])
    if pictures.shape[1:] != data.training[0].shape[1:]:
        raise DataError(
            f"synthetic pictures are {pictures.shape[1:]}, real ones {data.training[0].shape[1:]}; "
            "both have to be of one size. Use a run that was trained on this pack."
        )
    shares = np.concatenate([part.shares for part in made])
    order = seeds.array_generator(seed, "utility-synthetic")
    every = Examples(pictures, shares, np.ones(len(pictures), np.float32))
    return every.take(order.permutation(len(every)).astype(np.int64))


def _answer(data: Labeled, each: int | None, tried: TrialResults, seed: int) -> UtilityAnswer:
    truth = data.test[1]
    only = next(outcome for outcome in tried.outcomes if outcome.arm.only)
    return UtilityAnswer(
        per_class=each,
        training=len(data.training[1]),
        verdict=decide(tried.outcomes, truth, len(data.names), seed=seed),
        synthetic_only=float(only.correct(truth).mean()),
        rates=tried.rates,
    )


def _warnings(data: Labeled, answers: list[UtilityAnswer], protocol: Protocol) -> tuple[str, ...]:
    warnings = []
    if protocol.seeds < 10 and min(answer.training for answer in answers) < 1000:
        warnings.append("below 1,000 training pictures 10 seeds are advised")
    if len(data.test[1]) < 200:
        warnings.append(f"only {len(data.test[1])} test pictures: the interval will be wide")
    eye = protocol.instrument.eye
    if eye is not None and eye.families:
        warnings.append(
            f"the classifier stands on {eye.name}, which was trained on ImageNet, as may be the "
            "features that the generator was trained with: compare with --classifier small"
        )
    warnings.append("one generator was used: the interval does not hold how generators differ")
    return tuple(warnings)


def _write(result: Utility, pack: Pack, folder: Path) -> None:
    """``utility.json`` and ``utility.html`` with its plots."""
    parts = [UtilityPart(answer.per_class, answer.verdict) for answer in result.answers]
    facts = (
        f"{pack.name}: {result.test:,} real test pictures, {len(result.classes)} classes, "
        f"{result.seeds} seeds, {result.steps} steps each, classifier {result.classifier}."
    )
    page = render(parts, result.classes, facts, result.warnings)
    checkpoints.write_whole(folder / "utility.html", page.encode())
    plain = json.dumps(asdict(result), indent=1, default=str)
    checkpoints.write_whole(folder / "utility.json", plain.encode())
