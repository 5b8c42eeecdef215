"""Generate: new pictures from a run, each a function of its seed and index only."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lookalike import images
from lookalike.engine.load import open_sampler, training_pack
from lookalike.errors import LookalikeError, RunError
from lookalike.images import Pixels
from lookalike.metrics.copies.copy_filter import CopyCheck, CopyFilter, copy_check
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.recipe import Drawing, trust
from lookalike.results import Result
from lookalike.run import Run
from lookalike.settings.pictures import GenerateSettings


@dataclass(frozen=True)
class Generated(Result):
    """What was made, how many copies of training pictures were left out, and remarks.

    ``pictures`` are uint8 ``[N, H, W, C]`` where no folder was named, and else None.
    """

    folder: Path | None
    count: int
    seed: int
    images_seen: int
    recipe: str
    grid: Path | None = None
    copies: int = 0
    notes: tuple[str, ...] = ()
    run: Path | None = None
    pictures: Pixels | None = field(
        default=None, repr=False, compare=False, metadata={"json": False}
    )

    @property
    def failed(self) -> bool:
        """Whether nothing came of it."""
        return self.count == 0

    def images(self) -> list[Image.Image]:
        """The pictures as Pillow has them, also of those in the folder."""
        if self.pictures is not None:
            return [images.to_pillow(picture) for picture in self.pictures]
        assert self.folder is not None
        return [Image.open(file) for file in sorted(self.folder.glob("[0-9]*.png"))]

    @property
    def next_step(self) -> str:
        """To measure how good they are."""
        return f"lookalike evaluate {shlex.quote(str(self.run or 'RUN'))}"

    def lines(self) -> list[str]:
        """Where they are, what they came from, and what was left out."""
        where = f" in {self.folder}" if self.folder else ""
        lines = [
            f"{self.count:,} pictures{where} (seed {self.seed}, {self.recipe} after "
            f"{self.images_seen:,} images)."
        ]
        if self.copies:
            lines.append(
                f"{self.copies:,} copies of training pictures were left out, and others took their "
                "place (--keep-copies keeps them)."
            )
        return [*lines, *self.notes, *([f"  grid  {self.grid}"] if self.grid else [])]

    def _repr_png_(self) -> bytes | None:
        """How a notebook shows pictures that are in no folder."""
        if self.pictures is None or not len(self.pictures):
            return None
        return images.encode_png(images.grid(images.enlarge(self.pictures[:SHOWN], 64)))


TRIES, LEAST_TRIES = 4, 64
"""When this many times the count (and at least 64) were tried, a run that copies is given up."""

SHOWN = 100
"""How many pictures stand on a grid."""


def generate(
    run: Run, to: Path | None, settings: GenerateSettings, place: Place, tell: Tell = silent
) -> Generated:
    """Make ``count`` pictures from ``first`` on, as PNG files named by their index, or in memory.

    Pictures that copy a training picture are left out, and the next indices take their place.
    Memory does not grow with the count of files: they are written by threads, some blocks ahead.

    Raises:
        LookalikeError: the class is not one of the run's.
    """
    sampler, chosen, seen = open_sampler(
        run, place, settings.checkpoint, trust(settings.recipe), settings.candidates
    )
    wanted = _label(run, chosen, settings.label)
    check, note = (None, None) if settings.keep_copies else _copy_check(run, tell)
    kept = CopyFilter(check)
    most = settings.count if check is None else max(TRIES * settings.count, LEAST_TRIES)
    blocks = sampler.blocks(settings.seed, settings.first, most, wanted)
    written, shown = 0, list[Pixels]()
    with _Files(to, _text(run, chosen, seen, settings), settings) as files:
        for indices, block in kept.of(blocks, settings.count):
            shown += list(block) if to is None else list(block[: max(0, SHOWN - len(shown))])
            files.write(indices, block)
            written += len(indices)
            tell("generating", written, settings.count)
    stacked = np.stack(shown) if shown else np.zeros((0, 1, 1, 3), np.uint8)
    return Generated(
        folder=to,
        count=written,
        seed=settings.seed,
        images_seen=seen,
        recipe=chosen.name,
        grid=_grid(to, stacked, settings) if to is not None and settings.grid and shown else None,
        copies=kept.dropped,
        notes=(
            *([why] if (why := run.why(settings.checkpoint)) else []),
            *_notes(kept, written, settings, note or (check.note if check else None)),
        ),
        run=run.path,
        pictures=stacked if to is None else None,
    )


def _text(run: Run, chosen: Drawing, seen: int, settings: GenerateSettings) -> dict[str, str]:
    """What a PNG says of where it comes from."""
    return {
        "lookalike:run": run.path.resolve().name,
        "lookalike:recipe": chosen.name,
        "lookalike:images-seen": str(seen),
        "lookalike:seed": str(settings.seed),
        "Software": "lookalike",
        "Comment": "synthetic: made by a generative network",
    }


class _Files:
    """Writes pictures to a folder by two threads, a few blocks ahead; nothing without a folder."""

    def __init__(
        self, to: Path | None, text: Mapping[str, str], settings: GenerateSettings
    ) -> None:
        self.to, self.text = to, text
        self.digits = max(6, len(str(settings.first + settings.count - 1)))
        self.waiting: list[Future[None]] = []

    def __enter__(self) -> Self:
        if self.to is not None:
            self.to.mkdir(parents=True, exist_ok=True)
        self.pool = ThreadPoolExecutor(2)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            for future in self.waiting:
                future.result()

    def write(self, indices: Iterable[int], pictures: Pixels) -> None:
        """Have a block of pictures written."""
        if self.to is None:
            return
        self.waiting += [
            self.pool.submit(self._write, self.to, index, picture)
            for index, picture in zip(indices, pictures, strict=True)
        ]
        while len(self.waiting) > 256:
            self.waiting.pop(0).result()

    def _write(self, to: Path, index: int, picture: Pixels) -> None:
        text = {**self.text, "lookalike:index": str(index)}
        images.write_png(to / f"{index:0{self.digits}d}.png", picture, text)


def _copy_check(run: Run, tell: Tell) -> tuple[CopyCheck | None, str | None]:
    """The check for the pack of the run; or none, with the reason in words."""
    try:
        return copy_check(training_pack(run), tell), None
    except RunError as problem:
        return None, f"{problem} So copies of training pictures are not left out."


def _notes(
    kept: CopyFilter, written: int, settings: GenerateSettings, note: str | None
) -> list[str]:
    """What a person should know of the copies."""
    told = [note] if note else []
    if written < settings.count:
        told.append(
            f"Only {written:,} of {settings.count:,}: {kept.dropped:,} of {kept.tried:,} pictures "
            "copy training pictures, so the search was given up. Train on more pictures or for a "
            "shorter time; --keep-copies writes copies too."
        )
    return told


def _grid(to: Path, shown: Pixels, settings: GenerateSettings) -> Path:
    """One picture with the first hundred, beside the folder: in it all are samples."""
    folder = to.resolve()
    path = folder.with_name(f"{folder.name}-grid.png")
    images.write_png(path, images.grid(images.enlarge(shown, 64), settings.columns))
    return path


def _label(run: Run, chosen: Drawing, wanted: str | None) -> Tensor | None:
    """The label vector for a class or attributes by name ("class=cat", "cat", "hair=long,age=0.3").

    Raises:
        LookalikeError: the run has no labels, or none of that name.
    """
    if wanted is None:
        return None
    columns: list[str] = run.env().get("data", {}).get("columns", [])
    if not chosen.labels:
        raise LookalikeError(
            f"{run.path} was trained without labels, so it cannot make {wanted!r} on request. "
            "Train on a pack with classes and a recipe that uses them (lookalike recipes)."
        )
    if len(columns) != chosen.labels:
        raise RunError(f"{run.path}/env.json does not name the {chosen.labels} label columns.")
    vector = torch.zeros(chosen.labels)
    for name, value in _labels(wanted, columns):
        vector[columns.index(name)] = value
    return vector


def _labels(text: str, columns: list[str]) -> list[tuple[str, float]]:
    """Labels with commas between; a name may hold commas, equals signs and quotes itself.

    Raises:
        LookalikeError: a part names no label.
    """
    pieces, found = text.split(","), []
    while pieces:
        # The longest name that begins here: "tench, Tinca tinca" before "tench".
        tries = range(len(pieces), 0, -1)
        names = ((count, _label_of(",".join(pieces[:count]), columns)) for count in tries)
        match = next(((count, label) for count, label in names if label is not None), None)
        if match is None:
            there = ", ".join(shlex.quote(name.removeprefix("class=")) for name in columns[:40])
            raise LookalikeError(
                f"There is no label {','.join(pieces).strip()!r}. There are: {there}."
            )
        count, label = match
        found.append(label)
        pieces = pieces[count:]
    return found


def _label_of(text: str, columns: list[str]) -> tuple[str, float] | None:
    """The column and the value that a text stands for: a name, a class, or name=value."""
    stripped = text.strip()
    bare = (
        stripped[1:-1] if len(stripped) > 1 and stripped[0] == stripped[-1] in "'\"" else stripped
    )
    for name in dict.fromkeys((text, stripped, bare)):
        for column in (name, f"class={name}"):
            if column in columns:
                return column, 1.0
    column, _, value = stripped.rpartition("=")
    try:
        return (column, float(value)) if column in columns else None
    except ValueError:
        return None
