"""Evaluate: how good a set of pictures is, against real ones, in numbers that can be defended.

Both sides go through one reader and one resizing. A pack keeps the vectors of its real pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import images, seeds
from lookalike.data.decode.picture_arrays import Pictures, pictures_of, some, usual_size
from lookalike.data.pack.atomic_folder import folder_name, folder_names
from lookalike.data.pack.classes import Classes, classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.part_folder import Asking, OnePart, PartDone, Parts
from lookalike.data.pack.scratch_array import gathered
from lookalike.errors import DataError, TooFewImagesError
from lookalike.images import Pixels
from lookalike.metrics.copies.copies import Pair
from lookalike.metrics.copies.search import CopyFeatures, see
from lookalike.metrics.features.features import Features, conflict
from lookalike.metrics.features.judges import named
from lookalike.metrics.features.real_features import RealFeatures
from lookalike.metrics.scores.per_class import (
    ClassifiedPictures,
    ClassScores,
    by_class,
    recognized,
)
from lookalike.metrics.scores.scores import LEAST, Measure, Scores, ScoreSettings, score_samples
from lookalike.metrics.scores.verdicts import class_sentence, sentences
from lookalike.metrics.utility.label_classifier import label_classifier
from lookalike.progress import Tell, silent
from lookalike.results import Result, table
from lookalike.settings.evaluation import EvaluateSettings
from lookalike.settings.options import COLORS, option_for
from lookalike.sizes import size_of

Numbers = NDArray[np.int64]

Draw = Callable[[int], Pixels]
"""Draws this many samples, uint8 ``[N, H, W, C]``."""

DrawSpan = Callable[[int, int], Pixels]
"""Draws samples ``first .. first + count``, uint8 ``[count, H, W, C]``."""

SPAN = 512
"""Pictures that one part looks at together: a multiple of every judge's batch, so that the vectors
are those of one machine, bit for bit."""

Span = tuple[str, int, int]
"""Samples, training or held-out pictures: which, the first, and how many."""

LabelsOf = Callable[[int], NDArray[np.float32]]
"""The label rows ``[N, L]`` of these samples, in the order of the pack's columns."""

HOLDOUT = 0.2
"""The share of a plain folder of real pictures that is held out: its own, by a fixed shuffle."""

