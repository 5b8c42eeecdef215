"""Augmentation by hand: short codes such as ``rot_90`` or ``noise_0.01``, chained by commas.

The seven codes fliph, flipv, noise, rot, trans, zoom and blur and their spelling are those of an
older program that enlarged a set of car logos by hand (its folders can be used as they are); the
others follow the same grammar: ``name_number_number``, where the numbers may be left away. Every
change is a pure function of a picture, numbers and a generator. What moves pixels moves alpha with
them, what changes colors leaves it as it is.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from lookalike import images
from lookalike.errors import DataError
from lookalike.images import Pixels

Change = Callable[[Pixels, tuple[float, ...], np.random.Generator], Pixels]


@dataclass(frozen=True)
class Code:
    """One code: its name, what its numbers mean, their defaults and limits, and what it does.

    What changes ``colors`` alone is not shown alpha.
    """

    name: str
    numbers: tuple[str, ...]
    defaults: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    words: str
    change: Change
    colors: bool = False

    def apply(
        self, picture: Pixels, values: tuple[float, ...], draw: np.random.Generator
    ) -> Pixels:
        """The changed picture, uint8 ``[H, W, C]`` like the given one."""
        if not self.colors or picture.shape[-1] != 4:
            return self.change(picture, values, draw)
        changed = self.change(np.ascontiguousarray(picture[..., :3]), values, draw)
        return np.concatenate([changed, picture[..., 3:]], -1)


@dataclass(frozen=True)
class TransformStep:
    """One code with its numbers, as it was written."""

    text: str
    code: Code
    values: tuple[float, ...]


@dataclass(frozen=True)
class Chain:
    """Steps that are applied one after the other to give one new picture."""

    steps: tuple[TransformStep, ...]

    @property
    def text(self) -> str:
        """The chain as it is written: ``rot_90,blur_1.5``."""
        return ",".join(step.text for step in self.steps)

    @property
    def suffix(self) -> str:
        """What is added to a file's name: ``__rot_90__blur_1.5``."""
        return "".join(f"__{step.text}" for step in self.steps)

    def apply(self, picture: Pixels, draw: np.random.Generator) -> Pixels:
        """The changed picture, uint8 ``[H, W, C]`` like the given one."""
        for step in self.steps:
            picture = step.code.apply(picture, step.values, draw)
        return picture


def border_color(picture: Pixels) -> tuple[int, ...]:
    """The median color of the outermost pixels: what fills the corners that a change opens."""
    edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    color = np.median(np.concatenate(edges), axis=0)
    return tuple(int(value) for value in color.round())


