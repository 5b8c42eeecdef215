"""Expand: synthetic pictures added to real ones, class by class, each checked before it is taken.

Candidates come from a run that makes a class on request. A classifier trained on the training split
alone has to agree with the class; copies, outliers and twins are rejected (``metrics.selection``).
A class in which too few candidates pass stays short, and is reported so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lookalike import images, seeds
from lookalike.data.decode.photos import SquareSettings
from lookalike.data.expanded.balance import ClassNeed, class_needs
from lookalike.data.expanded.partial_results import Unfinished
from lookalike.data.expanded.writer import (
    Enlarged,
    EnlargedFolder,
    EnlargedPack,
    Originals,
    as_json,
    copy_real,
)
from lookalike.data.pack.atomic_folder import refuse_full
from lookalike.data.pack.classes import Classes, classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.part_folder import Asking, OnePart, PartDone
from lookalike.editing.photos import open_photo, photos_of
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.features.features import Features, conflict
from lookalike.metrics.features.judges import named
from lookalike.metrics.utility.label_classifier import label_classifier
from lookalike.metrics.utility.selection import (
    REASONS,
    Make,
    PickedPicture,
    SelectedPictures,
    Sieve,
    pick,
    seen_by,
    sieve,
)
from lookalike.progress import Tell, silent
from lookalike.report.card import card_text
from lookalike.results import Result, plain, table
from lookalike.settings.pictures import ExpandSettings

SHOWN = 10

FOUND = "found"
"""What the folder is called in which a part keeps what it found."""

_REJECTED = {"class": "other class", "copy": "copy", "outlier": "outlier", "twin": "twin"}


@dataclass(frozen=True)
class Origin:
    """Where candidates come from, in words for PNG texts and the card.

    ``classes`` are the origins by class number, where every class has a run of its own.
    """

    run: str
    recipe: str
    images_seen: int
    classes: Mapping[int, Origin] = field(default_factory=dict)

    def of(self, number: int) -> Origin:
        """Where candidates of this class come from."""
        return self.classes.get(number, self)


@dataclass(frozen=True)
class ClassCount:
    """One class: real training pictures, synthetic ones wanted and taken, candidates, rejections.

    ``seed`` is the one that draws its candidates.
    """

    name: str
    real: int
    wanted: int
    taken: int
    tried: int
    seed: int
    rejected: dict[str, int] = field(default_factory=dict)

    @property
    def short(self) -> bool:
        """Whether fewer than wanted were taken."""
        return self.taken < self.wanted


@dataclass(frozen=True)
class Expanded(Result):
    """What was written. ``accuracy`` is the classifier's on held-out pictures, where known."""

    folder: Path
    form: str
    real: int
    held_out: int
    synthetic: int
    classes: tuple[ClassCount, ...]
    judge: str
    accuracy: float | None
    warnings: tuple[str, ...]

    def lines(self) -> list[str]:
        """What every class got and what was rejected, with the file that says all of it."""
        rows = [
            [
                row.name or "(all)",
                *(f"{number:,}" for number in (row.real, row.wanted, row.taken, row.tried)),
                *(f"{row.rejected.get(reason, 0):,}" for reason in _REJECTED),
            ]
            for row in self.classes
        ]
        header = ["class", "real", "wanted", "taken", "candidates", *_REJECTED.values()]
        lines = [
            f"{self.synthetic:,} synthetic pictures beside {self.real:,} real ones in "
            f"{self.folder} ({self.held_out:,} real ones held out).",
            "",
            *table(rows, header),
            "",
        ]
        if self.accuracy is not None:
            lines.append(
                f"The classifier is right for {self.accuracy:.1%} of the held-out pictures."
            )
        lines += [f"Careful: {text}." for text in self.warnings]
        return lines

    @property
    def next_step(self) -> str:
        """To read what is real and what is not."""
        return f"read {self.folder / 'README.md'}: what is real and what is not"


