"""Squares of photographs out of Debian's packages: animals, buildings, landscapes, flowers.

The packages are named with their licences in ``PACKAGES``: pictures are read where Debian installs
them, and never passed on. Drawn wallpapers are left out by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.images import Pixels

SHARE = Path("/usr/share")
PARTS = (1, 2, 3)
"""Squares have the whole shorter side of a photograph, half of it and a third of it."""

LEAST, FLAT, EVERY = 400, 3.0, 4
"""Pixels of the shorter side of a photograph; least mean step between neighboring pixels (of 255)
of a square; one photograph of so many is held out."""

PACKAGES = {
    "gcompris-qt-data": "GPL-3+ and Creative Commons, the GCompris authors and those they name",
    "lomiri-wallpapers-16.04": "CC BY 4.0, CC BY-SA 4.0, CC0; the authors are in the files' names",
    "lomiri-wallpapers-20.04": "CC BY-SA 3.0, Lukas Baubkus",
    "mate-backgrounds": "GPL-2+, its copyright file names the photographers",
    "plasma-workspace-wallpapers": "GPL-2+, KDE Visual Design Group",
}
"""Of Debian 12 (bookworm); other releases have other pictures under some of the names."""

ARCHIVES = "clickgame erase explore_farm_animals explore_monuments explore_world_animals".split()
BACKGROUNDS = """
    Bridge_by_Sander_Klootwijk Dragonfly_by_Bolly Kleiber_by_Lukas_Baubkus Picture_0B_by_freespace
    Picture_1A_by_freespace Wine_by_Jakkub_Mede aitzgorri_by_Aitzol_Berasategi free_by_Peter_Nerlich
    friends_by_Aitzol_Berasategi greentock_by_Peter_Nerlich life_by_Aitzol_Berasategi
    picosdeeuropa_by_Aitzol_Berasategi seeding_by_Clements_Engelhardt sunset_by_Aitzol_Berasategi
    mate/nature/Aqua mate/nature/Blinds mate/nature/Dune mate/nature/FreshFlower mate/nature/Garden
    mate/nature/GreenMeadow mate/nature/LadyBird mate/nature/RainDrops mate/nature/Storm
    mate/nature/TwoWings mate/nature/Wood mate/nature/YellowFlower
""".split()
WALLPAPERS = """
    BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Kite OneStandsOut Path
    summer_1am
""".split()


@dataclass(frozen=True)
class Photograph:
    """A name that stays, and how to open the picture of that name."""

    name: str
    open: Callable[[], Image.Image]


def photographs() -> list[Photograph]:
    """Every photograph that is large enough, always in the same order."""
    archives = [SHARE / f"gcompris-qt/rcc/{name}.rcc" for name in ARCHIVES]
    files = [SHARE / f"backgrounds/{name}.jpg" for name in BACKGROUNDS]
    files += [SHARE / f"wallpapers/{name}/contents/images/2560x1600.jpg" for name in WALLPAPERS]
    missing = [str(path) for path in (*archives, *files) if not path.is_file()]
    if missing:
        raise SystemExit(
            f"{len(missing)} files with photographs are not here, the first {missing[0]} "
            f"(Debian 12): apt-get install --no-install-recommends {' '.join(PACKAGES)}"
        )
    found = [Photograph(str(path.relative_to(SHARE)), partial(Image.open, path)) for path in files]
    for archive in archives:
        found += [
            Photograph(f"{archive.stem} at {first}", lambda data=data: Image.open(BytesIO(data)))
            for first, data in webp_inside(archive.read_bytes())
        ]
    return [photo for photo in found if min(photo.open().size) >= LEAST]


def webp_inside(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each WebP picture begins in an archive of Qt's, which stores them as they are."""
    first = data.find(b"RIFF")
    while first >= 0:
        end = first + 8 + int.from_bytes(data[first + 4 : first + 8], "little")
        if data[first + 8 : first + 12] == b"WEBP":
            yield first, data[first:end]
        first = data.find(b"RIFF", first + 4)


def squares(width: int, height: int, parts: int) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of squares side by side, each as long as a part of the shorter side, in the middle."""
    side = min(width, height) // parts
    across, down = width // side, height // side
    left, top = (width - across * side) // 2, (height - down * side) // 2
    for row in range(down):
        for column in range(across):
            x, y = left + column * side, top + row * side
            yield x, y, x + side, y + side


def is_flat(picture: Pixels) -> bool:
    """Whether neighboring pixels hardly differ: clear sky, fog, what lies far out of focus."""
    brightness = picture.astype(float).mean(-1)
    steps = [np.abs(np.diff(brightness, axis=axis)).mean() for axis in (0, 1)]
    return float(np.mean(steps)) < FLAT


def crops(photo: Image.Image, size: int) -> Iterator[Pixels]:
    """The squares of a photograph that are not flat, at this side; none is enlarged."""
    picture = photo.convert("RGB")
    for parts in PARTS:
        for box in squares(*picture.size, parts):
            if box[2] - box[0] < size:
                continue
            crop = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS, box))
            if not is_flat(crop):
                yield crop


def write(pack: Path, photos: Iterable[Photograph], size: int) -> Pack:
    """A pack of all squares; those of one photograph of four are held out, all of them."""
    shuffled = list(photos)
    shuffled = [shuffled[index] for index in np.random.default_rng(0).permutation(len(shuffled))]
    holdout: list[bool] = []
    with PackWriter(pack, size=size, channels=3) as writer:
        for number, photo in enumerate(shuffled):
            for picture in crops(photo.open(), size):
                writer.append(picture, {"photograph": photo.name})
                holdout.append(number % EVERY == 0)
        return writer.finish(holdout=np.array(holdout))