def _apart(picture: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    """Colors and alpha changed one after the other, for what mixes pixels.

    Pillow weighs the colors of one picture by its alpha, so that all under alpha 0 become black.
    """
    if picture.shape[-1] != 4:
        return change(picture)
    colors, alpha = (np.ascontiguousarray(part) for part in np.split(picture, [3], -1))
    return np.concatenate([change(colors), change(alpha)], -1)


def _moved(picture: Pixels, matrix: Sequence[float]) -> Pixels:
    """Draw the picture through an affine map (output to input pixel); outside is border color."""

    def move(part: Pixels) -> Pixels:
        height, width, channels = part.shape
        fill = border_color(part)
        moved = images.to_pillow(part).transform(
            (width, height),
            Image.Transform.AFFINE,
            tuple(matrix),
            Image.Resampling.BICUBIC,
            fillcolor=fill if channels > 1 else fill[0],
        )
        return images.from_pillow(moved, channels)

    return _apart(picture, move)


def _flip_horizontal(picture: Pixels, _: tuple[float, ...], __: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(picture[:, ::-1])


def _flip_vertical(picture: Pixels, _: tuple[float, ...], __: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(picture[::-1])


def _noise(picture: Pixels, values: tuple[float, ...], draw: np.random.Generator) -> Pixels:
    grain = draw.normal(0, math.sqrt(values[0]) * 255, picture.shape)
    return _clipped(picture + grain)


def _rotate(picture: Pixels, values: tuple[float, ...], _: np.random.Generator) -> Pixels:
    degrees = values[0] % 360
    if degrees % 90 == 0 and (degrees % 180 == 0 or picture.shape[0] == picture.shape[1]):
        return np.ascontiguousarray(np.rot90(picture, int(degrees // 90)))
    height, width = picture.shape[:2]
    x, y = width / 2, height / 2
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _moved(picture, (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y))


def _translate(picture: Pixels, values: tuple[float, ...], _: np.random.Generator) -> Pixels:
    x, y = round(values[0]), round(values[1])
    height, width = picture.shape[:2]
    moved = np.empty_like(picture)
    moved[:] = border_color(picture)
    if abs(x) < width and abs(y) < height:
        rows = slice(max(0, y), height + min(0, y))
        columns = slice(max(0, x), width + min(0, x))
        moved[rows, columns] = picture[
            max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)
        ]
    return moved


def _zoom(picture: Pixels, values: tuple[float, ...], _: np.random.Generator) -> Pixels:
    x1, y1, x2, y2 = values
    height, width = picture.shape[:2]
    if max(values) <= 1:
        x1, y1, x2, y2 = x1 * width, y1 * height, x2 * width, y2 * height
    left, top = max(0.0, min(x1, x2)), max(0.0, min(y1, y2))
    right, bottom = min(float(width), max(x1, x2)), min(float(height), max(y1, y2))
    if right - left < 1 or bottom - top < 1:
        raise DataError(
            f"zoom_{'_'.join(f'{v:g}' for v in values)} leaves nothing of a picture of {width} x "
            f"{height} pixels. Name two corners inside it, in pixels or as shares from 0 to 1."
        )
    return _cut(picture, (left, top, right, bottom))


def _cut(picture: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    def cut(part: Pixels) -> Pixels:
        height, width, channels = part.shape
        whole = images.to_pillow(part).resize((width, height), Image.Resampling.BICUBIC, box=box)
        return images.from_pillow(whole, channels)

    return _apart(picture, cut)


def _blur(picture: Pixels, values: tuple[float, ...], _: np.random.Generator) -> Pixels:
    soft = images.to_pillow(picture).filter(ImageFilter.GaussianBlur(values[0]))
    return images.from_pillow(soft, picture.shape[-1])


def _crop(picture: Pixels, values: tuple[float, ...], draw: np.random.Generator) -> Pixels:
    height, width = picture.shape[:2]
    wide, high = max(1.0, width * values[0]), max(1.0, height * values[0])
    left, top = draw.uniform(0, width - wide), draw.uniform(0, height - high)
    return _cut(picture, (left, top, left + wide, top + high))


def _bright(picture: Pixels, values: tuple[float, ...], _: np.random.Generator) -> Pixels:
    changed = ImageEnhance.Brightness(images.to_pillow(picture)).enhance(values[0])
    return images.from_pillow(changed, picture.shape[-1])


def _contrast(picture: Pixels, values: tuple[float, ...], _: np.random.Generator) -> Pixels:
    changed = ImageEnhance.Contrast(images.to_pillow(picture)).enhance(values[0])
    return images.from_pillow(changed, picture.shape[-1])


def _cutout(picture: Pixels, values: tuple[float, ...], draw: np.random.Generator) -> Pixels:
    height, width = picture.shape[:2]
    high, wide = max(1, round(height * values[0])), max(1, round(width * values[0]))
    top = int(draw.integers(0, height - high + 1))
    left = int(draw.integers(0, width - wide + 1))
    changed = picture.copy()
    changed[top : top + high, left : left + wide] = border_color(picture)
    return changed


def _jpeg(picture: Pixels, values: tuple[float, ...], _: np.random.Generator) -> Pixels:
    buffer = io.BytesIO()
    images.to_pillow(picture).save(buffer, "JPEG", quality=round(values[0]))
    with Image.open(buffer) as again:
        return images.from_pillow(again, picture.shape[-1])


def _elastic(picture: Pixels, values: tuple[float, ...], draw: np.random.Generator) -> Pixels:
    """Smooth random displacements of ``alpha`` pixels at most (Simard et al. 2003)."""
    height, width = picture.shape[:2]
    alpha, sigma = values
    shift = np.stack([_smooth_field(draw, height, width, sigma) * alpha for _ in range(2)])
    y, x = np.mgrid[:height, :width].astype(np.float64) + shift
    y, x = y.clip(0, height - 1), x.clip(0, width - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    down, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    v, h = (y - top)[..., None], (x - left)[..., None]
    upper = picture[top, left] * (1 - h) + picture[top, right] * h
    lower = picture[down, left] * (1 - h) + picture[down, right] * h
    return _clipped(upper * (1 - v) + lower * v)


def _smooth_field(draw: np.random.Generator, height: int, width: int, sigma: float) -> np.ndarray:
    rough = Image.fromarray(draw.uniform(-1, 1, (height, width)).astype(np.float32))
    small = max(2, round(width / sigma)), max(2, round(height / sigma))
    field = rough.resize(small, Image.Resampling.BOX).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    values = np.asarray(field, np.float64)
    return values / max(float(np.abs(values).max()), 1e-9)


def _clipped(values: np.ndarray) -> Pixels:
    return np.asarray(values.round().clip(0, 255), np.uint8)


_FAR = 1e5
_LIST = (
    Code("fliph", (), (), (), (), "mirror left and right", _flip_horizontal),
    Code("flipv", (), (), (), (), "mirror top and bottom", _flip_vertical),
    Code(
        "noise",
        ("variance",),
        (0.01,),
        (0,),
        (1,),
        "Gaussian noise; values run 0 to 1",
        _noise,
        colors=True,
    ),
    Code("rot", ("degrees",), (90,), (-_FAR,), (_FAR,), "turn to the left", _rotate),
    Code("trans", ("x", "y"), (8, 8), (-_FAR, -_FAR), (_FAR, _FAR), "move by pixels", _translate),
    Code(
        "zoom",
        ("x1", "y1", "x2", "y2"),
        (0.1, 0.1, 0.9, 0.9),
        (0, 0, 0, 0),
        (_FAR, _FAR, _FAR, _FAR),
        "enlarge a part, given in pixels or as shares from 0 to 1",
        _zoom,
    ),
    Code("blur", ("sigma",), (1.5,), (0,), (1000,), "Gaussian blur in pixels", _blur),
    Code("crop", ("share",), (0.9,), (0.05,), (1,), "a random part, enlarged", _crop),
    Code("bright", ("factor",), (1.2,), (0,), (10,), "brighter above 1", _bright, colors=True),
    Code(
        "contrast",
        ("factor",),
        (1.2,),
        (0,),
        (10,),
        "more contrast above 1",
        _contrast,
        colors=True,
    ),
    Code("cutout", ("share",), (0.25,), (0.01,), (1,), "cover a random rectangle", _cutout),
    Code("jpeg", ("quality",), (30,), (1,), (95,), "save badly once", _jpeg, colors=True),
    Code("elastic", ("alpha", "sigma"), (3, 8), (0, 1), (1000, 1000), "bend like rubber", _elastic),
)
CODES: dict[str, Code] = {code.name: code for code in _LIST}
"""Every code by its name."""


def parse(text: str) -> Chain:
    """Read ``rot_90`` or ``noise_0.01,blur_1.5``.

    Raises:
        DataError: an unknown code or numbers that do not fit, with the ones that do.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise DataError(f"{text!r} has an empty step. Write codes joined by commas: rot_90,blur.")
    return Chain(tuple(_step(part) for part in parts))


def original_of(name: str) -> str:
    """The picture that a file was made of by its name: ``a/b__rot_90.png`` gives ``a/b.png``.

    A name without codes (also with other words after ``__``) is its own original.
    """
    place, dot, ending = name.rpartition(".")
    root, *codes = (place if dot else name).split("__")
    if not codes or not root or root.endswith("/"):
        return name
    try:
        parse(",".join(codes))
    except DataError:
        return name
    return f"{root}{dot}{ending}" if dot else root


def _step(text: str) -> TransformStep:
    name, *given = text.split("_")
    code = CODES.get(name)
    if code is None:
        raise DataError(
            f"there is no code {name!r} (in {text!r}). Choose from: {', '.join(CODES)}."
        )
    if not given:
        return TransformStep(text, code, code.defaults)
    form = "_".join([name, *(f"<{one}>" for one in code.numbers)])
    try:
        values = tuple(float(one) for one in given)
    except ValueError:
        values = ()
    if len(values) != len(code.numbers) or not all(map(math.isfinite, values)):
        raise DataError(f"{text!r} does not fit {form}. Leave the numbers away for the defaults.")
    for value, low, high in zip(values, code.lowest, code.highest, strict=True):
        if not low <= value <= high:
            raise DataError(f"{value:g} in {text!r} is outside {low:g} to {high:g} ({code.words}).")
    return TransformStep(text, code, values)
