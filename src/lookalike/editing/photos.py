"""Photos on their way in and out of editing: read, refused, and written with what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from lookalike import checkpoints
from lookalike.data.decode.photos import Photo, SquareSettings, encode_photo, read_photo
from lookalike.data.readers.base import BYTE_LIMIT
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import WantedChange
from lookalike.editing.inversion import InversionSettings, weights_of
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.settings.editing import EditSettings

LEAST = 0.6
"""Changes that succeed less often on held-out pictures are refused."""
MARK = "lookalike:edited"
"""The PNG text that says that a picture is an edit of ours."""
NOTHING = "nothing"
"""What it says, and what changed a picture, where no pixel differs."""
REBUILT = "lookalike:rebuilt"
"""The PNG text that says that a picture shows a photo and what was found of it."""
WAY = "lookalike: from one photo to another, drawn by a generative network"
"""What a moving picture says of itself: the comment of a GIF, the description of a WebP."""
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic"}


def open_photo(path: Path, squares: SquareSettings) -> Photo:
    """Read a photo, within the limits of every reader.

    Raises:
        DataError: it cannot be read, with its name.
    """
    try:
        with path.open("rb") as file:
            data = file.read(BYTE_LIMIT + 1)
    except OSError as problem:
        raise DataError(f"{path} cannot be opened ({problem.strerror or problem}).") from problem
    try:
        return read_photo(data, squares)
    except DataError as problem:
        raise DataError(f"{path} {problem}.") from problem


def refuse_unreadable(photos: Sequence[Path], squares: SquareSettings) -> None:
    """Refuse photos of which not one can be read; the others are not opened yet.

    Raises:
        DataError: the reason of the only photo, or the first ones of several.
    """
    reasons = []
    for path in photos:
        try:
            open_photo(path, squares)
        except DataError as problem:
            if len(photos) == 1:
                raise
            reasons.append(str(problem))
        else:
            return
    if reasons:
        raise DataError(f"None of {len(photos)} photos can be read. {' '.join(reasons[:3])}")


def photos_of(folder: Path) -> list[Path]:
    """The files of a folder and its sub-folders that are named as pictures are, in order."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    found = [path for path in found if not path.name.startswith(".")]
    if not found:
        raise DataError(f"{folder} holds no picture. Name a photo, or a folder of photos.")
    return found


def originals_of(folder: Path) -> tuple[list[Path], list[str]]:
    """The photos of a folder without what editing wrote there, and words about that.

    Raises:
        DataError: nothing is left.
    """
    found = photos_of(folder)
    edits = {path for path in found if _is_ours(path)}
    if not edits:
        return found, []
    words = f"{len(edits)} of {len(found)} pictures in {folder} are edits of ours ({min(edits)})"
    if len(edits) == len(found):
        raise DataError(f"{words}, and no photo. To edit one of them again, name it.")
    notes = [f"{words}, and were passed over. To edit one of them again, name it."]
    return [path for path in found if path not in edits], notes


def refuse_original(
    target: Path,
    why: str = "An edit is written as PNG, so that the rest of the photo stays as it is",
) -> None:
    """Refuse to write over anything but a picture of ours, and anything but a PNG (``why``).

    Raises:
        DataError: it is another file.
    """
    if target.suffix.lower() != ".png":
        raise DataError(f"{why}: {target} needs the suffix .png.")
    refuse_foreign(target)


def refuse_foreign_edit(target: Path, *, strip: bool = False) -> None:
    """Refuse an edit where one of its files (picture, JSON, strip) is somebody else's.

    Raises:
        DataError: the target is no PNG, or there is another file.
    """
    for picture in [target, strip_of(target)] if strip else [target]:
        refuse_original(picture)
        side = picture.with_suffix(".json")
        if side.exists() and not _is_side_file(side):
            raise DataError(
                f"{side} exists and is no text of an edit of ours, so nothing was written "
                f"(it would lie beside {picture.name}). Name another file with --to."
            )


def strip_of(target: Path) -> Path:
    """Where the strengths of an edit go, side by side."""
    return target.with_name(f"{target.stem}-strip.png")


def refuse_foreign(target: Path) -> None:
    """Refuse to write over anything but what editing has made.

    Raises:
        DataError: it is another file.
    """
    if target.exists() and not _is_ours(target):
        raise DataError(
            f"{target} exists and is no edit of ours, so nothing was written. Name another file "
            "with --to."
        )