def expand(
    pack: Pack,
    make: Make,
    origin: Origin,
    to: Path,
    settings: ExpandSettings | None = None,
    tell: Tell = silent,
) -> Expanded:
    """Write the pack's pictures and checked synthetic ones to a folder that is new or empty.

    What is found is kept in ``TO-unfinished`` until all is written, so that the same call again
    continues work that was cut off. What the parts of :func:`expand_part` found is taken from them.

    Raises:
        DataError: the folder is not empty, there is nothing to add, too few real pictures, or an
            original file that was asked for is gone.
    """
    task = _Task(pack, make, origin, settings or ExpandSettings())
    refuse_full(to)
    needs = task.needs  # refused before any picture is read
    into = _writer(pack, to, task.settings)
    beside = [folder / FOUND for folder in task.settings.machines.merged]
    work = Unfinished(unfinished(to), task.key, beside)
    judge, accuracy = task.judge(tell)
    counts: list[ClassCount] = []
    shown: list[tuple[int, Pixels]] = []
    with into:
        _copy(pack, task.sorts, into, tell)
        for number in range(len(needs)):
            selected = SelectedPictures(judge, number)
            for place, one in enumerate(task.picked(selected, work, tell)):
                row, name = task.row(number, one), task.name(number)
                into.synthetic(one.picture, row, name, _text(row, name))
                if place < SHOWN:
                    shown.append((number, one.picture))
            counts.append(task.count(selected))
        result = Expanded(
            folder=to,
            form=task.settings.form,
            real=len(pack.train),
            held_out=len(pack.holdout),
            synthetic=sum(one.taken for one in counts),
            classes=tuple(counts),
            judge=task.eye.name,
            accuracy=accuracy,
            warnings=_warnings(counts, accuracy, task),
        )
        into.finish(_files(task, result, shown))
    work.clear()
    return result


def expand_part(
    pack: Pack,
    make: Make,
    origin: Origin,
    settings: ExpandSettings,
    parts: OnePart,
    tell: Tell = silent,
) -> PartDone:
    """Find the pictures of the classes that belong to one part.

    Raises:
        DataError: there is nothing to add, or too few real pictures.
    """
    task = _Task(pack, make, origin, settings)
    needs = task.needs
    work = Unfinished(parts.folder / FOUND, task.key)
    judge, _ = task.judge(tell)

    def ask(numbers: list[int]) -> Iterator[tuple[int, int]]:
        for number in numbers:
            selected = SelectedPictures(judge, number)
            for _ in task.picked(selected, work, tell):
                pass
            yield number, selected.taken

    asking = Asking(ask, lambda number: (number, needs[number].wanted))
    return parts.run(range(len(needs)), asking, "classes", tell)


def unfinished(to: Path) -> Path:
    """Where work that was cut off is kept."""
    return to.with_name(f"{to.name}-unfinished")


def maker(sampler: Sampler, sorts: Classes, seed: int) -> Make:
    """Pictures of a class from a run; for a pack without classes, of any kind.

    Raises:
        DataError: the run was trained without labels, or never saw one of the classes.
    """
    seen = [sampler.seen(*one) for one in zip(sorts.columns, sorts.names, strict=True)]

    def make(number: int, first: int, count: int) -> Pixels:
        rows = seen[number] if seen else None
        return sampler.pictures(class_seed(seed, number), first, count, rows)

    return make


@dataclass(frozen=True, eq=False)
class Chosen:
    """Pictures that somebody chose, uint8 ``[N, S, S, C]`` by class number, as candidates."""

    pictures: Mapping[int, Pixels]

    def __call__(self, number: int, first: int, count: int) -> Pixels:
        """Those of a class from ``first`` on; fewer, or none, at the end."""
        return self.pictures[number][first : first + count]

    @property
    def digest(self) -> str:
        """Tells these pictures from any others."""
        found = hashlib.sha256()
        for number, pictures in sorted(self.pictures.items()):
            found.update(f"{number} {pictures.shape}".encode())
            found.update(pictures.tobytes())
        return found.hexdigest()

    def needs(self, pack: Pack, sorts: Classes) -> list[ClassNeed]:
        """As many of every class as were chosen."""
        real = sorts.numbers(pack.train) if sorts.names else np.zeros(len(pack.train), np.int64)
        return [
            ClassNeed(int((real == number).sum()), len(self.pictures[number]))
            for number in range(len(self.pictures))
        ]


