"""Edit: one thing of a photo becomes different, and the rest of it stays bit for bit."""

from __future__ import annotations

import io
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image

from lookalike import checkpoints, images
from lookalike.data.decode.photos import Photo, SquareSettings, photo_of
from lookalike.editing.compose import changed_share, compose
from lookalike.editing.directions import CategoryCode
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import (
    LIKELY,
    Exchanged,
    Subject,
    WantedChange,
    exchange,
    strengths,
)
from lookalike.editing.measure import subject_of
from lookalike.editing.open import OpenedEditor, knowing, open_editor
from lookalike.editing.photos import (
    WAY,
    known,
    open_photo,
    originals_of,
    refuse_foreign,
    refuse_original,
    refuse_seldom,
    refuse_unreadable,
    replaced_edit,
    write_edit,
)
from lookalike.engine.load import open_sampler
from lookalike.errors import DataError, LookalikeError
from lookalike.images import Pixels
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.recipe import trust
from lookalike.results import Result
from lookalike.run import Run
from lookalike.settings.editing import EditSettings

SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The strengths of a strip."""
STRIP_SIDE = 256
MUCH_OUTSIDE = 0.75
"""Where the generator sees less than this share of a photo, that is said."""


@dataclass(frozen=True)
class EditedPhoto:
    """One edit: the file, what was changed, the helpers' probability, and what stayed.

    ``changed`` is the share of the photo's pixels that differ, ``kept`` that of the other
    attributes whose value stays; ``measured`` is how often this succeeds on held-out pictures.
    """

    photo: str
    file: Path
    changes: dict[str, str]
    success: float | None
    kept: float
    changed: float
    by: str
    measured: dict[str, float]
    strip: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edited(Result):
    """What was written, and words about the run."""

    run: Path
    edits: tuple[EditedPhoto, ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One line for each edit, how sure it is and what stayed."""
        found = []
        for one in self.edits:
            what = " ".join(f"{name}={value}" for name, value in one.changes.items()) or "nothing"
            sure = "" if one.success is None else f", helpers {one.success:.0%} sure"
            found.append(
                f"{one.file}: {what}{sure}; {one.changed:.0%} of the pixels changed, "
                f"{one.kept:.0%} of the other attributes stay."
            )
            found += [
                f"  measured on held-out pictures: {name} succeeds {share:.0%}"
                for name, share in one.measured.items()
            ]
            found += [f"  {note}" for note in one.notes]
            found += [f"  strip  {one.strip}"] if one.strip else []
        return [*found, *self.notes]

    @property
    def next_step(self) -> str:
        """To see what else can be changed."""
        return f"lookalike directions {shlex.quote(str(self.run))}"


def edit(
    run: Run,
    photos: Sequence[Path],
    to: Path | None,
    settings: EditSettings,
    place: Place,
    tell: Tell = silent,
) -> Edited:
    """Edit photos, every photo of a folder, or (``settings.seed``) a generated picture.

    Each photo is edited on its own, so that one is the same alone and among others. ``to`` is a
    file for one photo, and a folder for several.

    Raises:
        DataError: nothing to edit, an attribute or value that the run does not know, a photo that
            cannot be read, or a change that does not succeed; of several photos none succeeded.
    """
    work, notes = _targets(photos, to)
    opened = open_editor(run, place, trust(settings.recipe), tell, partial(_refuse, work))
    wanted = wanted_change(opened.editor, settings)
    if photos and not settings.changes and not settings.whole:
        raise DataError(
            "Nothing was asked to change, so nothing was written. Say what, as in --set hair=bun. "
            f"{known(opened.editor)}"
        )
    if not settings.anyway:
        opened = knowing(run, opened, wanted.values, tell)
    refuse_seldom(opened.editor, wanted, settings)
    job = _Job(run, opened, wanted, settings)
    if not photos:
        photo, name, target = _generated(run, settings, place)
        refuse_original(to or target)
        return Edited(run.path, (_edit(job, photo, name, to or target),), opened.notes)
    edits, notes = [], [*opened.notes, *notes]
    for number, (path, target) in enumerate(work, 1):
        try:
            refuse_original(target)
            edits.append(_edit(job, open_photo(path, opened.squares), path.name, target))
        except DataError as problem:
            if len(work) == 1:
                raise
            notes.append(f"Left out: {path.name}: {problem}")
        tell("editing photos", number, len(work))
    if not edits:
        raise DataError(f"None of {len(work)} photos could be edited. {' '.join(notes[:3])}")
    return Edited(run.path, tuple(edits), tuple(notes))