def _is_ours(path: Path) -> bool:
    """Whether editing has written a file, by what it says of itself."""
    try:
        with Image.open(path) as picture:
            info, about = picture.info, picture.getexif().get(ExifTags.Base.ImageDescription)
    except (OSError, ValueError, SyntaxError):
        return False
    marked = MARK in info or REBUILT in info
    return marked or about == WAY or info.get("comment") == WAY.encode()


def _is_side_file(path: Path) -> bool:
    """Whether editing has written a JSON file, by what it says of itself."""
    try:
        row = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(row, dict) and isinstance(row.get("edited"), bool) and "photo_sha256" in row


def replaced_edit(target: Path, row: Mapping[str, Any]) -> list[str]:
    """Words about the edit that is written over, where it was made of or by something else."""
    try:
        with Image.open(target) as picture:
            info = picture.info
    except OSError:
        return []
    if MARK not in info or all(info.get(key) == text for key, text in _text(row).items()):
        return []
    return [
        f"It takes the place of an earlier edit of {info.get('lookalike:photo', 'a photo')} "
        f"({info[MARK]}). To keep both, name another file with --to."
    ]


def known(editor: Editor) -> str:
    """What can be changed, in words."""
    names = [one.name for one in editor.changeable]
    axes = [editor.names.get(n, str(n)) for n in range(1, len(editor.axes) + 1)]
    told = f"There are: {', '.join(names)}. " if names else ""
    codes = f"; codes: {', '.join(editor.codes)}" if editor.codes else ""
    return f"{told}Axes without labels: {', '.join(axes)}{codes} (lookalike directions shows them)."


def refuse_seldom(editor: Editor, wanted: WantedChange, settings: EditSettings) -> None:
    """Refuse what succeeds on too few held-out pictures, before anything is done.

    Sliders were measured with few pictures: one is refused where its interval ends below the limit.

    Raises:
        DataError: naming what was measured.
    """
    if settings.anyway:
        return
    sliders = {slider.name: slider for slider in editor.sliders if slider.high < LEAST}
    for name in wanted.values:
        known_share = sliders[name].success if name in sliders else None
        if name in editor.measured:
            known_share = editor.measured[name].success
        if known_share is not None and known_share < LEAST:
            raise DataError(
                f"Changing {name} succeeds on {known_share:.0%} of held-out pictures only, and "
                f"{LEAST:.0%} are asked for. --anyway tries it; training the run longer, with "
                "--labels, makes it succeed more often."
            )


def sought_by(editor: Editor, settings: EditSettings) -> InversionSettings | None:
    """How latents of photos are sought where a loss was asked for; None is as always.

    Raises:
        DataError: nothing is sought, since the run takes labels and reads photos by itself.
    """
    if settings.loss is None:
        return None
    if editor.generator.frame.labels and editor.generator.reads:
        raise DataError(
            "--loss says by what a latent is sought, and with this run none is: it takes labels, "
            "and its encoder's answer is used as it is. Leave --loss out; 'lookalike rebuild' "
            "compares losses with any run."
        )
    return InversionSettings(losses=weights_of(settings.loss))


def edit_text(changes: str, row: Mapping[str, Any]) -> dict[str, str]:
    """What an edited PNG says of itself."""
    told = {
        f"lookalike:{name.replace('_', '-')}": str(value)
        for name, value in row.items()
        if name != "changes" and value is not None
    }
    return {**_marks(changes, row), **told, "Software": "lookalike"}


def _marks(changes: str, row: Mapping[str, Any]) -> dict[str, str]:
    """Whether a network made all of a picture, part of it or nothing."""
    edited = row.get("by") != NOTHING
    marks = {MARK: changes if changes and edited else NOTHING}
    if row.get("generated"):
        comment = "this picture was made by a generative network"
        return {**marks, "lookalike:synthetic": "yes", "Comment": comment}
    if not edited:
        return {**marks, "Comment": "unchanged: every pixel is that of the photo"}
    comment = "edited: part of this picture was made by a generative network"
    return {**marks, "lookalike:synthetic": "edited", "Comment": comment}


def _text(row: Mapping[str, Any]) -> dict[str, str]:
    return edit_text(" ".join(f"{name}={value}" for name, value in row["changes"].items()), row)


def write_edit(target: Path, photo: Photo, pixels: Pixels, row: Mapping[str, Any]) -> None:
    """The PNG with its text, and beside it the same as JSON."""
    target.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.write_whole(target, encode_photo(photo, pixels, _text(row)))
    told = json.dumps({"edited": row["by"] != NOTHING, **row}, indent=1, ensure_ascii=False)
    checkpoints.write_whole(target.with_suffix(".json"), f"{told}\n".encode())