def read_chosen(pack: Pack, folder: Path, sorts: Classes) -> Chosen:
    """Read a folder of chosen pictures as the pack would hold them.

    Raises:
        DataError: it holds none, or its sub-folders are no classes of the pack.
    """
    plan = pack.info.get("plan") or {}
    squares = SquareSettings.of(plan, pack.size, pack.channels)
    found: dict[int, list[Pixels]] = {number: [] for number in range(max(1, len(sorts.names)))}
    for path in photos_of(folder):
        name = path.parent.name if path.parent != folder else ""
        if sorts.names and name not in sorts.names:
            raise DataError(
                f"{path.relative_to(folder)} says of no class of {pack.name}. Put pictures into "
                f"sub-folders named as its classes: {', '.join(sorts.names[:12])}."
            )
        number = sorts.names.index(name) if sorts.names else 0
        found[number].append(open_photo(path, squares).square)
    blank = np.zeros((0, *pack.shape), np.uint8)
    return Chosen({n: np.stack(some) if some else blank for n, some in found.items()})


def makers(samplers: Mapping[int, Sampler], seed: int) -> Make:
    """Pictures of a class from the run of that class, by class number."""

    def make(number: int, first: int, count: int) -> Pixels:
        return samplers[number].pictures(class_seed(seed, number), first, count)

    return make


