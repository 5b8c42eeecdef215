"""Choose size, channels and recipe for a folder of pictures, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.data.decode.decode import open_picture
from lookalike.data.pack.pack import Pack
from lookalike.data.readers.open import open_source
from lookalike.errors import DataError, NoImagesError, RecipeError
from lookalike.recipe import RecipeFile, find

LOOK = 64
DEFAULT = "swift"
_WORDS = {1: "grey", 3: "color"}


@dataclass(frozen=True)
class Choice:
    """What will be made of the pictures, and why."""

    size: int
    channels: int
    recipe: str
    files: int
    typical: int
    reasons: tuple[str, ...]


def choose(source: Path, size: int | None = None, recipe: str | None = None) -> Choice:
    """Look at a sample of the files and decide.

    Raises:
        NoImagesError: not one of the files looked at can be read.
        RecipeError: there is no such recipe, or it makes no pictures of that size.
    """
    opened = open_source(source)
    files = opened.files
    picked = [files[i] for i in np.linspace(0, len(files) - 1, min(len(files), LOOK)).astype(int)]
    sides, grey = [], []
    for file in opened.loaded(picked):
        try:
            picture = open_picture(file.read())
            sides.append(min(picture.size))
            picture.thumbnail((32, 32))
            colors = np.asarray(picture.convert("RGB"), np.int16)
            grey.append(int(np.ptp(colors, axis=2).max()) <= 8)
        except (DataError, OSError, ValueError, SyntaxError):
            continue
    if not sides:
        raise NoImagesError(
            f"None of the {len(picked)} files looked at in {source} can be read as a picture. "
            "Name a folder or a zip with pictures, or see which files fail and why with: "
            f"lookalike doctor {source}"
        )
    typical = int(np.median(sides))
    made_by = find(recipe or DEFAULT)
    chosen, why = _size(typical, size, made_by)
    grey_only, reasons = all(grey), [why]
    channels = 1 if grey_only else 3
    if channels not in made_by.channels:
        channels = made_by.channels[0]
        reasons.append(f"{_WORDS[channels]}, because the recipe {made_by.name} makes no others")
    elif grey_only:
        reasons.append("grey, because none of the pictures looked at has color")
    return Choice(
        chosen, channels, recipe or DEFAULT, len(files), typical, (*reasons, _recipe_reason(recipe))
    )


def choice_of(pack: Pack, size: int | None = None, recipe: str | None = None) -> Choice:
    """The choice that a pack has made already.

    Raises:
        DataError: another size was asked for.
    """
    if size not in {None, pack.size}:
        raise DataError(
            f"--size {size} was asked for, but {pack.path} holds {pack.size} px. Leave --size out, "
            "or begin another run from the pictures themselves, into a folder of its own (--into)."
        )
    why = f"{pack.size} px, as the pack {pack.path} has them"
    return Choice(
        pack.size,
        pack.channels,
        recipe or DEFAULT,
        pack.count,
        pack.size,
        (why, _recipe_reason(recipe)),
    )


def _recipe_reason(asked: str | None) -> str:
    if asked:
        return f"recipe {asked}, as you asked"
    return (
        f"recipe {DEFAULT}, because it gives good pictures in minutes and works from a few hundred"
    )


def _size(typical: int, wanted: int | None, file: RecipeFile) -> tuple[int, str]:
    """The side in pixels, and why.

    Raises:
        RecipeError: the recipe does not make pictures of the size that is wanted.
    """
    if wanted is not None:
        if file.sizes and wanted not in file.sizes:
            raise RecipeError(
                f"--size {wanted} was asked for, and the recipe {file.name!r} makes pictures of "
                f"{' or '.join(map(str, file.sizes))} px. Nothing was prepared. Take one of these "
                "sizes, or another recipe (lookalike recipes)."
            )
        return wanted, f"{wanted} px, as you asked"
    usual = 32 if typical < 48 else 64
    if file.sizes and usual not in file.sizes:
        size = min(file.sizes, key=lambda one: abs(one - usual))
        return size, f"{size} px, because the recipe {file.name} makes no {usual} px"
    if usual == 32:
        return 32, f"32 px, because the pictures have about {typical} px"
    return 64, (
        f"64 px, because the pictures have about {typical} px and 64 trains in minutes "
        "(--size 128 costs about four times as much for each picture)"
    )
