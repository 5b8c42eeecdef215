"""Doctor: one look at a source or a pack that names everything wrong with it, and the fixes."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import images, seeds
from lookalike.data import findings as finds
from lookalike.data.crops import candidates, is_crop
from lookalike.data.findings import SERIOUS, Finding, Noted, Sheet
from lookalike.data.groups import Groups, connected, near_groups
from lookalike.data.pack import Pack
from lookalike.data.page import Chart, Page, Shown, render
from lookalike.data.ward import Ward, pack_visits, source_visits
from lookalike.errors import NoImagesError
from lookalike.images import Pixels
from lookalike.telling import Tell, silent

log = logging.getLogger(__name__)

Look = Callable[[Pixels], NDArray[np.float32]]
"""Pictures uint8 ``[N, S, S, C]`` -> features ``[N, D]`` of a network."""

MOST_FEATURES = 20_000
"""Beyond this many pictures, crops and outliers are sought with simple features only."""

MOST_CROPS = 2_000
_PICTURES = 12
_COLUMNS = ("width", "height", "brightness", "contrast", "blur", "colorful")


@dataclass(frozen=True, kw_only=True)
class DoctorSettings:
    """How the doctor looks. ``size`` is the side that the pack is to have."""

    size: int = 64
    least: int = 8
    seed: int = 0
    workers: int | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What was found. ``leave_out`` maps files to the reason why ``prepare --fix`` skips them."""

    source: str
    files: int
    readable: int
    classes: dict[str, int]
    findings: tuple[Finding, ...]
    advice: tuple[str, ...]
    histograms: dict[str, dict[str, int]]
    looked_with: str
    page: Path | None = None
    leave_out: dict[str, str] = field(default_factory=dict, repr=False)

    def of(self, kind: str) -> Finding | None:
        """The finding of this kind, if there is one."""
        return next((one for one in self.findings if one.kind == kind), None)

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        kept = asdict(self)
        kept["page"] = str(self.page) if self.page else None
        for one, finding in zip(kept["findings"], self.findings, strict=True):
            one["count"] = finding.count
        return kept


def doctor(
    source: Path,
    page: Path | None = None,
    settings: DoctorSettings | None = None,
    look: Look | None = None,
    tell: Tell = silent,
) -> Diagnosis:
    """Examine a folder, a zip or a pack; write one HTML page when ``page`` is given.

    ``look`` finds crops and judges outliers better than simple features do; without it, crops are
    not sought.

    Raises:
        NoImagesError: there is nothing that can be read.
    """
    settings = settings or DoctorSettings()
    with tempfile.TemporaryFile() as squares:
        ward = Ward(squares)
        source = Path(source)
        visits = (
            pack_visits(source, tell)
            if Pack.is_pack(source)
            else source_visits(source, settings.least, settings.workers, tell)
        )
        for visit in visits:
            ward.admit(visit)
        if not ward.names:
            named = "; ".join(f"{name} {why}" for name, why in ward.refused[:3])
            raise NoImagesError(
                f"{source} holds no picture that can be read{f' ({named})' if named else ''}. "
                "Name a folder of pictures, a zip of them, or a pack."
            )
        return _Diagnosing(source, ward, settings, look, tell).run(page)


