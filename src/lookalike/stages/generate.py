"""Generate: new pictures from a run, each a function of its seed and index only."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count as numbers
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from lookalike import images
from lookalike.data.pack.part_folder import Asking, OnePart, PartDone, Parts
from lookalike.engine.load import label_vector, open_sampler, training_pack
from lookalike.engine.sampler import BLOCK, Sampler
from lookalike.errors import DataError, RunError
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


Span = tuple[int, int]
"""The index of the first picture of a block, and how many of it are wanted."""


def generate(
    run: Run,
    to: Path | None,
    settings: GenerateSettings,
    place: Place,
    tell: Tell = silent,
    parts: Parts | None = None,
) -> Generated:
    """Make ``count`` pictures from ``first`` on, as PNG files named by their index, or in memory.

    Pictures that copy a training picture are left out, and the next indices take their place.
    Memory does not grow with the count of files: they are written by threads, some blocks ahead.
    What the ``parts`` of :func:`generate_part` have written is not made again; only the pictures
    that take the place of copies are.

    Raises:
        LookalikeError: the class is not one of the run's.
        DataError: a file of a part is missing, or other pictures lie where these would go.
    """
    sampler, chosen, seen = open_sampler(
        run, place, settings.checkpoint, trust(settings.recipe), settings.candidates
    )
    wanted, text = label_vector(run, chosen, settings.label), _text(run, chosen, seen, settings)
    refuse_others(to, text, settings)
    check, note = (None, None) if settings.keep_copies else _copy_check(run, tell)
    kept = CopyFilter(check)
    most = settings.count if check is None else _most(settings)
    written, shown, first = 0, list[Pixels](), settings.first
    if parts is not None:
        there = _written(parts, to, settings, _spans(sampler, settings))
        shown = list(map(_read, there[:SHOWN])) if settings.grid else []
        written, first, most = len(there), first + settings.count, most - settings.count
        kept.tried, kept.dropped = settings.count, settings.count - written
    blocks = sampler.blocks(settings.seed, first, most, wanted)
    with _Files(to, text, settings) as files:
        for indices, block in kept.of(blocks, settings.count - written):
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
        grid=_grid(to, stacked, text, settings) if to and settings.grid and shown else None,
        copies=kept.dropped,
        notes=(
            *([why] if (why := run.why(settings.checkpoint)) else []),
            *_notes(kept, written, settings, note or (check.note if check else None)),
        ),
        run=run.path,
        pictures=stacked if to is None else None,
    )


def generate_part(
    run: Run,
    to: Path,
    settings: GenerateSettings,
    place: Place,
    parts: OnePart,
    tell: Tell = silent,
) -> PartDone:
    """Make the blocks of one part, and note which of their pictures are copies.

    Raises:
        LookalikeError: the class is not one of the run's.
        DataError: other pictures lie where these would go.
    """
    sampler, chosen, seen = open_sampler(
        run, place, settings.checkpoint, trust(settings.recipe), settings.candidates
    )
    wanted, text = label_vector(run, chosen, settings.label), _text(run, chosen, seen, settings)
    refuse_others(to, text, settings)
    check = None if settings.keep_copies else _copy_check(run, tell)[0]
    with _Files(to, text, settings) as files:

        def ask(spans: list[Span]) -> Iterator[tuple[Span, tuple[int, ...]]]:
            for span in spans:
                ((first, pictures),) = sampler.blocks(settings.seed, *span, wanted)
                copies = np.zeros(len(pictures), np.bool_) if check is None else check(pictures)
                indices = first + np.arange(len(pictures))
                files.write(indices[~copies].tolist(), pictures[~copies])
                files.settle()  # what is noted as made is on the disk
                yield span, tuple(indices[copies].tolist())

        return parts.run(_spans(sampler, settings), _asking(ask), "generating", tell)


def _asking(
    ask: Callable[[list[Span]], Iterator[tuple[Span, tuple[int, ...]]]],
) -> Asking[Span, tuple[int, ...]]:
    return Asking(ask, lambda span: (span[0] // BLOCK, list(span)))


def _spans(sampler: Sampler, settings: GenerateSettings) -> list[Span]:
    """The blocks that a sampler computes together, as far as they are wanted."""
    end = settings.first + settings.count
    starts = range(settings.first - settings.first % sampler.block, end, sampler.block)
    edges = [max(start, settings.first) for start in starts]
    return [(at, after - at) for at, after in pairwise([*edges, end])]


def _written(
    parts: Parts, to: Path | None, settings: GenerateSettings, spans: list[Span]
) -> list[Path]:
    """The files that parts have written, in order.

    Raises:
        DataError: one of them is not there.
    """
    assert to is not None
    found = []
    for (first, count), copies in parts.answers(spans, _asking(lambda _: iter(()))):
        found += [_file(to, n, settings) for n in range(first, first + count) if n not in copies]
    missing = next((path for path in found if not path.is_file()), None)
    if missing is not None:
        raise DataError(
            f"{missing} is not there, though a part wrote it. Bring the pictures of all parts into "
            f"{to} first, or make the parts again."
        )
    return found


def _read(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return images.from_pillow(picture, len(picture.getbands()))


def _file(to: Path, index: int, settings: GenerateSettings) -> Path:
    digits = max(6, len(str(settings.first + settings.count - 1)))
    return to / f"{index:0{digits}d}.png"


def _most(settings: GenerateSettings) -> int:
    """How many pictures are tried where copies are left out."""
    return max(TRIES * settings.count, LEAST_TRIES)


def _text(run: Run, chosen: Drawing, seen: int, settings: GenerateSettings) -> dict[str, str]:
    """What a PNG says of where it comes from."""
    asked = {"label": settings.label, "candidates": settings.candidates}
    return {
        "lookalike:run": run.path.resolve().name,
        "lookalike:recipe": chosen.name,
        "lookalike:images-seen": str(seen),
        "lookalike:seed": str(settings.seed),
        **{f"lookalike:{name}": str(value) for name, value in asked.items() if value is not None},
        "Software": "lookalike",
        "Comment": "synthetic: made by a generative network",
    }


ORIGIN = ("run", "recipe", "images-seen", "seed", "label", "candidates")
"""What the text of a PNG says that decides its pixels, besides its index."""


def refuse_others(to: Path | None, text: Mapping[str, str], settings: GenerateSettings) -> None:
    """Refuse a folder where other pictures have the names of these; the same are made again.

    Raises:
        DataError: naming the first of them, and what differs.
    """
    if to is None:
        return
    count = settings.count if settings.keep_copies else _most(settings)
    wanted = range(settings.first, settings.first + count)
    numbered = ((int(path.stem), path) for path in to.glob("*.png") if path.stem.isdecimal())
    there = sorted(path for n, path in numbered if n in wanted and path == _file(to, n, settings))
    grid = _grid_path(to)
    if settings.grid and not there and grid.exists():
        there = [grid]
    for path in there:
        if differences := _differences(path, text):
            raise DataError(
                f"{path} would be written over, and this command makes another picture: "
                f"{differences}. Nothing was written. Name another folder (--to {_free(to)}), or "
                "move these pictures away."
            )


def _differences(path: Path, text: Mapping[str, str]) -> str:
    """How the origin that a picture tells is another than this one, in words, if it is."""
    try:
        with Image.open(path) as picture:
            info = picture.info
    except (OSError, ValueError, SyntaxError):
        info = {}
    if "lookalike:seed" not in info:
        return "the one there does not say that a run made it"
    keys = (f"lookalike:{name}" for name in ORIGIN)
    pairs = {key: (info.get(key, "none"), text.get(key, "none")) for key in keys}
    return ", ".join(
        f"{key.removeprefix('lookalike:').replace('-', ' ')} {before} there, {now} now"
        for key, (before, now) in pairs.items()
        if before != now
    )


def _free(to: Path) -> str:
    """A folder beside this one, where nothing is yet, as a shell takes it."""
    names = (to.with_name(f"{to.resolve().name}-{number}") for number in numbers(2))
    return shlex.quote(str(next(path for path in names if not path.exists())))


class _Files:
    """Writes pictures to a folder by two threads, a few blocks ahead; nothing without a folder."""

    def __init__(
        self, to: Path | None, text: Mapping[str, str], settings: GenerateSettings
    ) -> None:
        self.to, self.text, self.settings = to, text, settings
        self.waiting: list[Future[None]] = []

    def __enter__(self) -> Self:
        if self.to is not None:
            self.to.mkdir(parents=True, exist_ok=True)
        self.pool = ThreadPoolExecutor(2)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            self.settle()

    def settle(self) -> None:
        """Wait until all files are written."""
        while self.waiting:
            self.waiting.pop(0).result()

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
        images.write_png(_file(to, index, self.settings), picture, text)


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


def _grid_path(to: Path) -> Path:
    """Beside the folder: in it all are samples."""
    folder = to.resolve()
    return folder.with_name(f"{folder.name}-grid.png")


def _grid(to: Path, shown: Pixels, text: Mapping[str, str], settings: GenerateSettings) -> Path:
    """One picture with the first hundred."""
    path = _grid_path(to)
    images.write_png(path, images.grid(images.enlarge(shown, 64), settings.columns), text)
    return path
