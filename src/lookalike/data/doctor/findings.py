"""From numbers of single pictures to findings about a set: what is wrong, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from sys import intern
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds
from lookalike.data.similarity.near_duplicates import Groups

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

BLANK = 5.0
"""Pictures whose grey differs by less than this many levels (standard deviation) show nothing."""

BLUR = 0.45
LONG = 2.5
FEW = 10
OUTLIERS = 10
NEIGHBORS = 10
STRANGE = 5.0
"""How many robust deviations above the middle a picture must be to stand out. On the planted
corpora sound pictures reach 3.9, and strangers have at least 8.1 (scripts/bench doctor)."""

MOST_OTHERS = 20_000
"""Of a larger set, each picture is compared with so many others, drawn once: all with all would
take hours from a million pictures on."""

_BLOCK = 1024

SERIOUS, CARE, NOTE = "serious", "care", "note"


@dataclass(frozen=True, slots=True)
class Noted:
    """One file in a finding. ``index`` is its place among the readable pictures, or -1.

    ``other`` is the place of the picture that it is a copy of.
    """

    name: str
    detail: str = ""
    index: int = -1
    other: int = -1


@dataclass(frozen=True)
class Finding:
    """One kind of fault: its files, what it means, and what ``prepare --fix`` does about it."""

    kind: str
    title: str
    level: str
    meaning: str
    fix: str
    files: tuple[Noted, ...] = field(repr=False)
    leaves_out: tuple[str, ...] = field(default=(), repr=False)

    @property
    def count(self) -> int:
        """How many files it concerns."""
        return len(self.files)


@dataclass(frozen=True)
class Kind:
    """What one sort of fault is called; ``leaves`` when ``--fix`` leaves its files out."""

    name: str
    title: str
    level: str
    meaning: str
    fix: str = "left out"
    leaves: bool = True

    def of(self, files: Iterable[Noted]) -> Finding:
        """The finding that these files are of this kind."""
        noted = tuple(files)
        left = tuple(one.name for one in noted) if self.leaves else ()
        return Finding(self.name, self.title, self.level, self.meaning, self.fix, noted, left)


UNREADABLE = Kind(
    "unreadable",
    "Files that cannot be used",
    SERIOUS,
    "Truncated, empty, not pictures, or of an impossible size.",
    "left out and listed in the pack",
    leaves=False,
)
BLANK_ONES = Kind(
    "blank",
    "Blank pictures",
    SERIOUS,
    "They show one plain color. A generator learns to draw that, too.",
)
BLURRED = Kind("blur", "Blurred pictures", CARE, "They are much less sharp than the rest")
LONG_ONES = Kind(
    "aspect",
    "Very long or very high pictures",
    CARE,
    f"One side is more than {LONG:g} times the other; the square keeps little of them.",
)
TINY = Kind(
    "tiny",
    "Pictures smaller than wanted",
    CARE,
    "Enlarging adds no detail; a generator learns the blur.",
)
MODES = Kind(
    "mode",
    "Unusual files",
    NOTE,
    "Ink colors, palettes, deep grey, pictures turned by EXIF, animations.",
    "converted, turned upright, first frame taken",
    leaves=False,
)
COPIES = Kind(
    "copy",
    "Exact copies",
    CARE,
    "The same picture more than once counts more than once in training.",
    "kept once",
)
NEAR_COPIES = Kind(
    "near",
    "Near copies",
    CARE,
    "The same picture saved again, resized, brightened, mirrored or cropped.",
    "kept once; without --fix they stay on one side of the hold-out",
)
CONFLICTS = Kind(
    "conflict",
    "The same picture in two classes",
    SERIOUS,
    "At least one of the labels is wrong.",
    "all of them left out",
)
LEAKS = Kind(
    "leak",
    "The same picture in training and hold-out",
    SERIOUS,
    "Scores against this hold-out flatter: it was partly seen in training.",
    "prepare makes the hold-out anew, with near copies on one side",
    leaves=False,
)
SMALL_CLASSES = Kind(
    "balance",
    "Small classes",
    CARE,
    f"Fewer than {FEW} pictures, or a tenth of the largest class: they will hardly be learned.",
    "none: add pictures, or leave the class away",
    leaves=False,
)
STRANGE_ONES = Kind(
    "outlier",
    "Most unlike the rest",
    NOTE,
    "Perhaps they do not belong here. Those marked 'stands out' are far from everything else.",
    "none: look at them, and take them out yourself",
    leaves=False,
)
FACELESS = Kind(
    "faces",
    "Without exactly one face",
    NOTE,
    "Most pictures of this set show one face; these of the sample show none or several.",
    "none; 'prepare --faces' leaves them out",
    leaves=False,
)


@dataclass(frozen=True)
class Sheet:
    """Everything that was measured on a set, one entry a picture.

    ``numbers`` holds float32 columns by name: width, height, brightness, contrast, blur, colorful.
    ``groups`` are near copies (the smallest member), ``same`` exact ones.
    """

    names: Sequence[str]
    classes: Sequence[str]
    splits: Sequence[str]
    modes: Sequence[str]
    notes: Sequence[tuple[str, ...]]
    numbers: Mapping[str, Floats]
    same: Groups
    groups: Groups

    def __len__(self) -> int:
        return len(self.names)

    def noted(self, index: SupportsIndex, detail: str = "", other: int = -1) -> Noted:
        """One picture as an entry of a finding."""
        at = int(index)
        return Noted(self.names[at], intern(detail), at, other)


def find_blanks(sheet: Sheet) -> Finding:
    """Pictures of one plain color."""
    brightness = sheet.numbers["brightness"]
    found = np.flatnonzero(sheet.numbers["contrast"] < BLANK)
    return BLANK_ONES.of(sheet.noted(i, f"brightness {brightness[i]:.0f} of 255") for i in found)


def find_blurred(sheet: Sheet) -> Finding:
    """Pictures far less sharp than the rest of the set."""
    blur = sheet.numbers["blur"]
    usable = sheet.numbers["contrast"] >= BLANK
    limit = max(BLUR, robust_limit(blur[usable], 4.0)) if usable.any() else 1.0
    found = np.flatnonzero(usable & (blur > limit))
    middle = float(np.median(blur)) if len(blur) else 0.0
    words = f"{BLURRED.meaning} (blur above {limit:.2f}; the middle of the set is {middle:.2f})."
    return replace(BLURRED, meaning=words).of(
        sheet.noted(i, f"blur {blur[i]:.2f}") for i in found[np.argsort(-blur[found])]
    )


def find_long(sheet: Sheet) -> Finding:
    """Pictures that are far from square."""
    wide, high = sheet.numbers["width"], sheet.numbers["height"]
    ratio = np.maximum(wide, high) / np.maximum(1, np.minimum(wide, high))
    found = np.flatnonzero(ratio > LONG)
    return LONG_ONES.of(sheet.noted(i, f"{wide[i]:.0f} x {high[i]:.0f}") for i in found)


def find_tiny(sheet: Sheet, size: int) -> Finding:
    """Pictures with fewer pixels than the pack will have; left out if they are a fifth at most."""
    short = np.minimum(sheet.numbers["width"], sheet.numbers["height"])
    found = np.flatnonzero(short < size)
    kind = replace(TINY, title=f"Pictures smaller than {size} px")
    if len(found) > len(sheet) / 5:
        advice = "none: most pictures are small, so prepare with a smaller --size"
        kind = replace(kind, fix=advice, leaves=False)
    return kind.of(sheet.noted(i, f"{short[i]:.0f} px") for i in found[np.argsort(short[found])])


def find_modes(sheet: Sheet) -> Finding:
    """Pictures in unusual color modes, all of which are converted."""
    odd = {"CMYK": "ink colors", "P": "palette", "1": "black and white only", "PA": "palette"}
    files = []
    for index, mode in enumerate(sheet.modes):
        deep = mode in ("I", "F") or mode.startswith("I;")
        words = "deep grey" if deep else odd.get(mode, "" if mode in _USUAL else mode)
        words = ", ".join([one for one in (words, *sheet.notes[index]) if _telling(one)])
        if words:
            files.append(sheet.noted(index, words))
    return MODES.of(files)


GREY_PACK = "grey pack"
"""The mode of pictures in a pack with one channel."""

_USUAL = ("RGB", "RGBA", "L", "LA", GREY_PACK)


def _telling(note: str) -> bool:
    return bool(note) and not note.startswith(("enlarged", "deep grey scaled"))


def find_copies(sheet: Sheet) -> Finding:
    """Files with the same pixels as an earlier one."""
    return COPIES.of(_repeats(sheet, sheet.same, "same as"))


def find_near(sheet: Sheet) -> Finding:
    """Pictures that show the same as an earlier one: saved again, mirrored, cropped."""
    repeats = _repeats(sheet, sheet.groups, "like")
    return NEAR_COPIES.of(one for one in repeats if sheet.same[one.index] == one.index)


def _repeats(sheet: Sheet, groups: Groups, words: str) -> Iterator[Noted]:
    """Every picture whose group began with an earlier one."""
    for index, first in enumerate(groups.tolist()):
        if first != index:
            yield sheet.noted(index, f"{words} {sheet.names[first]}", first)


def find_conflicts(sheet: Sheet) -> Finding:
    """The same picture under two classes."""
    return CONFLICTS.of(
        sheet.noted(index, " / ".join(sorted(found)))
        for index, found in _straddling(sheet.groups, sheet.classes)
    )


def find_leaks(sheet: Sheet) -> Finding:
    """The same picture in training and in the hold-out."""
    return LEAKS.of(
        sheet.noted(index, sheet.splits[index])
        for index, _ in _straddling(sheet.groups, sheet.splits)
    )


def _straddling(groups: Groups, marks: Sequence[str]) -> Iterator[tuple[int, set[str]]]:
    """Every picture of a group with more than one mark (empty ones do not count), and the marks."""
    found: dict[int, set[str]] = {}
    for group, mark in zip(groups.tolist(), marks, strict=True):
        found.setdefault(group, set()).add(mark)
    for index, group in enumerate(groups.tolist()):
        if len(found[group] - {""}) > 1:
            yield index, found[group]


def find_classes(sheet: Sheet) -> Finding:
    """Classes with very few pictures, or far fewer than the largest."""
    counts = Counter(name for name in sheet.classes if name)
    largest = max(counts.values(), default=0)
    limit = max(FEW, largest / 10) if len(counts) > 1 else 0
    return SMALL_CLASSES.of(
        Noted(name, f"{number} pictures, the largest class has {largest}")
        for name, number in sorted(counts.items(), key=lambda pair: pair[1])
        if number < limit
    )


def find_outliers(sheet: Sheet, strange: Floats, known: Collection[str] = ()) -> Finding:
    """The ten pictures most unlike the rest, those that stand out first.

    ``known`` names pictures that have another fault already; they are not shown again.
    """
    usable = np.array([name not in known for name in sheet.names], np.bool_)
    values = np.where(usable, strange, -np.inf)
    order = np.argsort(-values, kind="stable")[: min(OUTLIERS, int(usable.sum()))]
    limit = robust_limit(strange[usable], STRANGE) if usable.any() else np.inf
    return STRANGE_ONES.of(
        sheet.noted(i, "stands out" if values[i] > limit else "among the rest") for i in order
    )


def find_faceless(sheet: Sheet, counts: Mapping[str, int]) -> Finding:
    """Pictures of a set of faces with no face or several; ``counts`` has their number by name."""
    words = {0: "no face"}
    return FACELESS.of(
        sheet.noted(index, words.get(counts[name], f"{counts[name]} faces"))
        for index, name in enumerate(sheet.names)
        if name in counts
    )


def robust_limit(values: Floats, times: float) -> float:
    """Median plus ``times`` robust standard deviations (1.4826 x the median deviation)."""
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    return middle + times * max(spread, 1e-6)


def strangeness(features: Floats) -> Floats:
    """The logarithm of the mean distance to the ten nearest others, float32 ``[N]``.

    Distances are between directions: each row of ``features`` is first scaled to length 1. In more
    than 20,000 rows, the others are 20,000 of them, drawn once.
    """
    return _strangeness(lambda rows: features[rows], len(features))


def plain_strangeness(squares: NDArray[np.uint8]) -> Floats:
    """The same for pictures, uint8 ``[N, S, S, C]``, by their features, a block at a time."""
    return _strangeness(lambda rows: plain_features(squares[rows]), len(squares))


def _strangeness(features_of: Callable[[Indices], Floats], count: int) -> Floats:
    others = np.arange(count)
    if count > MOST_OTHERS:
        drawn = seeds.array_generator(0, "doctor/others").permutation(count)
        others = np.sort(drawn[:MOST_OTHERS])
    near = min(NEIGHBORS, len(others) - 1)
    if near < 1:
        return np.zeros(count, np.float32)
    pieces = np.split(others, range(_BLOCK, len(others), _BLOCK))
    among = np.concatenate([_directions(features_of(some)) for some in pieces])
    found = np.empty(count, np.float32)
    for start in range(0, count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        far = 2 - 2 * _directions(features_of(rows)) @ among.T
        least = np.sort(np.partition(far.clip(0), near, axis=1)[:, : near + 1], axis=1)
        itself = np.isin(rows, others, assume_unique=True)[:, None]
        found[rows] = np.sqrt(np.where(itself, least[:, 1:], least[:, :-1])).mean(1)
    return np.asarray(np.log(found + 1e-6), np.float32)


def _directions(features: Floats) -> Floats:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-9), np.float32)


def plain_features(squares: NDArray[np.uint8]) -> Floats:
    """Simple features for when no network is installed, float32 ``[N, 256 or so]``.

    An 8 x 8 thumbnail in color, and how much of each of 64 colors (or 16 greys) there is.
    """
    count, size, _, channels = squares.shape
    side = min(8, size)
    at = np.linspace(0, size, side + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(squares.astype(np.float32), at[:-1], 1), at[:-1], 2)
    area = np.diff(at)[:, None, None] * np.diff(at)[None, :, None]
    thumbs = (sums / area / 255).reshape(count, -1)
    levels = 4 if channels == 3 else 16
    coarse = (squares.astype(np.int64) * levels) // 256
    codes = coarse @ (levels ** np.arange(channels)) + np.arange(count)[:, None, None] * levels**3
    bins = np.bincount(codes.reshape(-1), minlength=count * levels**3).reshape(count, -1)
    shares = np.sqrt(bins[:, : levels**channels] / (size * size))
    return np.concatenate([thumbs / np.sqrt(side * side), 0.5 * shares], 1).astype(np.float32)
