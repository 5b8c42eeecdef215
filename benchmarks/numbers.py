"""What good, blurred, collapsed, one-kind and copied pictures score: docs/numbers.md."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.common import machine, table
from benchmarks.sets import faces
from lookalike import images
from lookalike.data.pack.pack import Pack
from lookalike.images import Pixels
from lookalike.metrics.copies.search import see
from lookalike.metrics.features.features import choose
from lookalike.metrics.features.real_features import RealFeatures
from lookalike.metrics.scores.scores import Scores, score_samples

PICTURE = Path("docs/images/numbers.png")
TRAINING, HELD, SAMPLES, SHOWN = 1500, 300, 300, 8
HEADER = ("samples", "KID", "ratio", "precision", "recall", "coverage", "near-duplicates",
          "copy excess")  # fmt: skip


def sets(pack: Pack) -> dict[str, Pixels]:
    """Sets of samples that are wrong in one way each, made of real pictures."""
    other = pack.holdout.images(np.arange(HELD, HELD + SAMPLES))
    numbers = pack.train.labels(np.arange(len(pack.train)))
    kind = np.flatnonzero(numbers[:, pack.columns.index("hair=bun")] > 0)
    kind = kind[kind >= TRAINING][:SAMPLES]  # pictures of one kind that are not searched for copies
    train = pack.train.images(np.arange(SAMPLES))
    train[::2] = train[::2, :, ::-1]
    return {
        "good": other,
        "blurred": np.stack([blurred(one) for one in other]),
        "collapsed": other[np.arange(SAMPLES) % 4],
        "one kind": pack.train.images(np.resize(kind, SAMPLES)),
        "copied": train,
    }


def blurred(picture: Pixels) -> Pixels:
    soft = images.to_pillow(picture).filter(ImageFilter.GaussianBlur(1.2))
    return images.from_pillow(soft, picture.shape[-1])


def row(name: str, found: Scores) -> list[str]:
    return [
        name,
        f"{found.kid.value:.2f}",
        f"{found.kid.ratio:.1f}",
        *(f"{one.value:.2f}" for one in (found.precision, found.recall, found.coverage)),
        f"{found.near_duplicates.value:.0%}",
        f"{found.copies.excess.value:.1f}",
    ]


def sheet(made: dict[str, Pixels], rows: list[list[str]]) -> Image.Image:
    """A strip of samples for every set, with its name and three numbers at the left."""
    side, gap, left = 64, 6, 190
    size = (left + SHOWN * (side + 2) + gap, len(made) * (side + 2 * gap) + gap)
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    large, small = (ImageFont.load_default(points) for points in (17, 12))
    for number, ((name, pictures), cells) in enumerate(zip(made.items(), rows, strict=True)):
        top = gap + number * (side + 2 * gap)
        draw.text((gap, top + 2), name, "black", large)
        words = (f"KID {cells[1]}   coverage {cells[5]}", f"twins {cells[6]}   copies {cells[7]}x")
        for line, text in enumerate(words):
            draw.text((gap, top + 26 + 17 * line), text, "#555555", small)
        for place, one in enumerate(pictures[:SHOWN]):
            page.paste(images.to_pillow(one), (left + place * (side + 2), top))
    return page


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench numbers", description=__doc__)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    wanted = parser.parse_args(arguments)
    pack = faces()
    eye = choose(pack.channels, pack.size)
    real = RealFeatures(pack, eye)
    sides = []
    for split, count in ((pack.train, TRAINING), (pack.holdout, HELD)):
        rows = split.pack_rows(np.arange(count))
        sides.append(see(pack.shards.take(rows), eye, vectors=real.of(rows)))
    real.save()
    made = sets(pack)
    scored = {name: score_samples(pictures, *sides, eye) for name, pictures in made.items()}
    cells = [row(name, found) for name, found in scored.items()]
    floor = scored["good"]
    print(
        f"Machine: {machine()}. Demo faces, 64 px, {SAMPLES} samples against {TRAINING:,} training "
        f"and {HELD} held-out pictures, judge {eye.name}."
    )
    print(table(cells, HEADER))
    print(
        f"Floors: precision {floor.precision.floor:.2f}, recall {floor.recall.floor:.2f}, coverage "
        f"{floor.coverage.floor:.2f}, near-duplicates {floor.near_duplicates.floor:.1%}."
    )
    sheet(made, cells).save(wanted.picture, optimize=True)
    print(f"Picture: {wanted.picture}")
