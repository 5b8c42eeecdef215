"""Small inputs as people bring them, and the short way to prepare them in this process."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookalike import api
from lookalike.data.pack import Pack
from lookalike.stages.prepare import Prepared


def picture(number: int, side: int = 24) -> Image.Image:
    """A soft random picture, another one for each number."""
    coarse = np.random.default_rng(number).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    picture(number).save(buffer, "PNG")
    return buffer.getvalue()


def fill(folder: Path, count: int, first: int = 0, name: str = "{:04d}.png") -> Path:
    """Some pictures in a folder: ``0000.png`` …"""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        picture(number).save(folder / name.format(number))
    return folder


def prepared(source: Path, **settings: Any) -> Prepared:
    """The pack of a source, at 16 px, beside it."""
    wanted = {"size": 16, "workers": 0, **settings}
    return api.prepare(source, source.parent / f"{source.name}.pack", **wanted)


def classes(done: Prepared) -> dict[str, str | None]:
    """The class of each picture by its name in the source."""
    return {row["source"]: row.get("class") for row in Pack.open(done.path).manifest()}


def refusals(done: Prepared) -> Mapping[str, str]:
    """The reason by the name of each file that was left out."""
    return {row["source"]: row["reason"] for row in Pack.open(done.path).refused()}
