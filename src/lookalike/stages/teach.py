"""Teach: pictures with something and pictures without it become a slider of a run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike import seeds
from lookalike.data.decode.photos import read_square
from lookalike.data.readers.open import open_source
from lookalike.editing.open import OpenedEditor, keep_slider, open_editor
from lookalike.editing.photos import LEAST
from lookalike.editing.teach import lesson_of, taught
from lookalike.errors import DataError, RunError
from lookalike.images import Pixels
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.recipe import trust
from lookalike.results import Result
from lookalike.run import Run
from lookalike.settings.editing import TeachSettings

MOST = 500
"""Pictures of each kind that are looked at."""
TRIED = 120
"""Pictures of the pack that success is measured among."""


@dataclass(frozen=True)
class Taught(Result):
    """A slider that was taught, and how often it succeeds, with the 95 % interval of that."""

    run: Path
    name: str
    yes: int
    no: int
    success: float
    count: int
    file: Path
    notes: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0

    def lines(self) -> list[str]:
        """What was taught, how well, and what to type next."""
        return [
            f"{self.name}: learned from {self.yes} pictures with it and {self.no} without. It "
            f"succeeds on {self.success:.0%} ({self.low:.0%} to {self.high:.0%}) of pictures that "
            f"it had not seen (cross-validated on {self.count}).",
            *([self._seldom] if self.high < LEAST else []),
            *self.notes,
        ]

    @property
    def _seldom(self) -> str:
        return (
            f"That is below {LEAST:.0%}, so edit refuses it without --anyway. A run that was "
            "trained longer, or pictures that differ in this alone, may do better."
        )

    @property
    def next_step(self) -> str:
        """To use it, in the words that edit accepts."""
        anyway = " --anyway" if self.high < LEAST else ""
        return f"lookalike edit {shlex.quote(str(self.run))} PHOTO --set {self.name}=yes{anyway}"


def teach(run: Run, settings: TeachSettings, place: Place, tell: Tell = silent) -> Taught:
    """Learn a slider and keep it in the run folder.

    Raises:
        DataError: too few pictures can be read, or the name is that of an attribute or a number.
        RunError: the run's pack, on whose pictures success is measured, is gone.
    """
    folders = settings.check()
    opened = open_editor(run, place, trust(settings.recipe), tell)
    _refuse_name(opened, settings.name)
    if opened.pack is None:
        raise RunError(
            f"The pack of {run.path} is gone, and success is measured on its pictures. Put it back "
            "where it was."
        )
    notes: list[str] = list(opened.notes)
    kinds = [_pictures(path, opened, notes, tell) for path in folders]
    lesson = lesson_of(opened.editor, *kinds)
    split = opened.pack.holdout if len(opened.pack.holdout) >= TRIED else opened.pack.train
    order = seeds.array_generator(0, "teach/others").permutation(len(split))[:TRIED]
    slider = taught(opened.editor, settings.name, lesson, split.images(order), tell)
    file = keep_slider(run, slider, opened.key)
    return Taught(
        run=run.path,
        name=slider.name,
        yes=len(kinds[0]),
        no=len(kinds[1]),
        success=slider.success,
        count=slider.count,
        file=file,
        notes=tuple(notes),
        low=slider.low,
        high=slider.high,
    )


def _refuse_name(opened: OpenedEditor, name: str) -> None:
    taken = name in {one.name for one in opened.editor.attributes}
    if taken or name.isdigit() or "=" in name or not name.strip():
        why = "is an attribute of the pack" if taken else "is no name"
        raise DataError(f"{name!r} {why}, so a slider cannot be called so. Choose another --name.")


def _pictures(path: Path, opened: OpenedEditor, notes: list[str], tell: Tell) -> Pixels:
    """Pictures of a folder, an archive or a pack as the run's pack would hold them."""
    source = open_source(path)
    found, refused = [], []
    for number, item in enumerate(source.loaded(source.files[:MOST]), 1):
        try:
            found.append(read_square(item.read(), opened.squares))
        except DataError as problem:
            refused.append(f"{item.name} {problem}")
        tell(f"reading {path.name}", number, min(MOST, len(source.files)))
    if refused:
        notes.append(f"{len(refused)} of {path} left out, the first: {refused[0]}")
    if not found:
        raise DataError(f"{path} holds no picture that can be read. {' '.join(refused[:1])}")
    return np.stack(found)
