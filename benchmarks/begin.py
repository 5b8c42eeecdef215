"""What --begin-with gives: a set has grown, and a run goes on with the weights of the last one."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.common import CACHE, keep, kept_here, machine, spread, table
from benchmarks.own_judge import own_judge
from benchmarks.sets import mix
from lookalike import api, images
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.subset import subset
from lookalike.engine.load import open_sampler
from lookalike.metrics.scores.scores import score_samples
from lookalike.progress import silent
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.training import TrainSettings
from lookalike.stages.evaluate import RealSet

SMALL, GROWN, SAMPLES = 600, 900, 2000
FIRST, THEN = 1_500, 1_000
"""Images shown in the run on the small set, and in those on the grown one.

Seconds would measure what else the machine has to do.
"""


def packs() -> tuple[Pack, Pack]:
    """600 drawings of ten styles, and 900 with these among them; the same ones held out."""
    whole = mix()
    rows = np.linspace(0, len(whole.train) - 1, GROWN).astype(int)
    held = np.arange(len(whole.holdout))
    order = np.random.default_rng(0).permutation(rows)
    small = subset(whole, CACHE / f"pack-mix-{SMALL}", np.sort(order[:SMALL]), held)
    return small, subset(whole, CACHE / f"pack-mix-{GROWN}", rows, held)


def arms(seed: int, folder: Path) -> Iterator[tuple[str, Path]]:
    """The runs by what they are, trained in turn."""
    small, grown = packs()
    shutil.rmtree(folder, ignore_errors=True)
    rows = {
        f"{SMALL} pictures, {FIRST:,} images: the run before": (small, "before", FIRST, None),
        f"{GROWN} pictures, {THEN:,} images, --begin-with it": (grown, "begun", THEN, "before"),
        f"{GROWN} pictures, {THEN:,} images, anew": (grown, "anew", THEN, None),
        f"{GROWN} pictures, {FIRST + THEN:,} images, anew": (grown, "longer", FIRST + THEN, None),
    }
    for arm, (pack, name, count, first) in rows.items():
        changes = {"seed": seed, "images": count}
        begin_with = None if first is None else folder / first
        api.train(pack.path, folder / name, TrainSettings(changes=changes, begin_with=begin_with))
        yield arm, folder / name


def measure(seed: int) -> None:
    """Train the arms with one seed and keep what the pack's own judge says of each."""
    whole, (_, grown) = mix(), packs()
    judge = own_judge(whole, CACHE)
    sides = np.arange(len(grown.train)), np.arange(len(grown.holdout))
    rows = grown.train.pack_rows(sides[0]), grown.holdout.pack_rows(sides[1])
    real = RealSet(grown.train.images(sides[0]), grown.holdout.images(sides[1]), grown, rows)
    train, held = real.seen(judge, silent)
    for arm, path in arms(seed, CACHE / "runs" / f"begin-{seed}"):
        sampler, _, seen = open_sampler(Run.open(path), Device().place())
        samples = sampler.pictures(1000 + seed, 0, SAMPLES)
        sheet = images.grid(images.enlarge(samples[:64], 64), 8)
        images.write_png(CACHE / f"begin-{path.name}-{seed}.png", sheet)
        scores = score_samples(samples, train, held, judge)
        row = {"arm": arm, "seed": seed, "machine": machine(), "images": seen}
        told = {"kid": scores.kid.value, "low": scores.kid.low, "high": scores.kid.high}
        keep("begin", {**row, **told, "coverage": scores.coverage.value})
        print(f"{arm}, seed {seed}: KID {scores.kid.value:.4f}", flush=True)


def report() -> str:
    """The table of what was measured on a machine of this kind."""
    rows = kept_here("begin")
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        columns = [[row[name] for row in mine] for name in ("kid", "coverage")]
        lines.append([arm, str(len(mine)), *(spread(values) for values in columns)])
    return table(lines, ["run", "runs", "KID, own judge", "coverage"])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench begin", description=__doc__)
    parser.add_argument("--seeds", default="0", help="one row for each: 0,1,2")
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    if not wanted.report:
        for seed in wanted.seeds.split(","):
            measure(int(seed))
    print(report())
