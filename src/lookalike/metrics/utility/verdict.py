"""Does adding synthetic pictures help a classifier on real ones? The arithmetic of the answer.

Arms differ in what a classifier is trained on, never in how long or how carefully. Every seed
trains every arm; all are tested on the same held-out real pictures. The best arm with and the best
arm without synthetic pictures are chosen on one half of those and compared on the other half, so
that trying many arms does not itself make a winner. The interval is a paired bootstrap over seeds
and pictures. When it touches 0, nothing is recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.nearest import Numbers

LEAST_SEEDS = 5
HALF = "&"
Truth = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train: ``synthetic`` pictures for each real one, and what else is done.

    ``way`` says how the synthetic pictures are made (``synthesis``). ``taught`` adds pictures with
    a teacher's probabilities as labels: what distillation does without a generator. ``copies``
    says which: real ones "moved", or two of them "mixed". ``only`` leaves the real pictures out:
    the classification accuracy score (Ravuri and Vinyals 2019), printed beside but never
    recommended. Trials are kept under an arm's ``repr``, so names of fields never change.
    """

    name: str
    synthetic: float = 0.0
    way: str = "plain"
    taught: float = 0.0
    copies: str = "moved"
    classical: bool = False
    mirror: bool = False
    balance: str = "none"
    only: bool = False


def arms(
    ratios: Sequence[float] = (0.5, 1.0, 2.0, 3.0), ways: Sequence[str] = ("plain",)
) -> tuple[Arm, ...]:
    """The arms of the protocol: five without synthetic pictures, two a ratio, synthetic only.

    The first way is tried at every ratio, each further one at the largest with classical
    augmentation. Where a way has a judge label its pictures (``soft``), arms without synthetic
    pictures get the same help.
    """
    most = max(ratios)
    without: tuple[Arm, ...] = (
        Arm(name="real"),
        Arm(name="classical", classical=True),
        Arm(name="classical + mirror", classical=True, mirror=True),
        Arm(name="oversampling + classical", classical=True, balance="oversample"),
        Arm(name="class weights + classical", classical=True, balance="weight"),
    )
    without += rivals(ways, most)
    tried = [(ways[0], ratio, classical) for ratio in ratios for classical in (False, True)]
    tried += [(way, most, True) for way in ways[1:]]
    added = tuple(
        adding(
            way,
            ratio,
            ("synthetic" if way == "plain" else way)
            + f" {ratio:g}:1"
            + (" + classical" if classical else ""),
            classical=classical,
        )
        for way, ratio, classical in tried
    )
    only = Arm(name="synthetic only", synthetic=most, way=ways[0].rstrip(HALF), only=True)
    return (*without, *added, only)


def adding(way: str, ratio: float, name: str, *, classical: bool = True) -> Arm:
    """An arm that adds pictures of a way; with "&" behind it, half of them are mixes."""
    if not way.endswith(HALF):
        return Arm(name=name, synthetic=ratio, way=way, classical=classical)
    return Arm(
        name=name,
        synthetic=ratio / 2,
        way=way.rstrip(HALF),
        taught=ratio / 2,
        copies="mixed",
        classical=classical,
    )


def rivals(ways: Sequence[str], ratio: float) -> tuple[Arm, ...]:
    """Arms without synthetic pictures that get the help of a judge where one of the ways does."""
    soft = [way for way in ways if "soft" in way]
    if not soft:
        return ()
    moved = Arm(name="distilled + classical", classical=True, taught=ratio)
    if not any("across" in way or way.endswith(HALF) for way in soft):
        return (moved,)
    mixes = Arm(name="distilled mixes + classical", classical=True, taught=ratio, copies="mixed")
    return moved, mixes


@dataclass(frozen=True)
class ArmOutcome:
    """What an arm's classifiers said of the test pictures.

    ``said`` are class numbers ``[seeds * each, pictures]``: ``each`` classifiers a seed, whose
    answers lie side by side. They share the training pictures and the generator, so together they
    are one draw of the bootstrap, with less of the noise of one training.
    """

    arm: Arm
    said: Truth
    each: int = 1

    @property
    def seeds(self) -> int:
        """How many independent draws there are."""
        return len(self.said) // self.each

    def correct(self, truth: Truth) -> Numbers:
        """The share of right answers of a seed's classifiers, ``[seeds, pictures]``."""
        right = (self.said == truth[None]).reshape(self.seeds, self.each, -1)
        share: Numbers = right.mean(1)
        return share


@dataclass(frozen=True)
class VerdictRow:
    """One arm in the table: mean accuracy and its deviation over seeds, and the least recall."""

    arm: str
    accuracy: float
    deviation: float
    worst_recall: float
    gain: Interval


@dataclass(frozen=True)
class Verdict:
    """The answer: ``helps`` is True, False (it harms) or None (not shown either way)."""

    helps: bool | None
    sentence: str
    gain: Interval
    best_with: str
    best_without: str
    table: tuple[VerdictRow, ...]
    recalls: tuple[Interval, ...]


