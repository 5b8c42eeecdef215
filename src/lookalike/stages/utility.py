"""Utility: whether synthetic pictures make a classifier better on real held-out pictures.

The generator may have seen the training split only; classifiers are tested on the hold-out only.
Every arm gets the same optimizer steps. See ``metrics.utility`` for how the answer is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike import seeds
from lookalike.data.pack import Pack
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.classifier import Classes, FitSettings, fit
from lookalike.metrics.utility import Arm, Outcome, Verdict, arms, decide
from lookalike.telling import Tell, silent

Make = Callable[[int, int, int], Pixels]
"""Makes pictures of one class: ``make(class number, count, seed)`` -> uint8 ``[N, H, W, C]``."""

LEAST_TEST = 50


@dataclass(frozen=True, kw_only=True)
class UtilitySettings:
    """How much to try. ``steps`` and ``batch`` are equal for every arm and every seed."""

    seeds: int = 10
    steps: int = 600
    batch: int = 64
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0)
    attribute: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Utility:
    """The verdict, what it rests on, and what to be careful of."""

    verdict: Verdict
    classes: tuple[str, ...]
    training: int
    test: int
    seeds: int
    steps: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Labeled:
    """Real pictures with classes, apart: for training, and for testing only.

    ``columns`` are the label columns of the classes ``names``.
    """

    names: tuple[str, ...]
    columns: tuple[int, ...]
    training: tuple[Pixels, Classes]
    test: tuple[Pixels, Classes]


def utility(
    pack: Pack, make: Make, settings: UtilitySettings | None = None, tell: Tell = silent
) -> Utility:
    """Train every arm with every seed and decide.

    Raises:
        DataError: the pack has no classes, or too few held-out pictures that have one.
    """
    settings = settings or UtilitySettings()
    data = labeled(pack, settings.attribute)
    added = _synthetic(make, data, settings, tell)
    chosen = arms(settings.ratios)
    total = len(chosen) * settings.seeds
    outcomes = []
    for number, arm in enumerate(chosen):
        said = []
        for seed in range(settings.seeds):
            tell("training classifiers", number * settings.seeds + seed, total)
            said.append(_trial(arm, data, added, settings, seed))
        outcomes.append(Outcome(arm, np.stack(said)))
    tell("training classifiers", total, total)
    return Utility(
        verdict=decide(outcomes, data.test[1], len(data.names), seed=settings.seed),
        classes=data.names,
        training=len(data.training[1]),
        test=len(data.test[1]),
        seeds=settings.seeds,
        steps=settings.steps,
        warnings=_warnings(data, settings),
    )


def maker(sampler: Sampler, columns: Sequence[int]) -> Make:
    """Pictures of a class from a run: labels are drawn among those that hold the class's column.

    ``columns`` are the label columns of the classes, in the order of ``labeled``.

    Raises:
        DataError: the run was trained without labels, or never saw one of the classes.
    """
    seen = sampler.labels
    if seen is None:
        raise DataError(
            "the run was trained without labels, so it cannot make a class on request. "
            "Train on a pack with classes and a recipe that uses them (lookalike recipes)."
        )

    def make(number: int, count: int, seed: int) -> Pixels:
        rows = seen[seen[:, columns[number]] > 0]
        if not len(rows):
            raise DataError(f"the run never saw class number {number}; train it on this pack")
        one = seeds.number(seed, "utility-class", number)
        return sampler.pictures(one, 0, count, rows)

    return make


def labeled(pack: Pack, attribute: str | None = None) -> Labeled:
    """The pack's classes, or the values of one attribute, as classes of both splits.

    Raises:
        DataError: there is no such label, it has fewer than two values, or too few are held out.
    """
    names, columns = _labels(pack, attribute)
    halves = []
    for split in (pack.train, pack.holdout):
        rows = np.arange(len(split))
        wide = split.labels(rows)[:, list(columns)]
        known = wide.max(axis=1) > 0
        halves.append((split.images(rows[known]), wide[known].argmax(axis=1).astype(np.int64)))
    data = Labeled(names, columns, halves[0], halves[1])
    if len(data.test[1]) < LEAST_TEST:
        raise DataError(
            f"only {len(data.test[1])} held-out pictures have a class; a verdict needs at least "
            f"{LEAST_TEST}. Prepare the pack again with a larger hold-out."
        )
    return data


def _labels(pack: Pack, attribute: str | None) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the classes to tell apart, and their label columns."""
    first = len(pack.classes)
    own = {i: pack.columns[i].partition("=") for i in range(first, len(pack.columns))}
    if attribute is None:
        names, columns = pack.classes, tuple(range(first))
    else:
        columns = tuple(i for i, (name, _, value) in own.items() if name == attribute and value)
        names = tuple(own[i][2] for i in columns)
    if len(names) < 2:
        known = sorted({name for name, _, value in own.values() if value})
        hint = f"; attributes are {', '.join(known)} (name one with --attribute)" if known else ""
        what = f"{len(names)} values of {attribute!r}" if attribute else f"{len(names)} classes"
        raise DataError(
            f"{pack.name} has {what}, and a classifier needs two{hint}. Sub-folders of pictures "
            "become classes in 'lookalike prepare'."
        )
    return names, columns


def _synthetic(
    make: Make, data: Labeled, settings: UtilitySettings, tell: Tell
) -> tuple[Pixels, Classes]:
    """Enough for the largest ratio, with the classes' own shares, in a shuffled order."""
    counts = np.bincount(data.training[1], minlength=len(data.names))
    pictures, numbers = [], []
    for number, count in enumerate(counts):
        wanted = int(np.ceil(count * max(settings.ratios)))
        if wanted:
            pictures.append(make(number, wanted, settings.seed))
            numbers.append(np.full(wanted, number, np.int64))
        tell("making synthetic pictures", number + 1, len(counts))
    together, classes = np.concatenate(pictures), np.concatenate(numbers)
    if together.shape[1:] != data.training[0].shape[1:]:
        raise DataError(
            f"synthetic pictures are {together.shape[1:]}, real ones {data.training[0].shape[1:]}; "
            "both have to be of one size. Use a run that was trained on this pack."
        )
    order = seeds.array_generator(settings.seed, "utility-synthetic").permutation(len(classes))
    return together[order], classes[order]


def _trial(
    arm: Arm, data: Labeled, added: tuple[Pixels, Classes], settings: UtilitySettings, seed: int
) -> Classes:
    """Train one arm with one seed and classify the test pictures."""
    real, numbers = data.training
    extra = min(round(arm.synthetic * len(numbers)), len(added[1]))
    if arm.only:
        pictures, classes = added
    else:
        pictures = np.concatenate([real, added[0][:extra]]) if extra else real
        classes = np.concatenate([numbers, added[1][:extra]])
    how = FitSettings(
        steps=settings.steps,
        batch=settings.batch,
        classical=arm.classical,
        mirror=arm.mirror,
        balance=arm.balance,
        seed=seeds.number(settings.seed, "utility", seed) >> 32,
    )
    return fit(pictures, classes, len(data.names), how).classify(data.test[0])


def _warnings(data: Labeled, settings: UtilitySettings) -> tuple[str, ...]:
    told = []
    if settings.seeds < 10 and len(data.training[1]) < 1000:
        told.append("below 1,000 training pictures 10 seeds are advised")
    if len(data.test[1]) < 200:
        told.append(f"only {len(data.test[1])} test pictures: the interval will be wide")
    told.append("one generator was used: the interval does not hold how generators differ")
    return tuple(told)
