"""Choose size, channels and recipe for a folder of pictures, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.data.decode.decode import ORIENTATION, SIDEWAYS
from lookalike.data.decode.picture_arrays import evenly, looked_at
from lookalike.data.pack.pack import Pack
from lookalike.data.readers.open import open_source
from lookalike.errors import DataError, NoImagesError, RecipeError
from lookalike.recipe import RecipeFile, find, names
from lookalike.run import Run
from lookalike.settings.options import COLORS, nearest_shape
from lookalike.sizes import read_size

LOOK = 64
ALIKE, MOSTLY, MUCH = 1.05, 0.9, 0.15
"""Pictures are of one shape where so large a share of them differs by this factor at most; where a
square leaves less than the last out, nothing is said."""
DEFAULT, LARGE = "swift", "cascade"
"""The recipe where none is asked for, up to 64 px and above."""


@dataclass(frozen=True)
class Choice:
    """What will be made of the pictures, and why."""

    size: int
    channels: int
    recipe: str
    files: int
    typical: int
    reasons: tuple[str, ...]


def usual(size: int | None) -> str:
    """The recipe for pictures of this side where none is asked for."""
    return LARGE if size in find(LARGE).sizes else DEFAULT


def choose(
    source: Path,
    size: int | None = None,
    recipe: str | None = None,
    begin_with: Run | None = None,
    alpha: bool = False,
) -> Choice:
    """Look at a sample of the files and decide; as the run has it that is to be begun with.

    ``alpha`` keeps transparency.

    Raises:
        NoImagesError: not one of the files looked at can be read.
        RecipeError: there is no such recipe, or it makes no pictures of that size or with alpha.
    """
    opened = open_source(source)
    picked = [opened.files[row] for row in evenly(len(opened.files), LOOK)]
    looks = looked_at(opened, picked, _Look.of)
    if not looks:
        raise NoImagesError(
            f"None of the {len(picked)} files looked at in {source} can be read as a picture. "
            "Name a folder or a zip with pictures, or see which files fail and why with: "
            f"lookalike doctor {source}"
        )
    typical = int(np.median([look.side for look in looks]))
    if begin_with is not None:
        if alpha and begin_with.recipe_values().get("channels") != 4:
            raise RecipeError(
                f"--alpha was asked for, and {begin_with.path} makes no transparent pictures. "
                "Nothing was prepared. Leave --alpha out, or --begin-with."
            )
        return _as_begun(begin_with, size, recipe, len(opened.files), typical)
    made_by = find(recipe or usual(size))
    chosen, why = _size(typical, size, made_by)
    channels, colors = _channels(made_by, alpha, all(look.grey for look in looks))
    reasons = [why, *colors]
    if size is None and made_by.rectangles:
        reasons += _about_shape([look.ratio for look in looks], chosen)
    name = recipe or made_by.name
    reasons.append(_recipe_reason(recipe, name, chosen))
    return Choice(chosen, channels, name, len(opened.files), typical, tuple(reasons))


@dataclass(frozen=True)
class _Look:
    """What is seen in one picture: its shorter side, width by height as shown, whether grey."""

    side: int
    ratio: float
    grey: bool

    @staticmethod
    def of(picture: Image.Image) -> _Look:
        wide, high = picture.size
        turned = picture.getexif().get(ORIENTATION) in SIDEWAYS
        picture.thumbnail((32, 32))
        colors = np.asarray(picture.convert("RGB"), np.int16)
        grey = int(np.ptp(colors, axis=2).max()) <= 8
        return _Look(min(wide, high), high / wide if turned else wide / high, grey)


def _channels(made_by: RecipeFile, alpha: bool, grey: bool) -> tuple[int, list[str]]:
    """The channels, and why, where that is to be said.

    Raises:
        RecipeError: the recipe makes no pictures with alpha.
    """
    if alpha and 4 not in made_by.channels:
        raise RecipeError(
            f"--alpha was asked for, and the recipe {made_by.name!r} makes no transparent "
            f"pictures. These do: {', '.join(r.name for r in names() if 4 in r.channels)}."
        )
    if alpha:
        return 4, ["with transparency, as you asked"]
    channels = 1 if grey else 3
    if channels not in made_by.channels:
        channels = made_by.channels[0]
        return channels, [f"{COLORS[channels]}, because the recipe {made_by.name} makes no others"]
    return channels, ["grey, because none of the pictures looked at has color"] if grey else []


def _as_begun(run: Run, size: int | None, recipe: str | None, files: int, typical: int) -> Choice:
    """The choice that goes with the weights of a run.

    Raises:
        RecipeError: another size or recipe is asked for.
    """
    values = run.recipe_values()
    name, side = str(values.get("name")), read_size(values.get("size", 0))
    if size not in {None, side} or find(recipe or name).name != name:
        raise RecipeError(
            f"{run.path} was trained at {side} px with the recipe {name}, and its weights fit "
            "nothing else. Nothing was prepared. Leave --size and --recipe out, or --begin-with."
        )
    channels = int(values.get("channels", 3))
    reason = f"{side} px, {COLORS.get(channels)}, recipe {name}, as {run.path} was trained"
    return Choice(side, channels, recipe or name, files, typical, (reason,))


def begun_with(run: Run) -> str | None:
    """The recipe that a run was begun with, where ``start`` may have chosen it, today or before."""
    name = run.recipe_values().get("name") if run.exists else None
    return name if name in (DEFAULT, LARGE) else None


def choice_of(
    pack: Pack,
    size: int | None = None,
    recipe: str | None = None,
    begun: str | None = None,
    *,
    alpha: bool = False,
) -> Choice:
    """The choice that a pack has made already, and the run that was ``begun`` with a recipe.

    Raises:
        DataError: another size was asked for, or alpha where the pack has none.
    """
    if alpha and pack.channels != 4:
        raise DataError(
            f"--alpha was asked for, but {pack.path} holds pictures in {COLORS[pack.channels]}. "
            "Leave --alpha out, or begin another run from the pictures themselves, into a folder "
            "of its own (--into)."
        )
    if size not in {None, pack.size}:
        raise DataError(
            f"--size {size} was asked for, but {pack.path} holds {pack.size} px. Leave --size out, "
            "or begin another run from the pictures themselves, into a folder of its own (--into)."
        )
    why = f"{pack.size} px, as the pack {pack.path} has them"
    name = recipe or begun or usual(pack.size)
    reasons = (why, _recipe_reason(recipe, name, pack.size))
    return Choice(pack.size, pack.channels, name, pack.count, pack.size, reasons)


def _recipe_reason(asked: str | None, name: str, size: int) -> str:
    if asked:
        return f"recipe {asked}, as you asked"
    if name == LARGE:
        return (
            f"recipe {LARGE}, because at {size} px a step of {DEFAULT} takes many times as long: "
            "first small pictures are learned, then what large ones have more "
            f"(--recipe {DEFAULT} trains at {size} px from the beginning)"
        )
    return (
        f"recipe {DEFAULT}, because it gives good pictures in minutes and works from a few hundred"
    )


def _about_shape(ratios: Sequence[float], size: int) -> Iterator[str]:
    """That squares cut much off, where nearly all pictures have one other shape."""
    ratio = float(np.median(ratios))
    like = np.abs(np.log(ratios) - np.log(ratio)) < np.log(ALIKE)
    lost = 1 - min(ratio, 1 / ratio)
    if like.mean() >= MOSTLY and lost >= MUCH:
        kept = nearest_shape(ratio, size)
        yield f"a square leaves {lost:.0%} of each picture out (--size {kept} keeps their shape)"


def _size(typical: int, wanted: int | None, file: RecipeFile) -> tuple[int, str]:
    """The side in pixels, and why.

    Raises:
        RecipeError: the recipe does not make pictures of the size that is wanted.
    """
    if wanted is not None:
        if not file.serves(wanted):
            able = [one.name for one in names() if one.sizes and one.serves(wanted)]
            instead = f" These make {wanted} px: {', '.join(able)}." if able else ""
            raise RecipeError(
                f"--size {wanted} was asked for, and the recipe {file.name!r} makes pictures of "
                f"{' or '.join(map(str, file.sizes))} px. Nothing was prepared. Take one of these "
                f"sizes, or another recipe (lookalike recipes).{instead}"
            )
        return wanted, f"{wanted} px, as you asked"
    usual = 32 if typical < 48 else 64
    if file.sizes and usual not in file.sizes:
        size = min(file.sizes, key=lambda size: abs(size - usual))
        return size, f"{size} px, because the recipe {file.name} makes no {usual} px"
    if usual == 32:
        return 32, f"32 px, because the pictures have about {typical} px"
    return 64, (
        f"64 px, because the pictures have about {typical} px and 64 trains in minutes "
        "(--size 128 or 256 takes about twice the time for pictures as good)"
    )
