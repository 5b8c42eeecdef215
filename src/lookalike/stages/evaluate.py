"""Evaluate: how good a set of pictures is, against real ones, in numbers that can be defended.

Both sides go through one reader and one resizing. A pack keeps the vectors of its real pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike import images, seeds
from lookalike.data.pack import Pack, Split
from lookalike.data.reading import ReadSettings, read_picture
from lookalike.errors import DataError, NoImagesError
from lookalike.images import Pixels
from lookalike.metrics.features import Features, conflict
from lookalike.metrics.judges import named
from lookalike.metrics.memorised import Pair, Seen, see_with
from lookalike.metrics.scores import Scores, Settings, judge
from lookalike.metrics.verdicts import sentences
from lookalike.telling import Tell, silent
from lookalike.watch.reals import RealFeatures

Draw = Callable[[int], Pixels]
"""Draws this many samples, uint8 ``[N, H, W, C]``."""

HOLDOUT = 0.2
"""The share of a plain folder of real pictures that is held out: its own, by a fixed shuffle."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """How to judge.

    ``count`` bounds the samples, ``most`` the training pictures that are looked at. ``judge`` is a
    name that ``metrics.judges.named`` knows. ``trained_with`` names families of networks that
    trained the generator, so that a judge of the same family warns. ``pairs`` is a PNG file to
    write the nearest pairs to. ``size`` is for two plain folders.
    """

    count: int = 2000
    most: int = 20_000
    judge: str = "auto"
    infinity: bool = False
    seed: int = 0
    trained_with: tuple[str, ...] = ()
    pairs: Path | None = None
    size: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """Scores, their meaning in sentences, and what to be careful of."""

    samples: str
    against: str
    scores: Scores
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    pairs: Path | None


@dataclass(frozen=True)
class Real:
    """Real pictures, apart: those that a generator may have seen, and those that it has not."""

    training: Pixels
    holdout: Pixels
    pack: Pack | None = None
    rows: tuple[np.ndarray, np.ndarray] | None = None

    def seen(self, features: Features, tell: Tell) -> tuple[Seen, Seen]:
        """Both sides as the judge sees them; a pack's vectors come from its cache."""
        if self.pack is None or self.rows is None:
            return (
                see_with(self.training, features, features(self.training, tell)),
                see_with(self.holdout, features, features(self.holdout, tell)),
            )
        known = RealFeatures(self.pack, features)
        tell("looking at real pictures", 0, len(self.rows[0]) + len(self.rows[1]))
        train, held = (known.of(rows) for rows in self.rows)
        known.save()
        return see_with(self.training, features, train), see_with(self.holdout, features, held)


def evaluate(
    samples: Draw | Path, against: Path, settings: EvaluateSettings, tell: Tell = silent
) -> Evaluation:
    """Judge samples, drawn or in a folder, against a pack or a folder of real pictures.

    Raises:
        NoImagesError: a folder holds no readable picture.
        TooFewImagesError: fewer than 16 samples, training or held-out pictures.
    """
    real = _real(against, settings, tell)
    size, channels = real.training.shape[1], real.training.shape[3]
    if isinstance(samples, Path):
        name = str(samples)
        pictures, notes = read_folder(samples, size, channels, settings.count, tell)
    else:
        name, pictures, notes = "drawn from the run", samples(settings.count), ()
    eye = named(settings.judge, channels, size)
    training, holdout = real.seen(eye, tell)
    ours = see_with(pictures, eye, eye(pictures, tell))
    wanted = Settings(infinity=settings.infinity, seed=settings.seed)
    scores = judge(ours, training, holdout, eye, wanted, tell)
    if settings.pairs:
        sheet = pairs_sheet(pictures, real.training, scores.copies.pairs)
        images.write_png(settings.pairs, sheet)
    warnings = (*notes, *scores.warnings, *_flat(pictures), conflict(eye, settings.trained_with))
    return Evaluation(
        samples=name,
        against=str(against),
        scores=scores,
        sentences=sentences(scores),
        warnings=tuple(text for text in warnings if text),
        pairs=settings.pairs,
    )


def read_folder(
    folder: Path, size: int, channels: int, most: int, tell: Tell = silent
) -> tuple[Pixels, tuple[str, ...]]:
    """Up to ``most`` pictures of a folder and its sub-folders in the order of their names.

    Raises:
        NoImagesError: there is none that can be read.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)[:most]
    settings = ReadSettings(size=size, channels=channels)
    read: list[Pixels] = []
    refused: list[str] = []
    widths: set[int] = set()
    for done, file in enumerate(files):
        try:
            one = read_picture(file.read_bytes(), settings)
        except DataError as problem:
            refused.append(f"{file.name} {problem}")
            continue
        read.append(one.pixels)
        widths.add(one.width)
        tell("reading pictures", done + 1, len(files))
    if not read:
        raise NoImagesError(
            f"{folder} holds no picture that can be read. Name a run, or a folder of pictures."
        )
    notes = []
    if refused:
        notes.append(f"{len(refused)} files in {folder} were left out, the first: {refused[0]}")
    if widths != {size}:
        notes.append(f"pictures in {folder} were resized to {size} px to match the real ones")
    return np.stack(read), tuple(notes)


def pairs_sheet(samples: Pixels, training: Pixels, pairs: Sequence[Pair]) -> Pixels:
    """The nearest pairs, four a row: sample, its training picture; uint8 ``[H, W, C]``."""
    tiles = [
        picture for pair in pairs for picture in (samples[pair.sample], training[pair.training])
    ]
    return images.grid(images.enlarge(np.stack(tiles), 96), columns=8)


def _real(against: Path, settings: EvaluateSettings, tell: Tell) -> Real:
    if Pack.is_pack(against):
        pack = Pack.open(against)
        train = _some(pack.train, settings.most)
        held = np.arange(len(pack.holdout))
        return Real(
            pack.train.images(train),
            pack.holdout.images(held),
            pack,
            (pack.train.pack_rows(train), pack.holdout.pack_rows(held)),
        )
    size = settings.size or _usual_size(against)
    pictures, _ = read_folder(against, size, 3, settings.most, tell)
    order = seeds.array_generator(0, "evaluate-holdout").permutation(len(pictures))
    held_out = max(1, round(HOLDOUT * len(pictures)))
    return Real(pictures[order[held_out:]], pictures[order[:held_out]])


def _some(split: Split, most: int) -> np.ndarray:
    if len(split) <= most:
        return np.arange(len(split))
    order = seeds.array_generator(0, "evaluate-training").permutation(len(split))
    return np.sort(order[:most])


def _usual_size(folder: Path) -> int:
    """The smaller side of the first readable picture, at most 256."""
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES:
            try:
                told = read_picture(file.read_bytes(), ReadSettings(size=8))
            except DataError:
                continue
            return min(told.width, told.height, 256)
    raise NoImagesError(f"{folder} holds no picture that can be read. Name a pack or a folder.")


def _flat(pictures: Pixels) -> tuple[str, ...]:
    """Samples in another range than real pictures were once scored for weeks; say it at once."""
    low, high = int(pictures.min()), int(pictures.max())
    if high - low >= 32:
        return ()
    return (
        f"all values of the samples lie between {low} and {high}: they are flat, or were written "
        "in another range than 0 to 255",
    )
