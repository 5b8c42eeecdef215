"""Pictures of a folder, an archive, a list or a pack in one array at one size, to be judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike import images, seeds
from lookalike.data.decode.color_modes import is_transparent
from lookalike.data.decode.decode import ReadSettings, open_picture, read_opened, read_picture
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.scratch_array import gathered, scratch_array
from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.layout import counted
from lookalike.data.readers.open import open_source
from lookalike.errors import DataError, NoImagesError
from lookalike.images import Pixels
from lookalike.progress import Tell, silent
from lookalike.sizes import shape_of

LARGEST = 256
"""The size above which pictures are not compared unless it is asked for."""

LOOK = 20
"""How many pictures say what is usual in a set."""

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Pictures:
    """uint8 ``[N, H, W, C]``, the class or sub-folder of each (or ""), and remarks."""

    pixels: Pixels
    groups: tuple[str, ...]
    notes: tuple[str, ...] = ()


def pictures_of(
    path: Path, size: int, channels: int, most: int, seed: int = 0, tell: Tell = silent
) -> Pictures:
    """Up to ``most`` pictures in the order of their names; of more, ``seed`` chooses.

    A folder is read with its sub-folders, and a zip, tar, list or pack as ``prepare`` reads it.

    Raises:
        NoImagesError: there is nothing, or nothing that can be read as a picture.
        PackError: it is a damaged pack.
    """
    settings = ReadSettings(size=size, channels=channels)
    if Pack.is_pack(path):
        return _of_pack(Pack.open(path), settings, most, seed)
    source = open_source(path)
    picked = some(len(source.files), most, seed)
    pixels = scratch_array((len(picked), *shape_of(size), channels))
    groups: list[str] = []
    widths: set[int] = set()
    for done, file in enumerate(source.loaded([source.files[row] for row in picked])):
        try:
            one = read_picture(file.read(), settings)
        except DataError as problem:
            source.refused.append((file.name, str(problem)))
            continue
        pixels[len(groups)] = one.pixels
        groups.append(_group(file))
        widths.add(one.facts.width)
        tell("reading pictures", done + 1, len(picked))
    if not groups:
        raise _nothing(path, source.refused)
    notes = []
    if source.refused:
        files = counted(len(source.refused), "file")
        name, why = source.refused[0]
        notes.append(f"{files} in {path} left out, the first: {name} {why}")
    if widths != {shape_of(size)[1]}:
        notes.append(f"pictures in {path} were resized to {size} px to match the real ones")
    return Pictures(pixels[: len(groups)], tuple(groups), tuple(notes))


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """``most`` of the numbers below ``count``, or all, as far apart as can be."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def looked_at(
    source: PictureSource, files: Sequence[PictureFile], look: Callable[[Image.Image], Seen]
) -> list[Seen]:
    """What is seen in some files of a source, opened but not decoded; unreadable ones aside."""
    seen = []
    for file in source.loaded(files):
        try:
            with open_picture(file.read()) as picture:
                seen.append(look(picture))
        except (DataError, OSError, ValueError, SyntaxError):
            continue
    return seen


def see_through(source: PictureSource) -> tuple[int, int]:
    """How many of some files of a source are transparent somewhere, and how many were looked at."""
    files = source.handy([source.files[row] for row in evenly(len(source.files), LOOK)])
    clear = looked_at(source, files, is_transparent)
    return sum(clear), len(clear)


def transparency_kept(clear: int, looked: int) -> str:
    """What to do where most pictures looked at are transparent, in a sentence; else empty."""
    if not clear or 2 * clear < looked:
        return ""
    return (
        f"{clear} of {looked} pictures looked at are transparent, which a background hides: "
        "--alpha keeps that, and new pictures are transparent, too."
    )


def some(count: int, most: int, seed: int = 0) -> NDArray[np.int64]:
    """``most`` of the numbers below ``count``, in order; the first ones would be of one class."""
    if count <= most:
        return np.arange(count)
    return np.sort(seeds.array_generator(seed, "pictures").permutation(count)[:most])


def usual_size(path: Path) -> int:
    """The middle one of the smaller sides of some pictures, at most 256.

    Raises:
        NoImagesError: none of them can be read.
    """
    if Pack.is_pack(path):
        return min(Pack.open(path).size, LARGEST)
    source = open_source(path)
    picked = evenly(len(source.files), LOOK)
    sides: list[int] = []
    for file in source.loaded([source.files[row] for row in picked]):
        try:
            read = read_picture(file.read(), ReadSettings(size=8))
        except DataError as problem:
            source.refused.append((file.name, str(problem)))
            continue
        sides.append(min(read.facts.width, read.facts.height))
    if not sides:
        raise _nothing(path, source.refused)
    return min(int(np.median(sides)), LARGEST)


def _of_pack(pack: Pack, settings: ReadSettings, most: int, seed: int) -> Pictures:
    """Training and held-out pictures alike."""
    rows = some(pack.count, most, seed)
    taken = gathered(pack.shards.take, rows)
    numbers = pack.class_numbers[rows]
    groups = tuple(pack.classes[number] if number >= 0 else "" for number in numbers)
    if (pack.size, pack.channels) == (settings.size, settings.channels):
        return Pictures(taken, groups)
    pixels = scratch_array((len(rows), *shape_of(settings.size), settings.channels))
    for row, one in enumerate(taken):
        pixels[row] = read_opened(images.to_pillow(one), settings).pixels
    note = f"pictures in {pack.path} were resized to {settings.size} px to match the real ones"
    return Pictures(pixels, groups, (note,))


def _group(file: PictureFile) -> str:
    """The class that the source gives, or the sub-folder that the file lies in."""
    return file.class_name or PurePosixPath(file.name).parent.name


def _nothing(path: Path, refused: Sequence[tuple[str, str]]) -> NoImagesError:
    first = f" ({len(refused)} refused, the first: {' '.join(refused[0])})" if refused else ""
    return NoImagesError(
        f"{path} holds no picture that can be read{first}. "
        "Name a run, a pack, or a folder or zip of pictures."
    )