@dataclass(frozen=True, eq=False)
class _Job:
    """What is the same for every photo."""

    run: Run
    opened: OpenedEditor
    wanted: WantedChange
    settings: EditSettings

    def row(self, photo: Photo, name: str, change: Exchanged | None) -> dict[str, Any]:
        """What the sidecar and the PNG say."""
        named = change is not None and bool(self.wanted.values)
        return {
            "photo": name,
            "photo_sha256": photo.digest,
            "run": self.run.path.resolve().name,
            "recipe": self.opened.recipe,
            "images_seen": self.opened.images_seen,
            "changes": dict(self.settings.changes),
            "strength": self.settings.strength,
            "whole": self.settings.whole,
            "success": round(change.success, 4) if change is not None and named else None,
            "kept": 1.0 if change is None else round(change.kept, 4),
            "by": "nothing" if change is None else change.by,
        }


def _targets(photos: Sequence[Path], to: Path | None) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Every photo with the file that its edit goes to, and words about what was passed over."""
    if len(photos) == 1 and not photos[0].is_dir():
        path = photos[0]
        return [(path, to or path.with_name(f"{path.stem}-edit.png"))], []
    found: list[tuple[Path, Path]] = []
    notes: list[str] = []
    for path in photos:
        folder = to or (path.with_name(f"{path.name}-edited") if path.is_dir() else path.parent)
        root = path if path.is_dir() else path.parent
        originals, words = originals_of(path) if path.is_dir() else ([path], [])
        notes += words
        for one in originals:
            place = folder / one.relative_to(root).parent
            found.append((one, place / f"{one.stem}-edit.png"))
    return found, notes


def _refuse(work: Sequence[tuple[Path, Path]], squares: SquareSettings) -> None:
    """Refuse what cannot be read or written, before anything is learned or measured."""
    if len(work) == 1:
        refuse_original(work[0][1])
    refuse_unreadable([path for path, _ in work], squares)


def _generated(run: Run, settings: EditSettings, place: Place) -> tuple[Photo, str, Path]:
    """A generated picture, its name, and where its edit goes."""
    if settings.seed is None:
        raise LookalikeError(
            "There is nothing to edit: name a photo, or a generated picture with --seed 0 "
            "--index 5."
        )
    sampler, _, _ = open_sampler(run, place, "auto", trust(settings.recipe))
    pixels = sampler.pictures(settings.seed, settings.index, 1)[0]
    name = f"seed {settings.seed}, index {settings.index}"
    return photo_of(pixels), name, run.path / f"edit-{settings.seed}-{settings.index}.png"


def _edit(job: _Job, photo: Photo, name: str, target: Path) -> EditedPhoto:
    editor, settings = job.opened.editor, job.settings
    subject = subject_of(editor, images.to_network(photo.square[None]))
    wanted = without_shown(subject, job.wanted)
    pixels, change, strip = photo.pixels.copy(), None, None
    if wanted.asks:
        change = exchange(editor, subject, wanted)
        refuse_unsure(editor, change, wanted, settings)
        pixels = compose(photo, change.edit, whole=settings.whole)
    row = job.row(photo, name, change)
    replaced = replaced_edit(target, row)
    write_edit(target, photo, pixels, row)
    if settings.strip and change is not None:
        strip = target.with_name(f"{target.stem}-strip.png")
        refuse_original(strip)
        _write_strip(strip, photo, strengths(editor, subject, wanted, SHOWN), row)
    return EditedPhoto(
        photo=name,
        file=target,
        changes=dict(settings.changes),
        success=row["success"],
        kept=row["kept"],
        changed=changed_share(photo.pixels, pixels),
        by=row["by"],
        measured={
            one: editor.measured[one].success for one in wanted.values if one in editor.measured
        },
        strip=strip,
        notes=(
            *photo.notes,
            *_outside(job, photo),
            *_shown_already(job, wanted),
            *([] if change is None else code_words(editor, subject, wanted, change)),
            *replaced,
        ),
    )


def _outside(job: _Job, photo: Photo) -> list[str]:
    """Words about a photo much of which lies outside of the cut; that of faces is meant so."""
    part = math.prod(photo.square.shape[:2]) / abs(float(np.linalg.det(photo.to_square[:2, :2])))
    share = part / math.prod(photo.pixels.shape[:2])
    if share >= MUCH_OUTSIDE or job.opened.squares.faces is not None:
        return []
    return [
        f"The generator sees {share:.0%} of the photo, its middle, cut as the run's pictures were; "
        "what should change has to lie there."
    ]


def _shown_already(job: _Job, left: WantedChange) -> list[str]:
    """Words about what was asked for and is shown without a change."""
    if job.wanted.strength == 0:
        return []
    return [
        f"{name}={job.settings.changes[name]} is what it shows already: that was left as it is."
        for name in job.wanted.values
        if name not in left.values
    ]


def code_words(
    editor: Editor, subject: Subject, wanted: WantedChange, change: Exchanged
) -> list[str]:
    """Words about each code that was asked for: what the photo was found to have, and has now."""
    words = []
    for name in (name for name in wanted.axes if name in editor.codes):
        axis = editor.axis(name)
        assert axis is not None, "it was asked for"
        before, after = (
            float(latent[0] @ axis.direction) for latent in (subject.found.latent, change.latent)
        )
        words.append(f"{name} was {before:+.2f} and is {after:+.2f}; its range is -1 to +1.")
    for name, value in wanted.categories.items():
        category = editor.category(name)
        assert category is not None, "it was asked for"
        before = category.read(subject.found.latent)
        words.append(f"{name} was {before}, and {value} was asked for.")
    return words


def without_shown(subject: Subject, wanted: WantedChange) -> WantedChange:
    """The same without what the photo shows already (numbers are moved all the same)."""
    values = {
        name: value
        for name, value in wanted.values.items()
        if subject.values.get(name) != value or name in wanted.amounts
    }
    if wanted.strength == 0:
        return WantedChange()
    return replace(wanted, values=values)


def refuse_unsure(
    editor: Editor, found: Exchanged, wanted: WantedChange, settings: EditSettings
) -> None:
    """Refuse a change of which helpers rather see nothing, where the whole of it was asked for.

    Raises:
        DataError: with what was measured.
    """
    if not wanted.values or settings.anyway or settings.strength != 1 or found.success >= LIKELY:
        return
    told = [
        f"{name} succeeds on {editor.measured[name].success:.0%} of held-out pictures"
        for name in wanted.values
        if name in editor.measured
    ]
    raise DataError(
        f"The change did not succeed on this photo: the helpers are {found.success:.0%} sure, and "
        f"{LIKELY:.0%} are wanted. {'; '.join(told)}{'. ' if told else ''}--anyway writes it all "
        "the same; training the run longer with labels helps most, and 'lookalike rebuild' says "
        "whether the photo is like the pack at all."
    )


def wanted_change(editor: Editor, settings: EditSettings) -> WantedChange:
    """What was asked for, in numbers.

    Raises:
        DataError: an attribute, value, axis or code that the run does not know.
    """
    values, amounts, axes, categories = {}, {}, {}, {}
    for name, text in settings.changes.items():
        attribute = editor.find(name)
        if attribute is not None:
            values[name], amount = attribute.find(text)
            if amount is not None:
                amounts[name] = amount
        elif editor.axis(name) is not None:
            axes[name] = _units(name, text)
        elif (category := editor.category(name)) is not None:
            categories[name] = _value(name, category, text)
        else:
            raise DataError(f"There is nothing called {name!r} to change. {known(editor)}")
    return WantedChange(values, amounts, axes, settings.strength, categories)


def _value(name: str, category: CategoryCode, text: str) -> int:
    if text not in map(str, category.values):
        raise DataError(
            f"{name} has the values 1 to {len(category.values)}, and no {text!r}. Example: {name}=2"
        )
    return int(text)


def _units(name: str, text: str) -> float:
    try:
        units = float(text)
    except ValueError:
        units = float("nan")
    if not -5 <= units <= 5:
        raise DataError(
            f"The axis {name} is moved by a number from -5 to 5, not {text!r}. Example: {name}=+1"
        )
    return units


def _write_strip(
    path: Path, photo: Photo, changes: Sequence[Exchanged], row: Mapping[str, Any]
) -> None:
    """The strengths of :data:`SHOWN` side by side, each at most 256 px high."""
    tiles = []
    for change in changes:
        pillow = images.to_pillow(compose(photo, change.edit))
        scale = min(1.0, STRIP_SIDE / max(pillow.size))
        wide, high = (max(1, round(side * scale)) for side in pillow.size)
        tiles.append(images.from_pillow(pillow.resize((wide, high)), photo.pixels.shape[2]))
    sheet = np.concatenate(tiles, 1)
    write_edit(path, photo_of(sheet), sheet, row)


# ---- from one photo to another --------------------------------------------------------------


@dataclass(frozen=True)
class Morphed(Result):
    """The moving picture from one photo to another."""

    file: Path
    frames: int
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Where it is."""
        return [f"{self.frames} pictures in {self.file}", *self.notes]

    @property
    def next_step(self) -> str:
        """To look at it."""
        return f"open {self.file} in a browser"


