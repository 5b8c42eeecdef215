"""Transform: changed copies of pictures beside the originals, by short codes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from lookalike import images, seeds
from lookalike.data.augment.transforms import Chain, parse
from lookalike.data.decode.alpha import bled
from lookalike.data.decode.color_modes import on_white, plain_mode
from lookalike.data.decode.decode import in_plain_words, open_picture
from lookalike.data.decode.worker_pool import Lost, Workers
from lookalike.errors import DataError, NoImagesError, StorageError
from lookalike.images import Pixels
from lookalike.progress import Tell, silent
from lookalike.results import Result
from lookalike.settings.data import TransformSettings
from lookalike.storage_errors import storage_errors

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
AUGMENTED = re.compile(r"^.+?(__.+)+\.[^.]+$")
"""Names of files that were made by a transformation; they are not transformed again."""

_PREVIEWED = 6
_SIDE = 128
_HEAD = 34
_GAP = 4


@dataclass(frozen=True)
class Transformed(Result):
    """The final counts. ``errors`` are (file, reason)."""

    processed: int
    existing: int
    skipped_no_match: int
    skipped_augmented: int
    errors: tuple[tuple[str, str], ...]
    preview: Path | None = None
    part: str | None = None

    @property
    def failed(self) -> bool:
        """Whether nothing came of it."""
        return bool(self.errors) and not self.processed and not self.existing

    def lines(self) -> list[str]:
        """How many were made, and what was passed over."""
        if self.preview is not None:
            return [f"A preview is in {self.preview}."]
        return [
            f"{self.processed:,} pictures made, {self.existing:,} were there already.",
            f"  skipped  {self.skipped_augmented} transformed before, "
            f"{self.skipped_no_match} no pictures",
            *(f"  error    {name}: {why}" for name, why in self.errors),
        ]

    @property
    def next_step(self) -> str:
        """To make a pack of them, or them after a preview."""
        if self.preview is not None:
            return "the same command without --preview"
        if self.part is not None:
            return "the other parts (--part); with all copies there: lookalike prepare FOLDER"
        return "lookalike prepare FOLDER --to packs/a"


@dataclass(frozen=True)
class _Job:
    """One original and the new files to make of it: (chain number, place)."""

    path: Path
    name: str
    wanted: tuple[tuple[int, Path], ...]


def transform(folder: Path, settings: TransformSettings, tell: Tell = silent) -> Transformed:
    """Make changed copies of every picture under ``folder``; ``root__code__code.ext``.

    Files that exist and pictures that were made by a transformation are skipped, so that the same
    command again does nothing. The result depends on the seed, the file's name and the codes alone.
    With ``preview``, only a contact sheet is written; with ``machines.part``, the copies of the
    pictures of that part.

    Raises:
        NoImagesError: there is no folder, or no picture in it.
        DataError: a code that does not exist or does not fit.
    """
    chains = [parse(text) for text in settings.codes]
    if not chains:
        raise DataError("no code was given; for example: lookalike transform DIR fliph rot_90")
    if not folder.is_dir():
        raise NoImagesError(f"{folder} is no folder. Name the folder with the pictures.")
    part = settings.machines.only
    originals, no_match, augmented = _originals(folder)
    if not originals:
        raise NoImagesError(
            f"{folder} holds no picture to transform (looked for {', '.join(sorted(SUFFIXES))}; "
            f"{augmented} were transformed already)."
        )
    if settings.preview is not None:
        _write_preview(settings.preview, folder, originals, chains, settings)
        return Transformed(0, 0, no_match, augmented, (), settings.preview)
    jobs = [_job(folder, path, chains, settings.to or folder) for path in originals]
    if part is not None:
        jobs = [job for job in jobs if part.owns(job.name)]
    todo = [job for job in jobs if job.wanted]
    processed, errors = 0, []
    task = partial(_apply, tuple(chains), settings.seed, settings.alpha)
    with Workers(task, count=settings.workers, chunk=8) as workers:
        for done, (job, answer) in enumerate(workers.map(todo), len(jobs) - len(todo) + 1):
            if isinstance(answer, Lost):
                errors.append((job.name, answer.reason))
            else:
                processed += answer[0]
                errors += [(job.name, reason) for reason in answer[1]]
            tell("transforming pictures", done, len(jobs))
    existing = len(jobs) * len(chains) - sum(len(job.wanted) for job in jobs)
    only = None if part is None else str(part)
    return Transformed(processed, existing, no_match, augmented, tuple(errors), part=only)


def joined(parts: Sequence[Transformed]) -> Transformed:
    """The counts of all parts together."""
    return replace(
        parts[0],
        processed=sum(part.processed for part in parts),
        existing=sum(part.existing for part in parts),
        errors=tuple(sorted((error for part in parts for error in part.errors), key=_place)),
        part=None,
    )


def _place(error: tuple[str, str]) -> Path:
    """Where an error stands among others: files go by their paths, as they are looked at."""
    return Path(error[0])


def _originals(folder: Path) -> tuple[list[Path], int, int]:
    """The pictures to transform, and how many files are no pictures or transformed ones."""
    found, no_match, augmented = [], 0, 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            no_match += 1
        elif AUGMENTED.match(path.name):
            augmented += 1
        else:
            found.append(path)
    return found, no_match, augmented


def _job(folder: Path, path: Path, chains: Sequence[Chain], to: Path) -> _Job:
    name = path.relative_to(folder).as_posix()
    places = [
        (number, (to / name).with_name(f"{path.stem}{chain.suffix}{path.suffix}"))
        for number, chain in enumerate(chains)
    ]
    return _Job(
        path, name, tuple((number, place) for number, place in places if not place.exists())
    )


def _apply(
    chains: Sequence[Chain], seed: int, alpha: bool, jobs: Sequence[_Job]
) -> list[tuple[int, list[str]]]:
    """Write the wanted copies of some originals: how many, and what failed. Runs in a worker."""
    told = []
    for job in jobs:
        written, failed = 0, []
        try:
            picture = _open(job.path, alpha)
        except DataError as problem:
            told.append((0, [str(problem)]))
            continue
        for number, place in job.wanted:
            chain = chains[number]
            try:
                with storage_errors([place]):
                    _write(place, chain.apply(picture, _draw(seed, job.name, chain)))
                written += 1
            except (DataError, StorageError) as problem:
                failed.append(f"{chain.suffix.removeprefix('__')}: {problem}")
        told.append((written, failed))
    return told


def _draw(seed: int, name: str, chain: Chain) -> np.random.Generator:
    return seeds.array_generator(seed, f"transform/{name}{chain.suffix}")


def _open(path: Path, alpha: bool) -> Pixels:
    """A picture upright at its own size, uint8 ``[H, W, C]``; transparency kept, or on white."""
    with in_plain_words(), open_picture(path.read_bytes()) as picture:
        turned = plain_mode(ImageOps.exif_transpose(picture), [])
        if turned.mode == "RGBA" and alpha:
            return images.from_pillow(bled(turned, seen=1), 4)
        return images.from_pillow(on_white(turned), 1 if turned.mode == "L" else 3)


def _write(place: Path, picture: Pixels) -> None:
    """Write whole or not at all, in the format that the suffix names."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.stem}.part{place.suffix}")
    try:
        images.to_pillow(picture).save(part, quality=95)
        os.replace(part, place)
    finally:
        part.unlink(missing_ok=True)