class _Diagnosing:
    """From the measured pictures to the diagnosis."""

    def __init__(
        self, source: Path, ward: Ward, settings: DoctorSettings, look: Look | None, tell: Tell
    ) -> None:
        self.source = source
        self.ward = ward
        self.settings = settings
        self.tell = tell
        self.squares = ward.squares()
        small = len(ward.names) <= MOST_FEATURES
        self.deep = look(self.squares) if look is not None and small else None

    def run(self, page: Path | None) -> Diagnosis:
        sheet = self._sheet()
        features = self.deep if self.deep is not None else finds.plain_features(self.squares)
        found = [
            self._unreadable(),
            finds.find_conflicts(sheet),
            finds.find_leaks(sheet),
            finds.find_blanks(sheet),
            finds.find_copies(sheet),
            finds.find_near(sheet),
            finds.find_blurred(sheet),
            finds.find_long(sheet),
            finds.find_tiny(sheet, self.settings.size),
            finds.find_classes(sheet),
            finds.find_modes(sheet),
        ]
        known = {name for one in found for name in one.leaves_out}
        found.insert(-1, finds.find_outliers(sheet, finds.strangeness(features), known))
        kept = tuple(one for one in found if one.count)
        leave_out = {
            name: f"{one.title.lower()} (found by the doctor)"
            for one in reversed(kept)
            for name in one.leaves_out
        }
        diagnosis = Diagnosis(
            source=str(self.source),
            files=len(self.ward.names) + len(self.ward.refused),
            readable=len(self.ward.names),
            classes=dict(sorted(Counter(one for one in sheet.classes if one).items())),
            findings=kept,
            advice=tuple(_advice(sheet, kept, len(leave_out), self.settings.size)),
            histograms=_histograms(sheet),
            looked_with="a network's features" if self.deep is not None else "simple features",
            page=page,
            leave_out=leave_out,
        )
        if page is not None:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(render(self._page(diagnosis)), encoding="utf-8")
        return diagnosis

    def _sheet(self) -> Sheet:
        ward = self.ward
        columns = np.array(ward.numbers, np.float32).T
        digests = np.array([one[0] for one in ward.marks])
        _, first, owner = np.unique(digests, return_index=True, return_inverse=True)
        same = first[owner.reshape(-1)].astype(np.int64)
        blank = columns[_COLUMNS.index("contrast")] < finds.BLANK
        return Sheet(
            ward.names,
            ward.classes,
            ward.splits,
            ward.modes,
            ward.notes,
            dict(zip(_COLUMNS, columns, strict=True)),
            same,
            self._groups(same, blank),
        )

    def _groups(self, same: Groups, blank: NDArray[np.bool_]) -> Groups:
        """Near copies among the different pictures that are not blank; crops by features."""
        own = np.flatnonzero((same == np.arange(len(same))) & ~blank)
        hashes = np.array([one[1:] for one in self.ward.marks], np.uint64)[own]
        near = near_groups(hashes[:, 0], hashes[:, 1], self.ward.thumb_pixels()[own])
        pairs = [np.stack([own, own[near]], 1), np.stack([np.arange(len(same)), same], 1)]
        if self.deep is not None:
            pairs.append(own[self._crops(self.deep[own], self.squares[own], near)].reshape(-1, 2))
        return connected(len(same), np.concatenate(pairs))

    def _crops(self, features: NDArray[np.float32], squares: Pixels, near: Groups) -> Groups:
        proposed = candidates(features)
        proposed = proposed[near[proposed[:, 0]] != near[proposed[:, 1]]]
        unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
        close = np.einsum("nd,nd->n", unit[proposed[:, 0]], unit[proposed[:, 1]])
        proposed = proposed[np.argsort(-close)[:MOST_CROPS]]
        kept = []
        for done, (one, other) in enumerate(proposed.tolist(), 1):
            if is_crop(squares[one], squares[other]):
                kept.append((one, other))
            self.tell("looking for crops", done, len(proposed))
        return np.array(kept, np.int64).reshape(-1, 2)

    def _unreadable(self) -> Finding:
        files = tuple(Noted(name, why) for name, why in self.ward.refused)
        return Finding(
            "unreadable",
            "Files that cannot be used",
            SERIOUS,
            "Truncated, empty, not pictures, or of an impossible size.",
            "left out and listed in the pack",
            files,
        )

    def _page(self, diagnosis: Diagnosis) -> Page:
        shown = [self._shown(finding) for finding in diagnosis.findings]
        wrong = sum(one.finding.count for one in shown if one.finding.level != finds.NOTE)
        tiles = [
            ("files", f"{diagnosis.files:,}"),
            ("readable", f"{diagnosis.readable:,}"),
            ("findings to fix", f"{wrong:,}"),
            ("left out by --fix", f"{len(diagnosis.leave_out):,}"),
        ]
        if diagnosis.classes:
            tiles.append(("classes", str(len(diagnosis.classes))))
        charts = [
            Chart(title, list(bars), list(bars.values()))
            for title, bars in diagnosis.histograms.items()
        ]
        return Page(
            title=self.source.name,
            verdict=diagnosis.advice[0],
            tiles=tiles,
            advice=diagnosis.advice[1:] or ("Nothing else to do.",),
            findings=shown,
            charts=charts,
            sheet=self._contact_sheet(),
            footer=f"Made by lookalike doctor. Copies and outliers were sought with hashes and "
            f"{diagnosis.looked_with}. Nothing in the source was changed.",
        )

    def _shown(self, finding: Finding) -> Shown:
        pictures = []
        for one in finding.files:
            if one.other >= 0:
                pictures.append((self.squares[one.other], self.ward.names[one.other], ""))
            if one.index >= 0:
                pictures.append((self.squares[one.index], one.name, one.detail))
            if len(pictures) >= _PICTURES:
                break
        return Shown(finding, pictures)

    def _contact_sheet(self) -> Pixels:
        draw = seeds.array_generator(self.settings.seed, "contact sheet")
        count = min(60, len(self.squares))
        rows = np.sort(draw.permutation(len(self.squares))[:count])
        return images.grid(self.squares[rows], columns=min(12, count), gap=2)


