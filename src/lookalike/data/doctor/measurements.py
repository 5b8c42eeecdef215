"""The doctor's waiting room: every file of a source or a pack, measured once."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from sys import intern
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lookalike import images
from lookalike.data.decode.decode import PictureFacts, ReadSettings
from lookalike.data.decode.worker import Marks, Refused
from lookalike.data.decode.worker_pool import Lost, Workers
from lookalike.data.doctor.checks import SQUARE, PictureMeasures, examine, measure
from lookalike.data.doctor.findings import GREY_PACK
from lookalike.data.pack.pack import Pack, Row
from lookalike.data.pack.part_folder import Asking, Parts
from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.similarity.hash import THUMB
from lookalike.images import Pixels
from lookalike.progress import Tell
from lookalike.settings.data import DoctorSettings
from lookalike.sizes import shape_of


@dataclass(frozen=True)
class Visit:
    """One file in the waiting room."""

    name: str
    group: str
    split: str
    result: PictureMeasures | Refused


def source_visits(
    found: PictureSource, settings: DoctorSettings, tell: Tell, parts: Parts | None = None
) -> Iterator[Visit]:
    """Examine the files of a folder or a zip, one after the other."""
    files = found.files
    with examining(found, settings) as how:
        answers = how.ask(files) if parts is None else parts.answers(files, how)
        for done, (file, result) in enumerate(answers, 1):
            yield Visit(file.name, file.class_name, "", result)
            tell("examining pictures", done, len(files))
    for name, why in found.refused:
        yield Visit(name, "", "", Refused(why))


@contextmanager
def examining(
    found: PictureSource, settings: DoctorSettings
) -> Iterator[Asking[PictureFile, PictureMeasures | Refused]]:
    """How files are examined."""
    look = ReadSettings(least=settings.least, background=settings.background)
    kinds = (PictureMeasures, Refused, PictureFacts, Marks)
    with Workers(partial(examine, look), count=settings.workers, chunk=8) as pool:

        def ask(
            files: list[PictureFile],
        ) -> Iterator[tuple[PictureFile, PictureMeasures | Refused]]:
            for file, answer in pool.map(found.loaded(files)):
                yield file, Refused(answer.reason) if isinstance(answer, Lost) else answer

        yield Asking(ask, PictureFile.key, kinds, found.refused, found.division)


def pack_visits(source: Path, tell: Tell) -> Iterator[Visit]:
    """Examine the pictures of a pack, changed copies aside, and name the files that it refused."""
    pack = Pack.open(source)
    height, width = shape_of(pack.size)
    unknown: Row = {"sha256": "", "format": "", "mode": "RGB", "notes": ()}
    unknown |= {"width": width, "height": height}
    for done, row in enumerate(pack.manifest(), 1):
        if "augment" in row:
            continue
        picture = pack.shards.take(np.array([done - 1]))[0]
        facts = PictureFacts.from_row({**unknown, **row})
        if picture.shape[-1] == 1:
            picture = picture.repeat(3, axis=-1)
            facts = replace(facts, mode=GREY_PACK)
        picture = images.measurable(picture)
        name = str(row.get("source", done - 1))
        result = measure(picture, facts)
        yield Visit(name, row.get("class") or "", row["split"], result)
        tell("examining pictures", done, pack.count)
    for row in pack.refused():
        if "copy_of" not in row:
            yield Visit(row["source"], "", "", Refused(row["reason"]))


class Measurements:
    """All measured pictures: numbers in memory, squares and thumbnails in files.

    What many pictures have in common comes from a worker as a copy for each, and is held once.
    """

    def __init__(self, squares: IO[bytes], thumbs: IO[bytes]) -> None:
        self._squares, self._thumbs = squares, thumbs
        self.names: list[str] = []
        self.classes: list[str] = []
        self.splits: list[str] = []
        self.modes: list[str] = []
        self.notes: list[tuple[str, ...]] = []
        self._once: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._numbers = array("f")
        self._marks = array("Q")
        self.refused: list[tuple[str, str]] = []

    def add(self, visit: Visit) -> None:
        """Keep what was measured."""
        one = visit.result
        if isinstance(one, Refused):
            self.refused.append((visit.name, one.reason))
            return
        square = one.square
        if square.shape[0] < SQUARE:
            small = images.to_pillow(square).resize((SQUARE, SQUARE), 1)
            square = np.asarray(small, np.uint8)
        self._squares.write(square.tobytes())
        self.names.append(visit.name)
        self.classes.append(intern(visit.group))
        self.splits.append(intern(visit.split))
        self.modes.append(intern(one.facts.mode))
        self.notes.append(self._once.setdefault(one.facts.notes, one.facts.notes))
        sides = float(one.facts.width), float(one.facts.height)
        self._numbers.extend((*sides, one.brightness, one.contrast, one.blur, one.colorful))
        self._marks.extend((one.marks.digest, one.marks.hash, one.marks.mirrored))
        self._thumbs.write(one.marks.thumb.tobytes())

    def columns(self) -> NDArray[np.float32]:
        """Width, height, brightness, contrast, blur and color, float32 ``[6, N]``."""
        return np.frombuffer(self._numbers, np.float32).reshape(len(self.names), 6).T

    def marks(self) -> NDArray[np.uint64]:
        """Digest, perceptual hash and that of the mirror image, uint64 ``[N, 3]``."""
        return np.frombuffer(self._marks, np.uint64).reshape(len(self.names), 3)

    def squares(self) -> Pixels:
        """All squares, uint8 ``[N, 64, 64, 3]``, from the file."""
        return self._mapped(self._squares, SQUARE)

    def thumb_pixels(self) -> Pixels:
        """All thumbnails, uint8 ``[N, 16, 16, 3]``, from the file."""
        return self._mapped(self._thumbs, THUMB)

    def _mapped(self, file: IO[bytes], side: int) -> Pixels:
        file.flush()
        shape = (len(self.names), side, side, 3)
        return np.asarray(np.memmap(file, np.uint8, "r", shape=shape))