_ROWS = (
    ("KID", "kid"),
    ("KID to training", "kid_training"),
    ("Fréchet distance", "frechet"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("density", "density"),
    ("coverage", "coverage"),
    ("near-duplicates", "near_duplicates"),
)


@dataclass(frozen=True)
class ByClass:
    """Scores of every class.

    ``recognized`` is the share of samples that a classifier of the pack's training split takes for
    the class they were made for, beside the same share of held-out pictures; None where nobody
    says what the samples were made for, so that the classes are what the classifier sees.
    """

    rows: tuple[ClassScores, ...]
    recognized: Measure | None

    def lines(self) -> list[str]:
        """A line a class, each score beside its floor."""
        rows = [
            [
                row.name,
                f"{row.samples:,}",
                *map(_beside_floor, (row.kid, row.coverage, row.near_duplicates)),
                "" if row.copies is None else f"{row.copies:.1%}",
                _beside_floor(row.recognized),
            ]
            for row in self.rows
        ]
        titles = ["class", "samples", "KID (floor)", "coverage (floor)", "near-duplicates (floor)"]
        return table(rows, [*titles, "copies", "recognized (held-out)"])


def _beside_floor(one: Measure | None) -> str:
    return "" if one is None else f"{one.value:.2f} ({one.floor:.2f})"


@dataclass(frozen=True)
class Evaluation(Result):
    """Scores, their meaning in sentences, and what to be careful of."""

    samples: str
    against: str
    scores: Scores
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    pairs: Path | None
    classes: ByClass | None = None

    def lines(self) -> list[str]:
        """Every score beside its floor, then what they mean and what to be careful of."""
        scores = self.scores
        rows = []
        for title, name in _ROWS:
            fid = name == "frechet" and scores.features.startswith("fid-")
            rows.append(_row("FID" if fid else title, getattr(scores, name)))
            if name == "frechet" and scores.frechet_infinity is not None:
                rows.append(["  of endless samples", f"{scores.frechet_infinity:.3g}", "", "", ""])
        excess = scores.copies.excess
        between = f"{excess.low:.2f} to {excess.high:.2f}"
        rows.append(["copy excess", f"{excess.value:.2f}", between, "1.00", f"{excess.value:.2f}"])
        lines = [
            f"{self.samples} against {self.against}, seen by {scores.features} ("
            f"{scores.samples:,} samples, {scores.training:,} training, {scores.holdout:,} held "
            "out)",
            "",
            *table(rows, ["score", "value", "95 %", "floor", "ratio"]),
        ]
        if self.classes:
            lines += ["", *self.classes.lines()]
        lines += ["", *self.sentences, *(f"Careful: {text}." for text in self.warnings)]
        return lines

    @property
    def next_step(self) -> str:
        """To look at samples beside the real pictures that are nearest to them."""
        if self.pairs:
            return f"open {self.pairs}: samples, each over its nearest training picture"
        return "the same command with --pairs pairs.png shows samples beside their nearest pictures"


def _row(title: str, one: Measure) -> list[str]:
    between = "" if one.low is None or one.high is None else f"{one.low:.3g} to {one.high:.3g}"
    return [title, f"{one.value:.3g}", between, f"{one.floor:.3g}", f"{one.ratio:.2f}"]


@dataclass(frozen=True)
class SampleSet:
    """What is judged: pictures, their class numbers where known, and remarks about them.

    ``vectors`` ``[N, dim]`` are there where parts have looked at the pictures.
    """

    name: str
    pictures: Pixels
    notes: tuple[str, ...] = ()
    numbers: Numbers | None = None
    vectors: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class RealSet:
    """Real pictures, apart: those that a generator may have seen, and those that it has not."""

    training: Pixels
    holdout: Pixels
    pack: Pack | None = None
    rows: tuple[np.ndarray, np.ndarray] | None = None

    def seen(self, features: Features, tell: Tell) -> tuple[CopyFeatures, CopyFeatures]:
        """Both sides as the judge sees them; a pack's vectors come from its cache."""
        if self.pack is None or self.rows is None or not features.hash:
            return see(self.training, features, tell), see(self.holdout, features, tell)
        known = RealFeatures(self.pack, features)
        tell("looking at real pictures", 0, len(self.rows[0]) + len(self.rows[1]))
        for rows in self.rows:
            known.look(rows)
        known.save()  # before both sides are held once more
        train, held = (known.of(rows) for rows in self.rows)
        del known
        return (
            see(self.training, features, vectors=train),
            see(self.holdout, features, vectors=held),
        )


def evaluate(
    samples: Draw | Path,
    against: Path,
    settings: EvaluateSettings,
    tell: Tell = silent,
    labels_of: LabelsOf | None = None,
    parts: Parts | None = None,
) -> Evaluation:
    """Judge samples, drawn or in a folder, against a pack or a folder of real pictures.

    ``labels_of`` says what drawn samples were made for. A folder's samples are of the class whose
    name their own sub-folder has. What the ``parts`` of :func:`evaluate_part` looked at is not
    looked at again.

    Raises:
        NoImagesError: a folder does not exist, or holds no readable picture.
        TooFewImagesError: fewer than 16 samples, training or held-out pictures.
    """
    real = _real(against, settings, tell)
    sorts = classes_of(real.pack, settings.attribute) if real.pack else Classes((), ())
    if isinstance(samples, Path):
        read = _read(samples, real, settings, tell)
        ours = _of_files(samples, read, sorts)
        if parts is not None:
            ours = replace(ours, vectors=_looked(read.pixels, real, settings, parts)[1])
    elif parts is None:
        ours = _drawn(samples(settings.count), sorts, labels_of)
    else:
        drawn, vectors = _looked(None, real, settings, parts)
        ours = replace(_drawn(drawn[: settings.count], sorts, labels_of), vectors=vectors)
    pictures = ours.pictures
    _refuse_alpha_on_one_side(pictures, real.training, against)
    eye = named(settings.function or settings.judge, pictures.shape[3], pictures.shape[1])
    training, holdout = real.seen(eye, tell)
    seen = see(pictures, eye, tell, vectors=ours.vectors)
    wanted = ScoreSettings(infinity=settings.infinity, seed=settings.seed)
    scores = score_samples(seen, training, holdout, eye, wanted, tell)
    classes = _by_class(real, sorts, (ours, seen, training, holdout), settings, tell)
    if settings.pairs:
        sheet = pairs_sheet(pictures, real.training, scores.copies.pairs)
        images.write_png(settings.pairs, sheet)
    family = conflict(eye, settings.trained_with)
    by_class = class_sentence(classes.rows, classes.recognized) if classes else None
    return Evaluation(
        samples=ours.name,
        against=str(against),
        scores=scores,
        sentences=tuple(filter(None, (*sentences(scores), by_class))),
        warnings=tuple(filter(None, (*ours.notes, *scores.warnings, _flat(pictures), family))),
        pairs=settings.pairs,
        classes=classes,
    )


def evaluate_part(
    samples: DrawSpan | Path,
    against: Path,
    settings: EvaluateSettings,
    parts: OnePart,
    tell: Tell = silent,
) -> PartDone:
    """Look at one part of the samples and of the real pictures; scores need all of them.

    Raises:
        DataError: the real pictures are no pack.
    """
    if not Pack.is_pack(against):
        raise DataError(
            f"{against} is no pack, and parts have to agree on what is held out. Make one of it "
            f"first: lookalike prepare {against} --to PACK"
        )
    real = _real(against, settings, tell)
    drawn = _read(samples, real, settings, tell).pixels if isinstance(samples, Path) else samples
    spans, asking = _looking(drawn, real, settings)
    return parts.run(spans, asking, "looking at pictures", tell)


def _read(samples: Path, real: RealSet, settings: EvaluateSettings, tell: Tell) -> Pictures:
    """The samples of a folder or an archive as the judge is to see them."""
    size, channels = size_of(*real.training.shape[1:3]), real.training.shape[3]
    return pictures_of(samples, size, channels, settings.count, settings.seed, tell)


def _looking(
    samples: DrawSpan | Pixels | None, real: RealSet, settings: EvaluateSettings
) -> tuple[list[Span], Asking[Span, dict[str, NDArray[np.generic]]]]:
    """What there is to look at, and how; drawn samples are not needed where parts have them."""
    eye = named(settings.judge, real.training.shape[3], real.training.shape[1])
    count = len(samples) if isinstance(samples, np.ndarray) else settings.count

    def pictures(span: Span) -> Pixels:
        name, first, many = span
        if name != "samples":
            return (real.training if name == "training" else real.holdout)[first : first + many]
        if isinstance(samples, np.ndarray):
            return samples[first : first + many]
        assert samples is not None
        return samples(first, many)

    def ask(spans: list[Span]) -> Iterator[tuple[Span, dict[str, NDArray[np.generic]]]]:
        for span in spans:
            seen = pictures(span)
            drawn = span[0] == "samples" and not isinstance(samples, np.ndarray)
            yield span, {**({"pictures": seen} if drawn else {}), "vectors": eye(seen)}

    sides = {"samples": count, "training": len(real.training), "holdout": len(real.holdout)}
    spans = [
        (name, first, min(SPAN, total - first))
        for name, total in sides.items()
        for first in range(0, total, SPAN)
    ]
    places = {span: number for number, span in enumerate(spans)}
    return spans, Asking(ask, lambda span: (places[span], [*span, eye.hash]))


def _looked(
    samples: Pixels | None, real: RealSet, settings: EvaluateSettings, parts: Parts
) -> tuple[Pixels, NDArray[np.float32]]:
    """Drawn samples of all parts, and all vectors; the pack's go where the pack keeps them."""
    assert real.pack is not None
    assert real.rows is not None
    spans, asking = _looking(samples, real, settings)
    sides: dict[str, list[dict[str, NDArray[np.generic]]]] = {}
    for span, answer in parts.answers(spans, asking):
        sides.setdefault(span[0], []).append(answer)
    known = RealFeatures(real.pack, named(settings.judge, real.pack.channels, real.pack.size))
    for rows, name in zip(real.rows, ("training", "holdout"), strict=True):
        known.learn(rows, np.concatenate([one["vectors"] for one in sides[name]]))
    known.save()
    joined = {
        name: np.concatenate([one[name] for one in sides["samples"]])
        for name in sides["samples"][0]
    }
    return joined.get("pictures", np.zeros((0, 1, 1, 1), np.uint8)), joined["vectors"]


def _drawn(pictures: Pixels, sorts: Classes, labels_of: LabelsOf | None) -> SampleSet:
    numbers = None
    if labels_of is not None and sorts.columns:
        numbers = sorts.numbers_of(labels_of(len(pictures)))
    return SampleSet("drawn from the run", pictures, (), numbers)


def _of_files(samples: Path, read: Pictures, sorts: Classes) -> SampleSet:
    place = {name: number for number, name in enumerate(folder_names(sorts.names).values())}
    known = np.array([place.get(folder_name(group), -1) for group in read.groups], np.int64)
    numbers = known if (known >= 0).any() else None
    return SampleSet(str(samples), read.pixels, read.notes, numbers)


def _by_class(
    real: RealSet,
    sorts: Classes,
    sides: tuple[SampleSet, CopyFeatures, CopyFeatures, CopyFeatures],
    settings: EvaluateSettings,
    tell: Tell,
) -> ByClass | None:
    """Every class on its own; where nobody says the samples' classes, the classifier does.

    None where there are no classes, or nobody asks for them.
    """
    if real.pack is None or real.rows is None or not settings.classes or len(sorts.names) < 2:
        return None
    ours, seen, training, holdout = sides
    told = label_classifier(real.pack, sorts, steps=settings.steps, tell=tell)
    guessed = told.classifier.classify(ours.pictures)
    by_row = np.full(real.pack.count, -1, np.int64)
    for split in (real.pack.train, real.pack.holdout):
        by_row[split.pack_rows()] = sorts.numbers(split)
    train, held = (by_row[rows] for rows in real.rows)
    numbers = guessed if ours.numbers is None else ours.numbers
    mine = ClassifiedPictures(seen, numbers, None if ours.numbers is None else guessed)
    theirs = ClassifiedPictures(holdout, held, told.classifier.classify(real.holdout))
    rows = by_class(
        mine, ClassifiedPictures(training, train), theirs, sorts.names, seed=settings.seed
    )
    if settings.sheet:
        sheet = images.class_rows(ours.pictures, numbers, range(len(sorts.names)))
        images.write_png(settings.sheet, sheet)
    return ByClass(rows, recognized(mine, theirs))


def pairs_sheet(samples: Pixels, training: Pixels, pairs: Sequence[Pair]) -> Pixels:
    """The nearest pairs, four a row: sample, its training picture; uint8 ``[H, W, C]``."""
    tiles = [
        picture for pair in pairs for picture in (samples[pair.sample], training[pair.training])
    ]
    return images.grid(images.enlarge(np.stack(tiles), 96), columns=8)


def _refuse_alpha_on_one_side(samples: Pixels, training: Pixels, against: Path) -> None:
    """Refuse to compare transparent pictures with ones that lie on a background.

    Raises:
        DataError: saying what to prepare.
    """
    counts = samples.shape[3], training.shape[3]
    if counts[0] == counts[1] or 4 not in counts:
        return
    raise DataError(
        f"The samples are pictures in {COLORS[counts[0]]}, the real ones of {against} in "
        f"{COLORS[counts[1]]}: they lie on different backgrounds, and that would be measured. "
        f"Prepare the real ones {option_for(*counts)}, and name that pack with --against."
    )


def _refuse_few(pack: Pack) -> None:
    """Refuse a pack that holds out too few pictures to judge by.

    Raises:
        TooFewImagesError: naming the share to hold out, where there are pictures enough.
    """
    missing, count = len(pack.holdout) < LEAST, pack.count
    if missing and count < 2 * LEAST:
        raise TooFewImagesError(
            f"{pack.path} has {count} pictures, and judging needs at least {LEAST} to train on and "
            f"{LEAST} held out. Add pictures: from {2 * LEAST} on, 'lookalike prepare SOURCE "
            "--to PACK --holdout 0.5' holds out enough; until then look at the samples in the "
            "report."
        )
    if missing:
        share = math.ceil(100 * LEAST / count) / 100
        raise TooFewImagesError(
            f"{pack.path} holds out {len(pack.holdout)} pictures, and judging needs at least "
            f"{LEAST}. Prepare a pack that holds out more (lookalike prepare SOURCE --to PACK "
            f"--holdout {share:g}) and train on that: this run has seen the others."
        )


def _real(against: Path, settings: EvaluateSettings, tell: Tell) -> RealSet:
    if Pack.is_pack(against):
        pack = Pack.open(against)
        _refuse_few(pack)
        train = some(len(pack.train), settings.most)
        held = some(len(pack.holdout), settings.most)
        return RealSet(
            gathered(pack.train.images, train),
            gathered(pack.holdout.images, held),
            pack,
            (pack.train.pack_rows(train), pack.holdout.pack_rows(held)),
        )
    size = settings.size or usual_size(against)
    pictures = pictures_of(against, size, 3, settings.most, tell=tell).pixels
    order = seeds.array_generator(0, "evaluate-holdout").permutation(len(pictures))
    held_out = max(1, round(HOLDOUT * len(pictures)))
    held, training = order[:held_out], order[held_out:]
    return RealSet(gathered(pictures.__getitem__, training), gathered(pictures.__getitem__, held))


def _flat(pictures: Pixels) -> str:
    """Samples in another range than real pictures were once scored for weeks; say it at once."""
    seen = images.measurable(pictures)
    low, high = int(seen.min()), int(seen.max())
    if high - low >= 32:
        return ""
    return (
        f"all values of the samples lie between {low} and {high}: they are flat, or were written "
        "in another range than 0 to 255"
    )