def paired(
    first: NDArray[Any], second: NDArray[Any], *, resamples: int = 2000, seed: int = 0
) -> Interval:
    """The difference of two accuracies with a bootstrap 95 % interval.

    Both are right answers, or shares of them, ``[seeds, pictures]`` of the same seeds and pictures.
    Seeds and pictures are both drawn again, because both vary from person to person.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"expected the same seeds and pictures, got {first.shape} and {second.shape}"
        )
    apart = first.astype(np.float64) - second
    random = seeds.array_generator(seed, "paired-bootstrap")
    on_seeds, on_pictures = (
        random.multinomial(count, np.full(count, 1 / count), resamples) / count
        for count in apart.shape
    )
    values = ((on_seeds @ apart) * on_pictures).sum(axis=1)
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(apart.mean()), float(low), float(high))


def recall(said: Truth, truth: Truth, classes: int) -> Numbers:
    """Mean share of every class that is recognized, ``[classes]``; NaN for a class not tested."""
    right = (said == truth[None]).mean(0)
    counts = np.bincount(truth, minlength=classes)
    sums = np.bincount(truth, right, minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def decide(
    outcomes: Sequence[ArmOutcome],
    truth: Truth,
    classes: int,
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> Verdict:
    """Compare the best arm with and the best without synthetic pictures, and say it in a sentence.

    Raises:
        ValueError: there is no arm of one of the two kinds.
    """
    order = seeds.array_generator(seed, "utility-halves").permutation(len(truth))
    choosing, judging = order[: len(order) // 2], order[len(order) // 2 :]
    without = [outcome for outcome in outcomes if outcome.arm.synthetic == 0]
    added = [outcome for outcome in outcomes if outcome.arm.synthetic and not outcome.arm.only]
    if not without or not added:
        raise ValueError("the comparison needs arms with and arms without synthetic pictures")
    base, best = (
        max(some, key=lambda outcome: float(outcome.correct(truth)[:, choosing].mean()))
        for some in (without, added)
    )
    right, wrong = best.correct(truth)[:, judging], base.correct(truth)[:, judging]
    gain = paired(right, wrong, resamples=resamples, seed=seed)
    helps = True if gain.low > 0 else False if gain.high < 0 else None
    trials = base.seeds
    return Verdict(
        helps=helps if trials >= LEAST_SEEDS else None,
        sentence=_sentence(gain, best.arm.name, base.arm.name, trials),
        gain=gain,
        best_with=best.arm.name,
        best_without=base.arm.name,
        table=tuple(_row(outcome, base, truth, classes, resamples // 4) for outcome in outcomes),
        recalls=_recalls(best, base, truth, classes, resamples // 4),
    )


def _row(
    outcome: ArmOutcome, base: ArmOutcome, truth: Truth, classes: int, resamples: int
) -> VerdictRow:
    accuracy = outcome.correct(truth).mean(1)
    return VerdictRow(
        arm=outcome.arm.name,
        accuracy=float(accuracy.mean()),
        deviation=float(accuracy.std(ddof=1)) if len(accuracy) > 1 else 0.0,
        worst_recall=float(np.nanmin(recall(outcome.said, truth, classes))),
        gain=paired(outcome.correct(truth), base.correct(truth), resamples=resamples),
    )


def _recalls(
    best: ArmOutcome, base: ArmOutcome, truth: Truth, classes: int, resamples: int
) -> tuple[Interval, ...]:
    """The gain in recall of every class that has test pictures."""
    right, wrong = best.correct(truth), base.correct(truth)
    return tuple(
        paired(right[:, truth == number], wrong[:, truth == number], resamples=resamples)
        if (truth == number).any()
        else Interval(0.0, 0.0, 0.0)
        for number in range(classes)
    )


def _sentence(gain: Interval, best: str, base: str, trials: int) -> str:
    points = f"{100 * abs(gain.value):.1f} points"
    between = f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f}, {trials} seeds)"
    if trials < LEAST_SEEDS:
        return (
            f"No recommendation: {trials} seeds are too few to decide (at least {LEAST_SEEDS}); "
            f"so far {best!r} against {base!r} differs by {100 * gain.value:+.1f} points {between}."
        )
    if gain.low > 0:
        return (
            f"Adding synthetic pictures ({best}) raises accuracy on real pictures by {points} "
            f"{between} over the best arm without them ({base})."
        )
    if gain.high < 0:
        return (
            f"Do not add synthetic pictures: {best} lowers accuracy on real pictures by {points} "
            f"{between} against the best arm without them ({base})."
        )
    return (
        f"No recommendation: {best} against {base} changes accuracy on real pictures by "
        f"{100 * gain.value:+.1f} points, and the 95 % interval touches 0 {between}. "
        "Train without synthetic pictures."
    )