def morph(
    run: Run,
    ends: tuple[Path, Path],
    to: Path,
    settings: EditSettings,
    place: Place,
    tell: Tell = silent,
) -> Morphed:
    """The way between two photos through the generator, as a GIF or WebP of the pack's size.

    What G cannot draw of each photo fades out and in, so both ends are the photos themselves.

    Raises:
        DataError: a photo cannot be read, the file has another suffix, or is none of ours.
    """
    if to.suffix.lower() not in {".gif", ".webp"}:
        raise DataError(f"The way is written as .gif or .webp; {to} has another suffix.")
    refuse_foreign(to)
    opened = open_editor(run, place, trust(settings.recipe), tell, partial(_squares, ends))
    editor = opened.editor
    subjects = [
        subject_of(editor, images.to_network(square[None]))
        for square in _squares(ends, opened.squares)
    ]
    start, end = subjects
    shares = torch.linspace(0, 1, settings.frames)[:, None]
    latents = torch.lerp(start.found.latent, end.found.latent, shares)
    labels = None
    if start.found.labels is not None and end.found.labels is not None:
        labels = torch.lerp(start.found.labels, end.found.labels, shares)
    drawn = editor.generator.drawn(latents, labels)
    share = shares[:, :, None, None]
    rest = [one.square - one.found.drawn for one in subjects]
    pixels = images.to_pixels(drawn + (1 - share) * rest[0] + share * rest[1])
    checkpoints.write_whole(to, _moving(images.enlarge(pixels, 128), to.suffix.lower()))
    return Morphed(to, settings.frames, opened.notes)


def _squares(ends: Sequence[Path], squares: SquareSettings) -> list[Pixels]:
    return [open_photo(path, squares).square for path in ends]


def _moving(frames: Pixels, suffix: str) -> bytes:
    if suffix == ".webp":
        exif = Image.Exif()
        exif[ExifTags.Base.ImageDescription] = WAY
        return images.animation(list(frames), milliseconds=80, hold=8, exif=exif.tobytes())
    mode = images.MODES[max(3, frames.shape[-1])]
    pillows = [images.to_pillow(frame).convert(mode) for frame in frames]
    buffer = io.BytesIO()
    # A clear pixel of a frame shows no frame before it.
    cleared: dict[str, Any] = {"disposal": 2} if mode == "RGBA" else {}
    rest = {"append_images": pillows[1:], "duration": 80, "loop": 0, "comment": WAY, **cleared}
    pillows[0].save(buffer, "GIF", save_all=True, **rest)
    return buffer.getvalue()
