"""Doctor: one look at a source or a pack that names everything wrong with it, and the fixes."""

from __future__ import annotations

import logging
import shlex
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import checkpoints, images, seeds
from lookalike.data.decode.picture_arrays import see_through, transparency_kept
from lookalike.data.doctor import census
from lookalike.data.doctor import findings as finds
from lookalike.data.doctor.advice import advise, histograms
from lookalike.data.doctor.census import Census
from lookalike.data.doctor.findings import Finding, Noted, Sheet
from lookalike.data.doctor.measurements import (
    Measurements,
    examining,
    pack_visits,
    source_visits,
)
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.part_folder import OnePart, PartDone, Parts
from lookalike.data.readers.base import PictureSource
from lookalike.data.readers.open import open_place
from lookalike.data.similarity.crops import candidates, is_crop
from lookalike.data.similarity.near_duplicates import Groups, connected, near_groups
from lookalike.errors import DataError, NoImagesError
from lookalike.images import Pixels
from lookalike.progress import Tell, silent
from lookalike.report.doctor_page import DoctorPage, Shown, render
from lookalike.report.page import refuse_foreign_page
from lookalike.results import Result
from lookalike.settings.data import DoctorSettings

log = logging.getLogger(__name__)

Look = Callable[[Pixels], NDArray[np.float32]]
"""Pictures uint8 ``[N, S, S, C]`` -> features ``[N, D]`` of a network."""

MOST_FEATURES = 20_000
"""Beyond this many pictures, crops and outliers are sought with simple features only."""

MOST_CROPS = 2_000
_PICTURES = 12
_NAMED = 3
_COLUMNS = ("width", "height", "brightness", "contrast", "blur", "colorful")