def _write_preview(
    to: Path,
    folder: Path,
    originals: Sequence[Path],
    chains: Sequence[Chain],
    settings: TransformSettings,
) -> None:
    """A sheet: a row for each of some pictures, the original first, then every chain."""
    step = max(1, len(originals) // _PREVIEWED)
    rows = [
        [_tile(changed) for changed in _changed(path, folder, chains, settings)]
        for path in originals[::step]
    ]
    tiles = [tile for row in [row for row in rows if row][:_PREVIEWED] for tile in row]
    if not tiles:
        raise NoImagesError(f"none of the pictures of {folder} that were tried can be read.")
    heads = [_head(words) for words in ("original", *(chain.text for chain in chains))]
    columns = len(heads)
    sheets = [images.grid(np.stack(part), columns, gap=_GAP) for part in (heads, tiles)]
    to.parent.mkdir(parents=True, exist_ok=True)
    images.write_png(to, np.concatenate(sheets))


def _changed(
    path: Path, folder: Path, chains: Sequence[Chain], settings: TransformSettings
) -> Iterator[Pixels]:
    name = path.relative_to(folder).as_posix()
    try:
        picture, seed = _open(path, settings.alpha), settings.seed
        yield from [picture, *(chain.apply(picture, _draw(seed, name, chain)) for chain in chains)]
    except DataError:
        return


def _tile(picture: Pixels) -> Pixels:
    """A picture on a white square; a tiny one is enlarged by whole pixels."""
    small = images.to_pillow(images.visible(picture)).convert("RGB")
    times = max(1, _SIDE // max(small.size))
    small = small.resize((times * small.width, times * small.height), Image.Resampling.NEAREST)
    small.thumbnail((_SIDE, _SIDE))
    tile = Image.new("RGB", (_SIDE, _SIDE), "white")
    tile.paste(small, ((_SIDE - small.width) // 2, (_SIDE - small.height) // 2))
    return np.asarray(tile, np.uint8)


def _head(words: str) -> Pixels:
    """What stands over a column, a code a line."""
    head = Image.new("RGB", (_SIDE, _HEAD), "white")
    lines = words.replace(",", ",\n")
    ImageDraw.Draw(head).multiline_text((2, 2), lines, "black", ImageFont.load_default(12))
    return np.asarray(head, np.uint8)
