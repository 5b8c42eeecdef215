"""What the weights inside the package were trained on: drawings, icons and crops of photos.

None of the sets that quality is measured on is among them: not the ten styles of the hard mix, not
their "neutral" variants, not Fashion-MNIST, not Papirus. Icons come from npm packages, which are
installed by hand (``npm install`` as printed when they are missing); faces from DiceBear; photos
are the ones inside scikit-image.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.common import CACHE
from benchmarks.sets import at_share, drawn
from lookalike.data.decode.worker_pool import Lost, Workers
from lookalike.data.demo import MIXED
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.images import Pixels

ICONS = CACHE / "icons" / "node_modules" / "@iconify-json"
CARRIED = CACHE / "carried" / "icons.json.xz"

Job = tuple[str, str, int]
"""What to draw ("avatar" or "icon"), its style or svg text, and its number."""


@dataclass(frozen=True)
class Icons:
    """A set of icons, how many of them are drawn, and under which licence they are."""

    count: int
    licence: str
    plain: bool = False


ICON_SETS = {
    "fluent-emoji-flat": Icons(1600, "MIT, Microsoft Corporation"),
    "emojione": Icons(1400, "CC BY 4.0, Emoji One"),
    "fxemoji": Icons(1000, "Apache-2.0, Mozilla"),
    "streamline-emojis": Icons(787, "CC BY 4.0, Streamline"),
    "streamline-kameleon-color": Icons(400, "CC BY 4.0, Streamline"),
    "circle-flags": Icons(400, "MIT, HatScripts"),
    "flat-color-icons": Icons(329, "MIT, Icons8"),
    "logos": Icons(900, "CC0 1.0, Gil Barbara"),
    "vscode-icons": Icons(700, "MIT, Roberto Huertas"),
    "skill-icons": Icons(300, "MIT, tandpfun"),
    "material-icon-theme": Icons(600, "MIT, Material Extensions"),
    "cryptocurrency-color": Icons(300, "CC0 1.0, Christopher Downer"),
    "token-branded": Icons(600, "MIT, 0xa3k5"),
    "game-icons": Icons(1300, "CC BY 3.0, game-icons.net", plain=True),
    "noto": Icons(1600, "Apache-2.0, Google Inc"),
    "noto-v1": Icons(800, "Apache-2.0, Google Inc"),
    "twemoji": Icons(1600, "CC BY 4.0, Twitter"),
    "devicon": Icons(700, "MIT, konpa"),
    "flag": Icons(300, "MIT, Panayiotis Lipiridis"),
    "fluent-color": Icons(890, "MIT, Microsoft Corporation"),
    "icon-park": Icons(1000, "Apache-2.0, ByteDance"),
    "catppuccin": Icons(400, "MIT, Catppuccin"),
    "marketeq": Icons(590, "MIT, Marketeq"),
    "meteocons": Icons(300, "MIT, Bas Milius"),
    "streamline-color": Icons(1200, "CC BY 4.0, Streamline"),
    "streamline-cyber-color": Icons(400, "CC BY 4.0, Streamline"),
    "streamline-flex-color": Icons(500, "CC BY 4.0, Streamline"),
    "streamline-freehand-color": Icons(700, "CC BY 4.0, Streamline"),
    "streamline-plump-color": Icons(500, "CC BY 4.0, Streamline"),
    "streamline-ultimate-color": Icons(700, "CC BY 4.0, Streamline"),
}
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "brick", "grass", "gravel", "hubble")
_PHOTO_FILES = {"hubble": "hubble_deep_field.jpg", "rocket": "rocket.jpg"}
A_STYLE, CROPS = 200, 150


def styles() -> list[str]:
    """Every DiceBear style but those that are measured on and those that are not free to change."""
    names = (file.name for file in files("dicebear_styles").iterdir())
    found = sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))
    measured = {*MIXED, *(f"{name}-neutral" for name in MIXED)}
    return [name for name in found if name not in measured and not name.startswith("bottts")]


def drawings(size: int = 64) -> Pack:
    """About 32,000 pictures, a hundredth of them held out; those of 32 px are halved."""
    pack = CACHE / f"pack-drawings-{size}"
    if size == 32:
        return at_share(drawings, pack)
    return drawings_pack(pack, size)


def drawings_pack(pack: Path, size: int, most: int | None = None) -> Pack:
    """The pack of all drawings at this side, or of the first ``most`` avatars: opened or made."""
    if Pack.is_pack(pack):
        return Pack.open(pack)
    jobs: Iterator[Job] = _avatars()  # style by style: a worker needs half a second to load one
    if most is not None:
        return _make(pack, size, list(islice(jobs, most)), ())
    return _make(pack, size, [*jobs, *icons()], _crops(size))


def _make(pack: Path, size: int, jobs: list[Job], crops: Iterable[Pixels]) -> Pack:
    held, lost = [], 0
    with (
        PackWriter(pack, size=size, channels=3) as writer,
        Workers(_Draw(size), chunk=100, seconds=60) as workers,
    ):
        for _, answer in workers.map(jobs):
            lost += isinstance(answer, Lost)
            if not isinstance(answer, Lost) and answer is not None:
                writer.append(answer, {})
                held.append(len(held) % 100 == 0)
        for picture in crops:
            writer.append(picture, {})
            held.append(False)
        print(f"{pack.name}: {len(held):,} pictures; {lost} could not be drawn", flush=True)
        return writer.finish(holdout=np.array(held))


def _avatars() -> Iterator[Job]:
    for style in styles():
        yield from (("avatar", style, index) for index in range(A_STYLE))


def icons() -> Iterator[Job]:
    """The svg text of icons, from the packages or from what :func:`carry` wrote of them."""
    if ICONS.exists():
        return _icons()
    if CARRIED.exists():
        return (tuple(job) for job in json.loads(lzma.decompress(CARRIED.read_bytes())))
    names = " ".join(f"@iconify-json/{name}" for name in ICON_SETS)
    raise SystemExit(f"Icons are missing: npm install --prefix {CACHE / 'icons'} {names}")


def carry(most: int = 4000) -> str:
    """Write the icons whose svg text has at most so many characters into one small file.

    For a machine that can install no packages; what was left out is said.
    """
    every = list(icons())
    chosen = [job for job in every if len(job[1]) <= most]
    CARRIED.parent.mkdir(parents=True, exist_ok=True)
    CARRIED.write_bytes(lzma.compress(json.dumps(chosen).encode()))
    size = CARRIED.stat().st_size / 1e6
    left = len(every) - len(chosen)
    return f"{CARRIED}: {len(chosen):,} icons, {size:.1f} MB; {left:,} longer ones are left out"


def _icons() -> Iterator[Job]:
    """Backgrounds and sizes follow from the number."""
    number = 0
    for name, wanted in ICON_SETS.items():
        everything = json.loads((ICONS / name / "icons.json").read_text(encoding="utf-8"))
        icons = everything["icons"]
        chosen = np.random.default_rng(len(icons)).permutation(sorted(icons))[: wanted.count]
        for icon in chosen:
            about = icons[icon]
            width = about.get("width", everything.get("width", 16))
            height = about.get("height", everything.get("height", 16))
            yield "icon", _square(about["body"], width, height, number, wanted.plain), number
            number += 1


def _square(body: str, width: float, height: float, number: int, plain: bool) -> str:
    """An svg with the icon in its middle; ``plain`` icons have one colour, any dark one."""
    draws = np.random.default_rng((number, 1))
    side = max(width, height) * draws.uniform(1.0, 1.25)
    left, top = (width - side) / 2, (height - side) / 2
    ink = "#" + "".join(f"{value:02x}" for value in draws.integers(0, 140, 3)) if plain else "#000"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {side} {side}" '
        f'color="{ink}">{body.replace("currentColor", ink)}</svg>'
    )


class _Draw:
    """Draws jobs in a worker: uint8 ``[S, S, 3]`` each, None where there is nothing to see."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, jobs: list[Job]) -> list[Pixels | None]:
        """The pictures of some jobs."""
        return [self._one(*job) for job in jobs]

    def _one(self, what: str, text: str, number: int) -> Pixels | None:
        from PIL import Image

        draws = np.random.default_rng((number, 2))
        background = "#ffffff"
        if draws.random() < 0.25:
            background = "#" + "".join(f"{value:02x}" for value in draws.integers(0, 256, 3))
        if what == "avatar":
            text = _avatar(text, number)
        picture = drawn(text, 2 * self.size, background)
        found = np.asarray(picture.resize((self.size, self.size), Image.Resampling.LANCZOS))
        return found if found.std() > 4 else None


def _avatar(style: str, number: int) -> str:
    import dicebear

    from lookalike.data.demo import _style

    return str(dicebear.Avatar(_style(style), {"seed": f"start-{number}"}))


def _crops(size: int) -> Iterator[Pixels]:
    """Square crops of photos, of many sizes."""
    from PIL import Image

    folder = Path(str(files("skimage") / "data"))
    draws = np.random.default_rng(3)
    for name in PHOTOS:
        file = folder / _PHOTO_FILES.get(name, f"{name}.png")
        if not file.exists():
            print(f"{file.name} is not in this scikit-image: its crops are left out", flush=True)
            continue
        photo = Image.open(file).convert("RGB")
        least = min(photo.size)
        for _ in range(CROPS):
            side = int(min(least, size * 4 ** draws.random()))
            left = int(draws.integers(0, photo.width - side + 1))
            top = int(draws.integers(0, photo.height - side + 1))
            crop = photo.crop((left, top, left + side, top + side))
            crop = crop.resize((size, size), Image.Resampling.LANCZOS)
            yield np.asarray(crop)