def _histograms(sheet: Sheet) -> dict[str, dict[str, int]]:
    short = np.minimum(sheet.numbers["width"], sheet.numbers["height"])
    wide, high = sheet.numbers["width"], sheet.numbers["height"]
    found = {
        "Short side in pixels": _bars(short, (0, 32, 64, 128, 256, 512, 1024, 2048)),
        "Brightness": _bars(sheet.numbers["brightness"], tuple(range(0, 256, 32))),
        "Width / height": _bars(wide / np.maximum(high, 1), (0, 0.4, 0.67, 0.9, 1.11, 1.5, 2.5)),
        "Blur": _bars(sheet.numbers["blur"], (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),
    }
    counts = Counter(name for name in sheet.classes if name)
    if counts:
        found["Pictures in each class"] = dict(counts.most_common(12))
    return found


def _bars(values: NDArray[Any], edges: Sequence[float]) -> dict[str, int]:
    """Counts in [edge, next edge), the last one open; labelled by the lower edge."""
    place = np.searchsorted(np.asarray(edges[1:], np.float64), values, side="right")
    counts = np.bincount(place, minlength=len(edges))
    return {f"{edge:g}+": int(count) for edge, count in zip(edges, counts, strict=True)}


def _advice(sheet: Sheet, findings: Sequence[Finding], left_out: int, size: int) -> Iterator[str]:
    """Plain sentences, the verdict first."""
    kept = len(sheet) - left_out
    yield _verdict(kept, size)
    by: Mapping[str, Finding] = {one.kind: one for one in findings}
    fixable = [one.title.lower() for one in findings if one.leaves_out]
    if fixable:
        yield (
            f"'lookalike prepare SOURCE --to PACK --fix' leaves {left_out} pictures out: "
            f"{', '.join(fixable)}."
        )
    short = np.minimum(sheet.numbers["width"], sheet.numbers["height"])
    middle = float(np.median(short))
    if middle < size:
        yield f"The typical picture has {middle:.0f} px, less than {size}: use a smaller --size."
    elif middle >= 2 * size:
        yield f"The typical picture has {middle:.0f} px, so a size above {size} is possible, too."
    if "balance" in by:
        named = ", ".join(f"{one.name} ({one.detail})" for one in by["balance"].files[:3])
        yield f"Small classes: {named}."
    if "conflict" in by:
        yield f"{by['conflict'].count} files show the same picture under two classes: look at them."
    if "leak" in by:
        yield "The hold-out was seen in training: prepare the pack again before trusting scores."
    if len(sheet) and float((sheet.numbers["colorful"] < 2).mean()) > 0.95:
        yield "Nearly all pictures are grey: prepare with --grey, which trains faster."
    careful = [one for one in findings if one.kind == "outlier"]
    strange = sum(one.detail == "stands out" for found in careful for one in found.files)
    if strange:
        yield f"{strange} of the ten pictures most unlike the rest stand out: do they belong here?"


def _verdict(kept: int, size: int) -> str:
    if kept < 16:
        return f"{kept} usable pictures: too few to train on; at least 16, better some hundreds."
    if kept < 100:
        return f"{kept} usable pictures: few. Expect near copies of them; some hundreds do better."
    if kept < 1000:
        return f"{kept} usable pictures: enough for {min(size, 64)} px with the default recipe."
    return f"{kept:,} usable pictures: enough for {size} px with the default recipe."
