"""The sets that quality is measured on, as packs with a large hold-out, made once and cached."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import photographs
from benchmarks.common import CACHE
from lookalike.data.demo import draw_demo
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.images import Pixels
from lookalike.settings.data import DemoSettings, PrepareSettings
from lookalike.stages.prepare import prepare

FASHION = Path("/usr/share/datasets/fashion-mnist")
ICONS = Path("/usr/share/icons/Papirus/64x64/apps")
"""Debian's papirus-icon-theme (GPL-3, Papirus Development Team): read, never passed on."""


def faces(style: str = "toon-head", name: str = "faces", size: int = 64, count: int = 4000) -> Pack:
    """3,000 training and 1,000 held-out demo faces of one style, or of ten ("mix")."""
    pack = CACHE / f"pack-{name}"
    if not Pack.is_pack(pack):
        folder = CACHE / f"pictures-{name}"
        draw_demo(folder, DemoSettings(style=style, count=count, size=size))
        prepare(folder, pack, PrepareSettings(size=size, holdout=0.25))
    return Pack.open(pack)


def shrunk(pictures: Pixels, times: int) -> Pixels:
    """uint8 ``[N, S, S, C]`` with that many times smaller sides: means of squares of pixels."""
    count, side, _, channels = pictures.shape
    squares = pictures.reshape(count, side // times, times, side // times, times, channels)
    return squares.mean((2, 4)).round().astype(np.uint8)


def at_share(whole: Callable[[], Pack], pack: Path, times: int = 2) -> Pack:
    """What ``whole`` makes at a half (or less) of its side, the same pictures held out.

    It is opened where it exists.
    """
    if Pack.is_pack(pack):
        return Pack.open(pack)
    found = whole()
    with PackWriter(pack, size=found.size // times, channels=found.channels) as writer:
        for split in (found.train, found.holdout):
            for first in range(0, len(split), 1000):
                some = np.arange(first, min(first + 1000, len(split)))
                pictures = shrunk(split.images(some), times)
                for picture, row in zip(pictures, split.rows(some), strict=True):
                    writer.append(picture, row)
        count = len(found.train) + len(found.holdout)
        return writer.finish(holdout=np.arange(count) >= len(found.train))


def faces32() -> Pack:
    """The demo faces at 32 px with all their attributes, the same pictures held out."""
    return at_share(faces, CACHE / "pack-faces32")


def mix() -> Pack:
    """The hard set: ten very different styles."""
    return faces("mix", "mix")


def mix128() -> Pack:
    """The hard set at 128 px."""
    return faces("mix", "mix128", 128)


def few() -> Pack:
    """200 training pictures of the hard set, of all styles, and all of its held-out ones."""
    return _few("few", mix())


def few_faces() -> Pack:
    """200 training faces of one style, and all of the held-out ones."""
    return _few("few-faces", faces())


def _few(name: str, whole: Pack) -> Pack:
    pack = CACHE / f"pack-{name}"
    if Pack.is_pack(pack):
        return Pack.open(pack)
    with PackWriter(pack, size=64, channels=3) as writer:
        for split, count in ((whole.train, 200), (whole.holdout, len(whole.holdout))):
            rows = np.linspace(0, len(split) - 1, count).astype(int)
            for picture, row in zip(split.images(rows), split.rows(rows), strict=True):
                writer.append(picture, row)
        return writer.finish(holdout=np.arange(200 + len(whole.holdout)) >= 200)


def icons() -> Pack:
    """2,800 training and about 800 held-out icons of programs, on white, 64 px."""
    pack = CACHE / "pack-icons"
    if Pack.is_pack(pack):
        return Pack.open(pack)
    if not ICONS.exists():
        raise SystemExit("Icons are not here: apt-get install papirus-icon-theme")
    drawings = sorted(path for path in ICONS.glob("*.svg") if not path.is_symlink())
    order = np.random.default_rng(0).permutation(len(drawings))
    with PackWriter(pack, size=64, channels=3) as writer:
        for index in order:
            picture = drawn(drawings[index].read_text("utf-8"), 64, "#ffffff")
            writer.append(np.asarray(picture), {})
        return writer.finish(holdout=np.arange(len(order)) >= 2800)


def drawn(svg: str, side: int, background: str) -> Image.Image:
    """A drawing as a colour picture of ``side`` pixels."""
    import resvg_py

    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=side, height=side, background=background, skip_system_fonts=True
    )
    return Image.open(BytesIO(bytes(png))).convert("RGB")


def icons32() -> Pack:
    """The icons at 32 px, the same ones held out."""
    return at_share(icons, CACHE / "pack-icons32")


def photos(size: int = 64) -> Pack:
    """About 1,500 training and 500 held-out squares of photographs, none of the same photograph.

    Small ones are what those of 128 px are at a half or a quarter of their side.
    """
    pack = CACHE / f"pack-photos{size}"
    if size < 128:
        return at_share(lambda: photos(128), pack, 128 // size)
    if Pack.is_pack(pack):
        return Pack.open(pack)
    return photographs.write(pack, photographs.photographs(), size)


def photos128() -> Pack:
    """The photographs at 128 px."""
    return photos(128)


def fashion(train: int = 10_000, held: int = 2_000) -> Pack:
    """Fashion-MNIST, 28 px padded to 32, grey: training and test pictures of its own split."""
    pack = CACHE / ("pack-fashion" if held == 2_000 else f"pack-fashion-{held}")
    return _fashion(pack, (train, held), {label: f"{label}" for label in range(10)})


TOPS = {0: "T-shirt", 2: "pullover", 4: "coat", 6: "shirt"}


def fashion_tops() -> Pack:
    """The tops of Fashion-MNIST alone, of both parts of its own split: four classes much alike."""
    return _fashion(CACHE / "pack-fashion-tops", (10_000, 2_000), TOPS)


def _fashion(pack: Path, counts: tuple[int, int], names: dict[int, str]) -> Pack:
    if Pack.is_pack(pack):
        return Pack.open(pack)
    if not FASHION.exists():
        raise SystemExit("Fashion-MNIST is not here: apt-get install dataset-fashion-mnist")
    CACHE.mkdir(parents=True, exist_ok=True)
    with PackWriter(pack, size=32, channels=1) as writer:
        for part, count in zip(("train", "t10k"), counts, strict=True):
            pictures, labels = _idx(part)
            rows = np.flatnonzero(np.isin(labels, list(names)))[:count]
            for picture, label in zip(pictures[rows], labels[rows], strict=True):
                writer.append(np.pad(picture, 2)[..., None], {"class": names[int(label)]})
        return writer.finish(holdout=np.arange(sum(counts)) >= counts[0])


def _idx(part: str) -> tuple[np.ndarray, np.ndarray]:
    with gzip.open(FASHION / f"{part}-images-idx3-ubyte.gz") as file:
        _, total, height, width = struct.unpack(">IIII", file.read(16))
        pictures = np.frombuffer(file.read(total * height * width), np.uint8)
    with gzip.open(FASHION / f"{part}-labels-idx1-ubyte.gz") as file:
        file.read(8)
        labels = np.frombuffer(file.read(), np.uint8)
    return pictures.reshape(total, height, width), labels


SETS = {
    "faces": faces,
    "faces32": faces32,
    "mix": mix,
    "mix128": mix128,
    "few": few,
    "few-faces": few_faces,
    "fashion": fashion,
    "fashion-tops": fashion_tops,
    "icons": icons,
    "icons32": icons32,
    "photos": photos,
    "photos128": photos128,
}