def class_seed(seed: int, number: int) -> int:
    """The seed that draws the candidates of a class: what 'generate --seed' takes."""
    return seeds.number(seed, "expand", number) % 1_000_000


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be found: the same for one process and for many that do some classes each."""

    pack: Pack
    make: Make
    origin: Origin
    settings: ExpandSettings

    @cached_property
    def sorts(self) -> Classes:
        return classes_of(self.pack, self.settings.attribute)

    @cached_property
    def needs(self) -> list[ClassNeed]:
        if isinstance(self.make, Chosen):
            return self.make.needs(self.pack, self.sorts)
        return class_needs(self.pack, self.sorts, self.settings)

    @cached_property
    def eye(self) -> Features:
        return named(self.settings.judge, self.pack.channels, self.pack.size)

    @property
    def key(self) -> dict[str, Any]:
        """Everything that decides which pictures pass."""
        settings = self.settings
        return {
            "pack": self.pack.fingerprint,
            "origin": asdict(self.origin),
            "eye": self.eye.hash,
            "balance": settings.balance,
            "factor": settings.times,
            "attribute": settings.attribute,
            "judge": settings.judge,
            "steps": settings.steps,
            "tries": settings.tries,
            "seed": settings.seed,
            "keep_copies": settings.keep_copies,
            "trained_with": settings.trained_with,
            **({"chosen": self.make.digest} if isinstance(self.make, Chosen) else {}),
        }

    def judge(self, tell: Tell) -> tuple[Sieve, float | None]:
        """What candidates have to pass, and the share of the hold-out its classifier gets right."""
        classifier, accuracy, settings = None, None, self.settings
        if self.sorts.names:
            told = label_classifier(
                self.pack, self.sorts, steps=settings.steps, seed=settings.seed, tell=tell
            )
            classifier, accuracy = told.classifier, told.accuracy
        real = seen_by(self.pack, self.eye, tell)
        return sieve(*real, self.eye, classifier, keep_copies=settings.keep_copies), accuracy

    def picked(
        self, selected: SelectedPictures, work: Unfinished, tell: Tell
    ) -> Iterator[PickedPicture]:
        """The candidates of a class that pass."""
        wanted = self.needs[selected.number].wanted
        return pick(self.make, selected, wanted, self.settings.tries, work, tell)

    def name(self, number: int) -> str:
        return self.sorts.names[number] if self.sorts.names else ""

    def row(self, number: int, one: PickedPicture) -> dict[str, Any]:
        """What the manifest says of a synthetic picture."""
        seed = class_seed(self.settings.seed, number)
        about = {"seed": seed, "index": one.index, "scores": one.scores}
        return {**_told(self.origin.of(number)), **about}

    def count(self, selected: SelectedPictures) -> ClassCount:
        """What became of a class."""
        number = selected.number
        return ClassCount(
            name=self.name(number),
            real=self.needs[number].real,
            wanted=self.needs[number].wanted,
            taken=selected.taken,
            tried=selected.tried,
            seed=class_seed(self.settings.seed, number),
            rejected=dict(selected.rejected),
        )


def _writer(pack: Pack, to: Path, settings: ExpandSettings) -> Enlarged:
    if settings.form == "pack":
        return EnlargedPack(to, pack, settings.attribute)
    if settings.real == "cut":
        return EnlargedFolder(to)
    originals = Originals(pack)
    for split in (pack.train, pack.holdout):
        originals.all(split.rows(np.arange(len(split))))
    return EnlargedFolder(to, originals, copied=settings.real == "copy")


def _copy(pack: Pack, sorts: Classes, into: Enlarged, tell: Tell) -> None:
    for split in (pack.train, pack.holdout):
        numbers = sorts.numbers(split)
        groups = [sorts.names[n] if sorts.names and n >= 0 else "" for n in numbers]
        copy_real(split, into, groups)
    tell("copying real pictures", pack.count, pack.count)


def _told(origin: Origin) -> dict[str, Any]:
    return {"run": origin.run, "recipe": origin.recipe, "images_seen": origin.images_seen}


def _text(row: dict[str, Any], name: str) -> dict[str, str]:
    """What a synthetic PNG says of itself."""
    told = {
        "lookalike:synthetic": "yes",
        "lookalike:run": row["run"],
        "lookalike:recipe": row["recipe"],
        "lookalike:images-seen": str(row["images_seen"]),
        "lookalike:seed": str(row["seed"]),
        "lookalike:index": str(row["index"]),
        **({"lookalike:class": name} if name else {}),
        **{f"lookalike:{key}": f"{value:g}" for key, value in row["scores"].items()},
    }
    return {**told, "Software": "lookalike", "Comment": "synthetic: made by a generative network"}


def _warnings(counts: list[ClassCount], accuracy: float | None, task: _Task) -> tuple[str, ...]:
    told = []
    for one in counts:
        if one.short:
            why = ", ".join(f"{n:,} {REASONS[key]}" for key, n in sorted(one.rejected.items()))
            what = f"the class {one.name!r}" if one.name else "the set"
            told.append(
                f"{what} got {one.taken:,} of {one.wanted:,} pictures: of {one.tried:,} candidates "
                f"too few passed ({why}). It was not filled up"
            )
    chance = 1 / max(1, len(counts))
    if accuracy is not None and accuracy < chance + 0.5 * (1 - chance):
        told.append(
            f"the classifier is right for {accuracy:.0%} of the held-out pictures only, so its "
            "agreement says little about the classes"
        )
    family = conflict(task.eye, task.settings.trained_with)
    return (*told, *([family] if family else []))


def _files(task: _Task, result: Expanded, shown: list[tuple[int, Pixels]]) -> dict[str, bytes]:
    """The card for people, the same for programs, a sheet of synthetic pictures, the licence."""
    pack, origin, settings = task.pack, task.origin, task.settings
    card = {
        "pack": {"name": pack.name, "fingerprint": pack.fingerprint, "size": plain(pack.size)},
        "run": _told(origin),
        "runs": {result.classes[n].name: _told(one) for n, one in origin.classes.items()},
        "settings": {
            "balance": settings.balance,
            "factor": None if settings.balance else settings.times,
            "attribute": settings.attribute,
            "real": settings.real,
            "tries": settings.tries,
            "steps": settings.steps,
            "seed": settings.seed,
            "keep_copies": settings.keep_copies,
        },
        "judge": result.judge,
        "classifier_accuracy": result.accuracy,
        "real": {"train": result.real, "holdout": result.held_out},
        "synthetic": result.synthetic,
        "classes": [vars(one) for one in result.classes],
        "reasons": REASONS,
        "warnings": list(result.warnings),
    }
    by_label = len(pack.columns) == len(pack.classes) and settings.attribute is None
    files = {"card.json": as_json(card), "README.md": card_text(card, by_label).encode()}
    if shown:
        files["synthetic.png"] = _sheet(shown, len(result.classes))
    if pack.info.get("licence"):
        files["LICENCE.txt"] = str(pack.info["licence"]).encode()
    return files


def _sheet(shown: list[tuple[int, Pixels]], classes: int) -> bytes:
    """Up to ten synthetic pictures a class, a row each; for one class a block."""
    pictures = np.stack([picture for _, picture in shown])
    if classes == 1:
        return images.encode_png(images.grid(images.enlarge(pictures, 64)))
    numbers = np.array([number for number, _ in shown])
    return images.encode_png(images.class_rows(pictures, numbers, sorted(set(numbers)), SHOWN))
