"""Choose size, channels and recipe for a folder of pictures, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.data.decode.decode import open_picture
from lookalike.data.readers.open import open_source
from lookalike.errors import DataError, NoImagesError

LOOK = 64


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
    channels = 1 if all(grey) else 3
    chosen, why = _size(typical, size)
    reasons = [why]
    if channels == 1:
        reasons.append("grey, because none of the pictures looked at has color")
    name = recipe or "swift"
    reasons.append(
        f"recipe {name}, as you asked"
        if recipe
        else "recipe swift, because it gives good pictures in minutes and works from a few hundred"
    )
    return Choice(chosen, channels, name, len(files), typical, tuple(reasons))


def _size(typical: int, wanted: int | None) -> tuple[int, str]:
    if wanted is not None:
        return wanted, f"{wanted} px, as you asked"
    if typical < 48:
        return 32, f"32 px, because the pictures have about {typical} px"
    return 64, (
        f"64 px, because the pictures have about {typical} px and 64 trains in minutes "
        "(--size 128 costs about four times as much for each picture)"
    )
