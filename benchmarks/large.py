"""Large pictures: cascade, swift at that size, and swift at 64 px enlarged, at equal time."""

from __future__ import annotations

import argparse
import shutil
from time import perf_counter
from typing import Any

import numpy as np
from torch.nn import functional as F

from benchmarks.common import CACHE, keep, kept, kept_here, machine, spread, table
from benchmarks.sets import at_share, faces, photos
from lookalike import api, images
from lookalike.data.pack.pack import Pack
from lookalike.engine.load import open_sampler
from lookalike.images import Pixels
from lookalike.metrics.copies.search import CopyFeatures, see
from lookalike.metrics.features.features import Features, Lite
from lookalike.metrics.scores.scores import score_samples
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.options import pairs
from lookalike.settings.training import TrainSettings

SAMPLES, REAL, COUNT, BASE = 500, 1000, 2000, 64
JUDGES = (1, 2)
"""Of EfficientNet-Lite, fed 224 px: swift and cascade train with the features of number 0."""

Scored = dict[str, tuple[Features, CopyFeatures, CopyFeatures]]


def mix(size: int) -> Pack:
    """Ten styles, drawn at this size."""
    return faces("mix", f"mix{size}-{COUNT}", size, COUNT)


PICTURES = {"mix": mix, "photos": photos}
"""Sets that can be made at any size."""


def judges(pack: Pack) -> Scored:
    """Each judge beside what it sees of the training pictures and of those held out."""
    train = np.arange(len(pack.train))[:REAL]
    held = np.arange(len(pack.holdout))[:REAL]
    found: Scored = {}
    for number in JUDGES:
        judge = Lite(number, side=224)
        seen = [
            see(split.images(rows), judge)
            for split, rows in ((pack.train, train), (pack.holdout, held))
        ]
        found[f"lite{number}"] = (judge, seen[0], seen[1])
    return found


def enlarged(pictures: Pixels, size: int) -> Pixels:
    """What a person could do without a cascade: bicubic."""
    large = F.interpolate(images.to_network(pictures), size=(size, size), mode="bicubic")
    return images.to_pixels(large.clamp(-1, 1))


Made = tuple[Pixels, int]
"""Samples, and the images that were seen for them."""


def trained(pack: Pack, recipe: str, minutes: float, changes: dict[str, Any], name: str) -> Made:
    """Samples of a recipe after this time."""
    folder = CACHE / "runs" / name
    shutil.rmtree(folder, ignore_errors=True)
    wanted = TrainSettings(recipe=recipe, time=60 * minutes, changes=changes)
    outcome = api.train(pack.path, folder, wanted)
    sampler, _, _ = open_sampler(Run.open(folder), Device().place())
    begun = perf_counter()
    pictures = sampler.pictures(1000, 0, SAMPLES)
    print(
        f"{name}: {outcome.images:,} images in {outcome.seconds:.0f} s; "
        f"{(perf_counter() - begun) / SAMPLES * 1000:.0f} ms to draw one",
        flush=True,
    )
    return pictures, outcome.images


def arm(name: str, pack: Pack, minutes: float, changes: dict[str, Any], label: str) -> Made:
    """The pictures of one way to get large ones."""
    if name != "enlarged":
        return trained(pack, name, minutes, changes, label)
    path = CACHE / f"{pack.path.name}-{BASE}"
    small = at_share(lambda: pack, path, pack.size // BASE)
    pictures, seen = trained(small, "swift", minutes, changes, label)
    return enlarged(pictures, pack.size), seen


def measure(
    pack: Pack, arms: list[str], minutes: float, changes: dict[str, Any], note: str
) -> None:
    scored = judges(pack)
    for name in arms:
        label = "-".join(filter(None, (pack.path.name, name, f"{minutes:g}", note)))
        pictures, seen = arm(name, pack, minutes, changes, label)
        images.write_png(CACHE / f"large-{label}.png", images.grid(pictures[:24], 6))
        row: dict[str, Any] = {}
        for judge, (features, train, held) in scored.items():
            scores = score_samples(pictures, train, held, features)
            row[judge] = {
                "kid": scores.kid.value,
                "floor": scores.kid.floor,
                "coverage": scores.coverage.value,
                "coverage_floor": scores.coverage.floor,
                "near_duplicates": scores.near_duplicates.value,
                "copy_excess": scores.copies.excess.value,
            }
        told = {"set": pack.path.name, "size": pack.size, "arm": name, "minutes": minutes}
        keep("large", {**told, "images": seen, "note": note, "machine": machine(), **row})
        print(name, {k: (round(v["kid"], 3), round(v["coverage"], 2)) for k, v in row.items()})


def report(everything: bool = False) -> str:
    """The rows of this kind of machine, or all of them."""
    rows = kept("large") if everything else kept_here("large")
    groups: dict[tuple[str, float, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["minutes"], row["arm"], row["note"]), []).append(row)
    lines = [
        [pack, f"{minutes:g}", name, note, spread([row["images"] for row in mine], 0)]
        + [str(len(mine))]
        + [
            " / ".join(spread([row[f"lite{j}"][key] for row in mine], 3) for j in JUDGES)
            for key in ("kid", "coverage", "near_duplicates", "copy_excess")
        ]
        for (pack, minutes, name, note), mine in sorted(groups.items())
    ]
    header = ["set", "minutes", "arm", "settings", "images", "runs"]
    return table(lines, [*header, "KID", "coverage", "near-duplicates", "copy excess"])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench large", description=__doc__)
    parser.add_argument("--pictures", default="mix", help=f"one of {','.join(PICTURES)}")
    parser.add_argument("--sizes", default="256", help="128,256")
    parser.add_argument("--arms", default="cascade,swift,enlarged")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--set", nargs="*", default=[], help="settings of the recipe: clean=0.5")
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    if not wanted.report:
        for size in map(int, wanted.sizes.split(",")):
            note = " ".join(wanted.set)
            pack = PICTURES[wanted.pictures](size)
            measure(pack, wanted.arms.split(","), wanted.minutes, pairs(wanted.set), note)
    print(report())
    print(f"\nGrids: {CACHE}/large-*.png")
