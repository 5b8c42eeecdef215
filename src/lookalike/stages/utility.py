"""Utility: whether synthetic pictures make a classifier better on real held-out pictures.

The generator may have seen the training pictures only; classifiers are tested on the hold-out only.
Every arm gets the same optimizer steps and the same tuning. See ``metrics.utility`` for how the
answer is found: ``verdict`` there decides, ``trials`` trains, ``synthesis`` makes pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import checkpoints, seeds
from lookalike.data.pack.classes import Classes as Sorts
from lookalike.data.pack.classes import attributes_of, classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.utility.classifier import Classes, Examples, FitSettings, known
from lookalike.metrics.utility.synthesis import GeneratorHandle, parse_strategy
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
from lookalike.progress import Tell, silent
from lookalike.report.utility_page import UtilityPart, render

LEAST_TEST = 50
TEACHERS = ("features", "small")


@dataclass(frozen=True, kw_only=True)
class UtilitySettings:
    """How much to try. The protocol is equal for every arm; ``folder`` keeps what is done.

    ``teacher`` says who labels and chooses synthetic pictures where a way asks for it: "features"
    (a kernel on frozen pretrained features, where those are installed) or "small" (networks of the
    protocol's instrument). ``arms`` are those of the protocol unless given.
    """

    protocol: Protocol = field(default_factory=Protocol)
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0)
    ways: tuple[str, ...] = ("plain", "between", "across+soft")
    teacher: str = "features"
    arms: tuple[Arm, ...] = ()
    per_class: tuple[int, ...] = ()
    attribute: str | None = None
    folder: Path | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.teacher not in TEACHERS:
            raise DataError(
                f"there is no teacher {self.teacher!r}. Choose from: {', '.join(TEACHERS)}."
            )


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


@dataclass(frozen=True)
class UtilityAnswer:
    """The verdict for one number of training pictures per class (None: all there are)."""

    per_class: int | None
    training: int
    verdict: Verdict
    synthetic_only: float
    rates: Mapping[str, float]


@dataclass(frozen=True)
class Utility:
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


def utility(
    pack: Pack, open_: Open, settings: UtilitySettings | None = None, tell: Tell = silent
) -> Utility:
    """Train every arm with every seed, for every number of pictures per class, and decide.

    With a folder, ``utility.json`` and ``utility.html`` are written into it.

    Raises:
        DataError: the pack has no classes, or too few held-out pictures that have one.
    """
    settings = settings or UtilitySettings()
    data = labeled(pack, settings.attribute)
    kept = TrialStore(settings.folder / "trials.jsonl" if settings.folder else None)
    answers = []
    for each in settings.per_class or (None,):
        part = data.part(each, settings.protocol.seed) if each else data
        tried = trials(part, open_(part, each), settings, kept, tell)
        answers.append(_answer(part, each, tried, settings))
    found = Utility(
        answers=tuple(answers),
        classes=data.names,
        test=len(data.test[1]),
        seeds=settings.protocol.seeds,
        steps=settings.protocol.steps,
        classifier=settings.protocol.instrument.name,
        warnings=_warnings(data, answers, settings),
        page=settings.folder / "utility.html" if settings.folder else None,
        teacher=_teacher(settings),
    )
    if settings.folder:
        _write(found, pack, settings.folder)
    return found


def trials(
    data: Labeled, opened: Opened, settings: UtilitySettings, kept: TrialStore, tell: Tell = silent
) -> TrialResults:
    """Make the synthetic pictures for one part and train every arm on them."""
    digest = address(data.rows.tolist(), len(data.test[1]), opened.name, settings.teacher)
    chosen = settings.arms or arms(settings.ratios, settings.ways)
    pictures = replace(_pictures(data, opened.desk, chosen, settings, tell), name=digest)
    return run_trials(chosen, pictures, settings.protocol, kept, settings.workers, tell)


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
    if Pack.is_pack(to):
        return Pack.open(to)
    with PackWriter(to, size=pack.size, channels=pack.channels) as writer:
        for picture, number in zip(*data.training, strict=True):
            writer.append(picture, {"class": data.names[number]})
        return writer.finish()


def columns_of(part: Pack, names: tuple[str, ...]) -> tuple[int, ...]:
    """The label columns of these classes in a pack made by :func:`write_part`."""
    return tuple(part.classes.index(name) for name in names)


def _labels(pack: Pack, attribute: str | None) -> Sorts:
    """The classes to tell apart."""
    found = classes_of(pack, attribute)
    if len(found.names) < 2:
        values = attributes_of(pack)
        hint = f"; attributes are {', '.join(values)} (name one with --attribute)" if values else ""
        raise DataError(
            f"{pack.name} has {len(found.names)} classes, and a classifier needs two{hint}. "
            "Sub-folders of pictures become classes in 'lookalike prepare'."
        )
    return found


def _pictures(
    data: Labeled,
    desk: GeneratorHandle,
    chosen: Sequence[Arm],
    settings: UtilitySettings,
    tell: Tell,
) -> TrialPictures:
    """Enough synthetic pictures of every way, and copies where arms want them."""
    real = known(*data.training, len(data.names))
    ways = {one.way: parse_strategy(one.way) for one in chosen if one.synthetic}
    judge = _judge(real, settings, tell) if any(w.judged for w in ways.values()) else None
    added = {}
    for number, (text, way) in enumerate(ways.items()):
        tell("making synthetic pictures", number, len(ways))
        ratio = max(one.synthetic for one in chosen if one.way == text)
        added[text] = _made(text, data, desk, settings, (ratio, judge)).weighing(way.weight)
    tell("making synthetic pictures", len(ways), len(ways))
    copies = {}
    for kind, make in (("moved", moved), ("mixed", mixed)):
        most = max((one.taught for one in chosen if one.copies == kind), default=0.0)
        if most:
            assert judge is not None, "copies are labeled by a judge"
            count = int(np.ceil(len(real) * most))
            copies[kind] = make(real, judge, count, settings.protocol.seed)
    return TrialPictures(real, added, copies, data.test[0])


def _judge(real: Examples, settings: UtilitySettings, tell: Tell) -> Teacher:
    """Who says what a synthetic picture shows, from the training pictures only."""
    protocol = settings.protocol
    eye = pretrained_features() if settings.teacher == "features" else None
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


def _teacher(settings: UtilitySettings) -> str:
    """Who labels and chooses, in words; nothing where no way asks for it."""
    if not any(parse_strategy(way).judged for way in settings.ways):
        return ""
    eye = pretrained_features() if settings.teacher == "features" else None
    if eye is None:
        return f"{NETWORKS} networks ({settings.protocol.instrument.name})"
    return f"a kernel on {eye.name}"


def _made(
    text: str,
    data: Labeled,
    desk: GeneratorHandle,
    settings: UtilitySettings,
    how: tuple[float, Teacher | None],
) -> Examples:
    """So many for each real one, of one way, with the classes' own shares, in a shuffled order."""
    ratio, judge = how
    counts = np.bincount(data.training[1], minlength=len(data.names))
    way, made = parse_strategy(text).build(judge), []
    for number, count in enumerate(counts):
        wanted = int(np.ceil(count * ratio))
        if wanted:
            made.append(way.make(desk, number, wanted, settings.protocol.seed))
    pictures = np.concatenate([one.pictures for one in made])
    if pictures.shape[1:] != data.training[0].shape[1:]:
        raise DataError(
            f"synthetic pictures are {pictures.shape[1:]}, real ones {data.training[0].shape[1:]}; "
            "both have to be of one size. Use a run that was trained on this pack."
        )
    shares = np.concatenate([one.shares for one in made])
    order = seeds.array_generator(settings.protocol.seed, "utility-synthetic")
    every = Examples(pictures, shares, np.ones(len(pictures), np.float32))
    return every.take(order.permutation(len(every)).astype(np.int64))


def _answer(
    data: Labeled, each: int | None, tried: TrialResults, settings: UtilitySettings
) -> UtilityAnswer:
    truth = data.test[1]
    only = next(one for one in tried.outcomes if one.arm.only)
    return UtilityAnswer(
        per_class=each,
        training=len(data.training[1]),
        verdict=decide(tried.outcomes, truth, len(data.names), seed=settings.protocol.seed),
        synthetic_only=float(only.correct(truth).mean()),
        rates=tried.rates,
    )


def _warnings(
    data: Labeled, answers: list[UtilityAnswer], settings: UtilitySettings
) -> tuple[str, ...]:
    told = []
    if settings.protocol.seeds < 10 and min(one.training for one in answers) < 1000:
        told.append("below 1,000 training pictures 10 seeds are advised")
    if len(data.test[1]) < 200:
        told.append(f"only {len(data.test[1])} test pictures: the interval will be wide")
    eye = settings.protocol.instrument.eye
    if eye is not None and eye.families:
        told.append(
            f"the classifier stands on {eye.name}, which was trained on ImageNet, as may be the "
            "features that the generator was trained with: compare with --classifier small"
        )
    told.append("one generator was used: the interval does not hold how generators differ")
    return tuple(told)


def _write(found: Utility, pack: Pack, folder: Path) -> None:
    """``utility.json`` and ``utility.html`` with its plots."""
    parts = [UtilityPart(one.per_class, one.verdict) for one in found.answers]
    facts = (
        f"{pack.name}: {found.test:,} real test pictures, {len(found.classes)} classes, "
        f"{found.seeds} seeds, {found.steps} steps each, classifier {found.classifier}."
    )
    page = render(parts, found.classes, facts, found.warnings)
    checkpoints.write_whole(folder / "utility.html", page.encode())
    plain = json.dumps(asdict(found), indent=1, default=str)
    checkpoints.write_whole(folder / "utility.json", plain.encode())