@dataclass(frozen=True)
class Diagnosis(Result):
    """What was found. ``leave_out`` maps files to the reason why ``prepare --fix`` skips them.

    ``not_sought`` says what was not looked for and what would bring it.
    """

    source: str
    files: int
    readable: int
    classes: dict[str, int]
    findings: tuple[Finding, ...]
    advice: tuple[str, ...]
    histograms: dict[str, dict[str, int]]
    looked_with: str
    faces: Census | None = None
    page: Path | None = None
    leave_out: dict[str, str] = field(default_factory=dict, repr=False)
    not_sought: tuple[str, ...] = ()
    size: int = DoctorSettings.size

    def of(self, kind: str) -> Finding | None:
        """The finding of this kind, if there is one."""
        return next((one for one in self.findings if one.kind == kind), None)

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, each finding with its count."""
        plain = super().as_dict()
        for values, finding in zip(plain["findings"], self.findings, strict=True):
            values["count"] = finding.count
        return plain

    def lines(self) -> list[str]:
        """The verdict, every finding with its fix, the advice, and what was not looked for."""
        lines = [f"{self.files:,} files, {self.readable:,} readable. {self.advice[0]}"]
        for finding in self.findings:
            names = ", ".join(file.name for file in finding.files[:_NAMED])
            more = " …" if finding.count > _NAMED else ""
            lines.append(f"  {finding.count:>6,}  {finding.title}: {names}{more}")
            lines.append(f"          fix: {finding.fix}")
        lines += [f"  advice  {sentence}" for sentence in self.advice[1:]]
        if self.faces is not None and self.faces.looked:
            faces = self.faces
            counts = f"{faces.none} none, {faces.one} one, {faces.several} several"
            lines.append(f"  faces   {counts}, in {faces.looked:,} of {faces.of:,} pictures")
        lines += [f"  note    {text}" for text in self.not_sought]
        return [*lines, *([f"  page    {self.page}"] if self.page else [])]

    @property
    def next_step(self) -> str:
        """To make a pack, without what was found; to train on one that is there."""
        source = shlex.quote(self.source)
        if Pack.is_pack(Path(self.source)):
            return f"lookalike train {source} --for 10m --into runs/a"
        size = "" if self.size == DoctorSettings.size else f" --size {self.size}"
        return f"lookalike prepare {source} --to packs/a{size}{' --fix' if self.leave_out else ''}"


def doctor(
    source: Path,
    page: Path | None = None,
    settings: DoctorSettings | None = None,
    look: Look | None = None,
    tell: Tell = silent,
    parts: Parts | None = None,
) -> Diagnosis:
    """Examine a folder, a zip or a pack; write one HTML page when ``page`` is given.

    ``look`` finds crops and judges outliers better than simple features do; without it, crops are
    not sought.

    Raises:
        NoImagesError: there is nothing that can be read.
        DataError: the page would be written over another file.
    """
    settings = settings or DoctorSettings()
    if page is not None:
        refuse_foreign_page(page, "--page")
    with tempfile.TemporaryFile() as squares, tempfile.TemporaryFile() as thumbs:
        measured = Measurements(squares, thumbs)
        source = Path(source)
        opened = None if Pack.is_pack(source) else _opened(source, parts, tell)
        visits = (
            pack_visits(source, tell)
            if opened is None
            else source_visits(opened, settings, tell, parts)
        )
        for visit in visits:
            measured.add(visit)
        if not measured.names:
            named = "; ".join(f"{name} {why}" for name, why in measured.refused[:3])
            raise NoImagesError(
                f"{source} holds no picture that can be read{f' ({named})' if named else ''}. "
                "Name a folder of pictures, a zip of them, or a pack."
            )
        faces = None
        if settings.faces and not settings.quick and census.installed():
            faces = _count_faces(source, measured.names, settings, tell)
        clear = "" if opened is None else transparency_kept(*see_through(opened))
        del opened, visits  # a million files are hundreds of megabytes, and were all visited
        return _Diagnosing(source, measured, settings, look, tell).run(page, faces, clear)


def doctor_part(
    source: Path, settings: DoctorSettings, parts: OnePart, tell: Tell = silent
) -> PartDone:
    """Examine the files of one part; what only the whole set shows is left to ``doctor``.

    Raises:
        DataError: the source is a pack.
    """
    if Pack.is_pack(source):
        raise DataError(
            f"{source} is a pack, which is quick to examine whole. Leave --part out, or name its "
            "source."
        )
    found = open_place(source, indexes=parts.indexes)
    with examining(found, settings) as asking:
        return parts.run_batches(
            found.batches(parts.only.owns),
            asking,
            lambda done, total: tell("examining pictures", done, found.expected(total)),
        )


def _opened(source: Path, parts: Parts | None, tell: Tell) -> PictureSource:
    """All files of a source, of which the parts may know what lies in its shards."""
    found = open_place(source, indexes=() if parts is None else parts.indexes)
    found.complete(tell)
    return found


def _count_faces(source: Path, names: list[str], settings: DoctorSettings, tell: Tell) -> Census:
    if Pack.is_pack(source):
        return census.pack_census(source, settings.seed, tell)
    return census.source_census(source, names, settings.seed, settings.workers, tell)


class _Diagnosing:
    """From the measured pictures to the diagnosis."""

    def __init__(
        self,
        source: Path,
        measured: Measurements,
        settings: DoctorSettings,
        look: Look | None,
        tell: Tell,
    ) -> None:
        self.source = source
        self.measured = measured
        self.settings = settings
        self.tell = tell
        self.look = look
        self.squares = measured.squares()
        small = len(measured.names) <= MOST_FEATURES
        self.deep = look(self.squares) if look is not None and small else None

    def run(self, page: Path | None, faces: Census | None, clear: str = "") -> Diagnosis:
        """The diagnosis; ``clear`` is a sentence about transparent pictures, if there is one."""
        sheet = self._sheet()
        kept = self._findings(sheet, faces)
        leave_out = {
            name: f"{one.title.lower()} (found by the doctor)"
            for one in reversed(kept)
            for name in one.leaves_out
        }
        diagnosis = Diagnosis(
            source=str(self.source),
            files=len(self.measured.names) + len(self.measured.refused),
            readable=len(self.measured.names),
            classes=dict(sorted(Counter(one for one in sheet.classes if one).items())),
            findings=kept,
            advice=(
                *advise(sheet, kept, len(leave_out), self.settings.size, faces),
                *([clear] if clear else []),
            ),
            histograms=histograms(sheet, faces),
            looked_with="a network's features" if self.deep is not None else "simple features",
            faces=faces,
            page=page,
            leave_out=leave_out,
            not_sought=tuple(self._not_sought(faces)),
            size=self.settings.size,
        )
        if page is not None:
            page.parent.mkdir(parents=True, exist_ok=True)
            checkpoints.write_whole(page, render(self._page(diagnosis)).encode())
        return diagnosis

    def _findings(self, sheet: Sheet, faces: Census | None) -> tuple[Finding, ...]:
        """Everything that is wrong, the gravest first."""
        strange = (
            finds.plain_strangeness(self.squares)
            if self.deep is None
            else finds.strangeness(self.deep)
        )
        found = [
            finds.UNREADABLE.of(Noted(name, why) for name, why in self.measured.refused),
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
        found.insert(-1, finds.find_outliers(sheet, strange, known))
        if faces is not None and faces.mostly:
            found.append(finds.find_faceless(sheet, dict(faces.others)))
        return tuple(one for one in found if one.count)

    def _not_sought(self, faces: Census | None) -> Iterator[str]:
        if self.settings.quick:
            return
        if faces is None:
            yield f"faces were not counted: {census.INSTALL} brings the detector"
        if self.look is None:
            yield "crops were not sought: pip install 'lookalike[features]' brings the network"

    def _sheet(self) -> Sheet:
        measured = self.measured
        columns = measured.columns()
        digests = measured.marks()[:, 0]
        _, first, owner = np.unique(digests, return_index=True, return_inverse=True)
        same = first[owner.reshape(-1)].astype(np.int64)
        blank = columns[_COLUMNS.index("contrast")] < finds.BLANK
        return Sheet(
            measured.names,
            measured.classes,
            measured.splits,
            measured.modes,
            measured.notes,
            dict(zip(_COLUMNS, columns, strict=True)),
            same,
            self._groups(same, blank),
        )

    def _groups(self, same: Groups, blank: NDArray[np.bool_]) -> Groups:
        """Near copies among the different pictures that are not blank; crops by features."""
        own = np.flatnonzero((same == np.arange(len(same))) & ~blank)
        hashes = self.measured.marks()[own, 1:]
        near = near_groups(hashes[:, 0], hashes[:, 1], self.measured.thumb_pixels(), own)
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

    def _page(self, diagnosis: Diagnosis) -> DoctorPage:
        return DoctorPage(
            title=self.source.name,
            verdict=diagnosis.advice[0],
            shares=(
                ("good", "fit to train from", diagnosis.readable - len(diagnosis.leave_out)),
                ("care", "left out by --fix", len(diagnosis.leave_out)),
                ("serious", "cannot be used", diagnosis.files - diagnosis.readable),
            ),
            figures=self._figures(diagnosis),
            advice=diagnosis.advice[1:] or ("Nothing else to do.",),
            findings=[self._shown(finding) for finding in diagnosis.findings],
            histograms=diagnosis.histograms,
            sheet=self._contact_sheet(),
            footer=f"Made by lookalike doctor. Copies and outliers were sought with hashes and "
            f"{diagnosis.looked_with}. {_looked_for_faces(diagnosis.faces)} Nothing in the source "
            "was changed.",
        )

    def _figures(self, diagnosis: Diagnosis) -> list[tuple[str, str]]:
        sides = self.measured.columns()[:2].min(0)
        figures = [
            (f"{diagnosis.files:,}", "files"),
            (f"{np.median(sides):.0f} px", "typical short side"),
        ]
        if diagnosis.classes:
            figures.append((str(len(diagnosis.classes)), "classes"))
        faces = diagnosis.faces
        if faces is not None and faces.one > faces.looked / 5:
            figures.append((f"{100 * faces.one / faces.looked:.0f} %", "show one face"))
        return figures

    def _shown(self, finding: Finding) -> Shown:
        """The first pictures of a finding; a copy together with what it is a copy of."""
        groups, count = [], 0
        for one in finding.files:
            group = []
            if one.other >= 0:
                group.append((self.squares[one.other], self.measured.names[one.other], ""))
            if one.index >= 0:
                group.append((self.squares[one.index], one.name, "" if group else one.detail))
            if group:
                groups.append(group)
            count += len(group)
            if count >= _PICTURES:
                break
        return Shown(finding, groups)

    def _contact_sheet(self) -> Pixels:
        draw = seeds.array_generator(self.settings.seed, "contact sheet")
        count = min(60, len(self.squares))
        rows = np.sort(draw.permutation(len(self.squares))[:count])
        return images.grid(self.squares[rows], columns=min(12, count), gap=2)


def _looked_for_faces(faces: Census | None) -> str:
    if faces is None:
        return f"Faces were not counted ({census.INSTALL} brings the detector)."
    return f"Faces were counted in {faces.looked:,} of {faces.of:,} pictures."
