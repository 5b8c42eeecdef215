"""Edit: one thing of a photo becomes different, and the rest of it stays bit for bit."""

from __future__ import annotations

import io
import math
import shlex
from collections import Counter
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
    NOTHING,
    WAY,
    known,
    open_photo,
    originals_of,
    refuse_foreign,
    refuse_foreign_edit,
    refuse_seldom,
    refuse_unreadable,
    replaced_edit,
    sought_by,
    strip_of,
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

    @property
    def line(self) -> str:
        """What was changed, how sure it is and what stayed."""
        if self.by == NOTHING:
            return f"{self.file}: unchanged, every pixel is the photo's."
        what = " ".join(f"{name}={value}" for name, value in self.changes.items())
        sure = "" if self.success is None else f", helpers {self.success:.0%} sure"
        return (
            f"{self.file}: {what}{sure}; {self.changed:.0%} of the pixels changed, "
            f"{self.kept:.0%} of the other attributes stay."
        )


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
            found.append(one.line)
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
    _refuse_seed(photos, settings)
    work, notes = _targets(photos, to)
    targets = [target for _, target in work] or [to or _generated_target(run, settings)]
    if len(targets) == 1:
        refuse_foreign_edit(targets[0], strip=settings.strip)
    check = partial(refuse_unreadable, [path for path, _ in work])
    opened = open_editor(run, place, trust(settings.recipe), tell, check)
    wanted = wanted_change(opened.editor, settings)
    sought_by(opened.editor, settings)
    if not settings.changes:
        raise DataError(
            "Nothing was asked to change, so nothing was written. Say what, as in --set hair=bun. "
            f"{known(opened.editor)}"
        )
    if not settings.anyway:
        opened = knowing(run, opened, wanted.values, tell)
    refuse_seldom(opened.editor, wanted, settings)
    job = _Job(run, opened, wanted, settings)
    if not photos:
        photo, name = _generated(run, settings, place)
        return Edited(run.path, (_edit(job, photo, name, targets[0]),), opened.notes)
    return _edit_each(job, work, notes, tell)


def _edit_each(
    job: _Job, work: Sequence[tuple[Path, Path]], told: Sequence[str], tell: Tell
) -> Edited:
    """One photo after the other; of several, those that cannot be edited are left out."""
    run, opened = job.run, job.opened
    edits, notes = [], [*opened.notes, *told]
    for number, (path, target) in enumerate(work, 1):
        try:
            refuse_foreign_edit(target, strip=job.settings.strip)
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
        """What the sidecar and the PNG say; without a change, nothing differs."""
        generated = {} if self.settings.seed is None else {"generated": True}
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
            "by": NOTHING if change is None else change.by,
            **({"loss": self.settings.loss} if self.settings.loss else {}),
            **generated,
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
    return _apart(found, notes)


def _apart(
    work: Sequence[tuple[Path, Path]], notes: Sequence[str]
) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Each photo once and each edit in a file of its own: x.jpg and x.png have one stem."""
    found: list[tuple[Path, Path]] = []
    words = list(notes)
    first: dict[str, Path] = {}
    counts: Counter[str] = Counter()
    once: dict[Path, tuple[Path, Path]] = {}
    for path, target in work:
        once.setdefault(path.resolve(), (path, target))
    for path, target in once.values():
        # Some file systems take X.png and x.png for one file.
        key = str(target.resolve()).casefold()
        counts[key] += 1
        if counts[key] > 1:
            target = target.with_stem(f"{target.stem}-{counts[key]}")
            words.append(f"{path} goes to {target.name}: {first[key]} has the same stem.")
        first.setdefault(key, path)
        found.append((path, target))
    return found, words


def _refuse_seed(photos: Sequence[Path], settings: EditSettings) -> None:
    """Refuse a photo and a generated picture at once.

    Raises:
        DataError: both were named.
    """
    named = [] if settings.seed is None else [f"--seed {settings.seed}"]
    named += [f"--index {settings.index}"] if settings.index else []
    if photos and named:
        raise DataError(
            f"{photos[0]} and {' '.join(named)} were both given; an edit is of a photo or of a "
            "generated picture. Leave out the photo, or leave out --seed and --index."
        )


def _generated_target(run: Run, settings: EditSettings) -> Path:
    """Where the edit of a generated picture goes by itself."""
    if settings.seed is None:
        raise LookalikeError(
            "There is nothing to edit: name a photo, or a generated picture with --seed 0 "
            "--index 5."
        )
    return run.path / f"edit-{settings.seed}-{settings.index}.png"


def _generated(run: Run, settings: EditSettings, place: Place) -> tuple[Photo, str]:
    """A generated picture and its name."""
    assert settings.seed is not None
    sampler, _, _ = open_sampler(run, place, "auto", trust(settings.recipe))
    pixels = sampler.pictures(settings.seed, settings.index, 1)[0]
    return photo_of(pixels), f"seed {settings.seed}, index {settings.index}"


def _edit(job: _Job, photo: Photo, name: str, target: Path) -> EditedPhoto:
    editor, settings = job.opened.editor, job.settings
    square = images.to_network(photo.square[None])
    subject = subject_of(editor, square, sought_by(editor, settings))
    wanted = without_shown(subject, job.wanted)
    pixels, change, strip = photo.pixels.copy(), None, None
    if wanted.asks:
        change = exchange(editor, subject, wanted)
        refuse_unsure(editor, change, wanted, settings)
        pixels = compose(photo, change.edit, whole=settings.whole)
    changed = changed_share(photo.pixels, pixels)
    row = job.row(photo, name, change if changed else None)
    replaced = replaced_edit(target, row)
    write_edit(target, photo, pixels, row)
    if settings.strip and change is not None:
        strip = strip_of(target)
        whole = job.row(photo, name, change)
        _write_strip(strip, photo, strengths(editor, subject, wanted, SHOWN), whole)
    return EditedPhoto(
        photo=name,
        file=target,
        changes=dict(settings.changes),
        success=row["success"],
        kept=row["kept"],
        changed=changed,
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
    _refuse_seed(ends, settings)
    opened = open_editor(run, place, trust(settings.recipe), tell, partial(_squares, ends))
    editor = opened.editor
    subjects = [
        subject_of(editor, images.to_network(square[None]), sought_by(editor, settings))
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
