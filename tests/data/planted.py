"""A corpus with known faults of each kind, for the doctor's tests and its benchmark."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


@dataclass
class Planted:
    """The folder, and for each kind of finding the groups of names of which one must be named."""

    folder: Path
    total: int = 0
    seed: int = 0
    wanted: dict[str, list[set[str]]] = field(default_factory=dict)

    def want(self, kind: str, *names: str) -> None:
        self.wanted.setdefault(kind, []).append(set(names))

    def scene(self, number: int, size: int = 160) -> Image.Image:
        """A sharp picture of this corpus."""
        return scene(self.seed + number, size)


def scene(seed: int, size: int = 160) -> Image.Image:
    """A sharp picture of its own: colored shapes with edges on a soft ground."""
    draw = np.random.default_rng(seed)
    ground = Image.fromarray(draw.integers(60, 200, (4, 4, 3), np.uint8))
    pixels = np.asarray(ground.resize((size, size), Image.Resampling.BICUBIC)).copy()
    y, x = np.mgrid[:size, :size]
    for _ in range(int(draw.integers(5, 9))):
        top, left = draw.uniform(0.1, 0.9, 2) * size
        wide, high = draw.uniform(0.06, 0.22, 2) * size
        if draw.random() < 0.5:
            inside = ((x - left) / wide) ** 2 + ((y - top) / high) ** 2 < 1
        else:
            inside = (abs(x - left) < wide) & (abs(y - top) < high)
        pixels[inside] = draw.integers(0, 256, 3)
    grain = draw.normal(0, 3, pixels.shape)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def stranger(index: int) -> Image.Image:
    """Something else entirely: noise, stripes, a board, rings, lines of a page."""
    draw = np.random.default_rng(index)
    y, x = np.mgrid[:160, :160]
    grey = (
        draw.integers(0, 256, (160, 160)),
        255 * (x // 3 % 2),
        255 * ((x // 10 + y // 10) % 2),
        127 * (1 + np.sin(np.hypot(x - 80, y - 80) / 2)),
        np.where((y // 5 % 2 == 1) & (draw.random((160, 160)) < 0.5), 0, 255),
    )[index]
    return Image.fromarray(np.asarray(grey, np.uint8)).convert("RGB")


def plant(folder: Path, good: int = 140, seed: int = 0) -> Planted:
    """Write the corpus: ``good`` sound pictures in two classes, and eight faults of each kind.

    Another ``seed`` draws other pictures with the same faults.
    """
    corpus = Planted(folder, seed=10_000 * seed)
    for name in ("left", "right"):
        (folder / name).mkdir(parents=True)
    for number in range(good):
        side = "left" if number % 2 else "right"
        corpus.scene(number).save(folder / side / f"good{number:04d}.png")
    for index in range(8):
        _plant_files(corpus, index)
        _plant_pictures(corpus, index)
        _plant_same(corpus, index)
    corpus.total = sum(1 for one in folder.rglob("*") if one.is_file())
    return corpus


def _plant_files(corpus: Planted, index: int) -> None:
    left = corpus.folder / "left"
    corpus.scene(1000 + index).save(left / f"cut{index}.jpg", quality=90)
    data = (left / f"cut{index}.jpg").read_bytes()
    (left / f"cut{index}.jpg").write_bytes(data[: len(data) * (index + 1) // 10])
    (left / f"words{index}.jpg").write_text("<html>404</html>" if index % 2 else "no picture")
    for name in (f"cut{index}.jpg", f"words{index}.jpg"):
        corpus.want("unreadable", f"left/{name}")
    corpus.scene(1100 + index).convert("CMYK").save(left / f"ink{index}.jpg", quality=95)
    corpus.scene(1200 + index).quantize(128).save(left / f"palette{index}.png")
    for name in (f"ink{index}.jpg", f"palette{index}.png"):
        corpus.want("mode", f"left/{name}")


def _plant_pictures(corpus: Planted, index: int) -> None:
    right = corpus.folder / "right"
    Image.new("RGB", (160, 160), (index * 30, 40, 90)).save(right / f"blank{index}.png")
    corpus.scene(1300 + index).filter(ImageFilter.GaussianBlur(5)).save(right / f"blur{index}.png")
    long = Image.new("RGB", (480, 150))
    for place in range(3):
        long.paste(corpus.scene(1400 + 3 * index + place).resize((160, 150)), (160 * place, 0))
    long.rotate(90 * (index % 2), expand=True).save(right / f"long{index}.png")
    corpus.scene(1500 + index, 40).save(right / f"tiny{index}.png")
    for kind in ("blank", "blur", "long", "tiny"):
        corpus.want("aspect" if kind == "long" else kind, f"right/{kind}{index}.png")
    if index < 5:
        stranger(index).save(right / f"stranger{index}.png")
        corpus.want("outlier", f"right/stranger{index}.png")


def _plant_same(corpus: Planted, index: int) -> None:
    folder = corpus.folder
    first = folder / "left" / f"first{index}.png"
    corpus.scene(1600 + index).save(first)
    shutil.copy(first, folder / "left" / f"copy{index}.png")
    corpus.want("copy", f"left/first{index}.png", f"left/copy{index}.png")
    corpus.scene(1700 + index).save(folder / "left" / f"twin{index}.png")
    other = _altered(corpus.scene(1700 + index), index)
    other.save(folder / "left" / f"twin{index}_again.png")
    corpus.want("near", f"left/twin{index}.png", f"left/twin{index}_again.png")
    corpus.scene(1800 + index).save(folder / "left" / f"two{index}.png")
    shutil.copy(folder / "left" / f"two{index}.png", folder / "right" / f"two{index}.png")
    corpus.want("conflict", f"left/two{index}.png", f"right/two{index}.png")
    corpus.want("copy", f"left/two{index}.png", f"right/two{index}.png")


def _altered(picture: Image.Image, index: int) -> Image.Image:
    size = picture.width
    ways = (
        lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda p: p.resize((96, 96), Image.Resampling.LANCZOS),
        lambda p: ImageEnhance.Brightness(p).enhance(1.2),
        lambda p: ImageEnhance.Contrast(p).enhance(0.8),
    )
    if index < 4:
        return ways[index](picture)
    cut = size * (0.05 + 0.02 * (index - 4))
    return picture.crop((int(cut), int(cut / 2), int(size - cut / 2), int(size - cut))).resize(
        (size, size)
    )
