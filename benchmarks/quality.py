"""KID, coverage, near-duplicates and copies of swift, dcgan and two textbook loops, by minutes."""

from __future__ import annotations

import argparse
import math
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import textbook
from benchmarks.common import CACHE, keep, kept, kept_here, kind, machine, median, spread, table
from benchmarks.sets import SETS
from lookalike import api, images, recipe
from lookalike.data.pack.classes import column_groups
from lookalike.data.pack.pack import Pack
from lookalike.engine.load import open_sampler
from lookalike.metrics.copies.search import CopyFeatures
from lookalike.metrics.features.features import Features, Lite
from lookalike.metrics.scores.scores import score_samples
from lookalike.progress import silent
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.training import TrainSettings
from lookalike.stages.evaluate import RealSet

SAMPLES = 2000
TEXTBOOK = ("textbook-dcgan", "textbook-sngan")
STEADY = ("dcgan",)
"""Recipes in which nothing follows the budget: ten minutes are five minutes, trained further."""


def judges(pack: Pack) -> dict[str, Features]:
    """Networks that no recipe trains with; the pack's own classifier where it has labels."""
    found: dict[str, Features] = {"lite1": Lite(1), "lite2": Lite(2)}
    if not pack.columns:
        return found
    try:
        from benchmarks.own_judge import own_judge
    except ImportError:
        return found
    return {**found, "own": own_judge(pack, CACHE)}


def make(
    method: str, pack: Pack, minutes: list[float], run: int, again: bool = False
) -> dict[float, NDArray]:
    """Samples of a method after each of these times of training, or ``again`` of runs kept here."""
    if method in TEXTBOOK:
        pictures = pack.train.all_images()
        name = method.removeprefix("textbook-")
        made = textbook.train(name, pictures, [60 * m for m in minutes], run, SAMPLES)
        return {seconds / 60: samples for seconds, samples in made.items()}
    found = {}
    shorter: tuple[Path, float] | None = None
    for minute in sorted(minutes):
        folder = CACHE / "runs" / f"{pack.path.name}-{method}-{minute:g}-{run}"
        if not again:
            shutil.rmtree(folder, ignore_errors=True)
        wanted = TrainSettings(recipe=method, time=60 * minute, changes={"seed": run})
        if method in STEADY and shorter and not folder.exists():
            begun, spent = shorter
            shutil.copytree(begun, folder)
            wanted = replace(wanted, time=None, more=60 * (minute - spent))
        trained = api.train(pack.path, folder, wanted)
        if trained.images > trained.resumed_at:
            told = {"set": pack.path.name, "method": method, "minutes": minute}
            seen = {"seconds": trained.seconds, "images": trained.images}
            keep("quality-times", {**told, **seen, "from": trained.resumed_at})
        shorter = folder, minute
        sampler, _, _ = open_sampler(Run.open(folder), Device().place())
        found[minute] = sampler.pictures(1000 + run, 0, SAMPLES)
    return found


def score(
    samples: NDArray,
    pack: Pack,
    seen: dict[str, tuple[CopyFeatures, CopyFeatures]],
    found: dict[str, Features],
) -> dict[str, Any]:
    """The numbers of one set of samples by every judge."""
    row: dict[str, Any] = {}
    for name, features in found.items():
        train, held = seen[name]
        scores = score_samples(samples, train, held, features)
        row[name] = {
            "kid": scores.kid.value,
            "low": scores.kid.low,
            "high": scores.kid.high,
            "floor": scores.kid.floor,
            "coverage": scores.coverage.value,
            "coverage_floor": scores.coverage.floor,
            "near_duplicates": scores.near_duplicates.value,
            "near_duplicates_floor": scores.near_duplicates.floor,
            "copy_excess": scores.copies.excess.value,
        }
    return row


def measure(
    name: str, methods: list[str], minutes: list[float], runs: int, again: bool = False
) -> None:
    pack = SETS[name]()
    found = judges(pack)
    train = np.arange(len(pack.train))[:: max(1, len(pack.train) // 3000)][:3000]
    held = np.arange(len(pack.holdout))
    rows = pack.train.pack_rows(train), pack.holdout.pack_rows(held)
    real = RealSet(pack.train.images(train), pack.holdout.images(held), pack, rows)
    seen = {key: real.seen(features, silent) for key, features in found.items()}
    done = {(r["set"], r["method"], r["minutes"], r["run"]) for r in comparable()}
    for run in range(runs):
        for method in methods:
            todo = [m for m in minutes if (name, method, m, run) not in done]
            if not todo:
                continue
            for minute, samples in make(method, pack, todo, run, again).items():
                sheet = images.grid(images.enlarge(samples[:64], 64), 8)
                images.write_png(CACHE / f"{name}-{method}-{minute:g}-{run}.png", sheet)
                row = score(samples, pack, seen, found)
                keep(
                    "quality",
                    {
                        "set": name,
                        "method": method,
                        "minutes": minute,
                        "run": run,
                        "machine": machine(),
                        "defaults": defaults(method, name),
                        **row,
                    },
                )
                print(
                    f"{name} {method} {minute:g} min run {run}: "
                    + ", ".join(f"{k} KID {v['kid']:.4f}" for k, v in row.items()),
                    flush=True,
                )


@cache
def defaults(method: str, name: str) -> str:
    """A fingerprint of the recipe on this set: results of other defaults are not its results."""
    if method in TEXTBOOK:
        return ""
    pack = SETS[name]()
    # As 'train' does: classes where there is nothing else.
    count = len(pack.classes) if len(pack.classes) == len(pack.columns) else 0
    frame = {"size": pack.size, "channels": pack.channels, "labels": count, "classes": count}
    groups = {"groups": column_groups(pack)} if count else {}
    return recipe.fingerprint(recipe.make(recipe.find(method), {}, {**frame, **groups}))


def comparable() -> list[dict[str, Any]]:
    """What was measured on a machine of this kind with the recipes' defaults of today."""
    return [
        row
        for row in kept_here("quality")
        if row.get("defaults", "") == defaults(row["method"], row["set"])
    ]


def report(sets: list[str], minutes: list[float], everything: bool = False) -> str:
    """The tables of what compares with a run here and now, or of all that is kept, by machine."""
    rows = [
        row
        for row in (kept("quality") if everything else comparable())
        if row["set"] in sets and row["minutes"] in minutes
    ]
    groups: dict[tuple[str, str, float], list[dict[str, Any]]] = {}
    for row in rows:
        was = row.get("defaults", "")
        if was != defaults(row["method"], row["set"]):
            row = {**row, "method": f"{row['method']}, earlier defaults {was[:6]}".rstrip()}
        groups.setdefault((kind(row["machine"]), row["set"], row["minutes"]), []).append(row)
    parts = []
    for (where, name, minute), here in sorted(groups.items()):
        parts += [f"\n{name}, {minute:g} minutes. Machine: {where}.", _table(here)]
    return "\n".join(parts) or "Nothing that compares with this machine was measured (--all)."


def _table(rows: list[dict[str, Any]]) -> str:
    found = [key for key in ("lite1", "lite2", "own") if all(key in row for row in rows)]
    lines = []
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        cells = [method, str(len(mine))]
        for key in found:
            kids = [row[key]["kid"] for row in mine]
            best = min(
                (
                    median([r[key]["kid"] for r in rows if r["method"] == other])
                    for other in TEXTBOOK
                    if any(r["method"] == other for r in rows)
                ),
                default=float("nan"),
            )
            floor = median([row[key]["floor"] for row in rows])
            low = median([row[key]["low"] for row in mine])
            cells += [spread(kids, 4), _share(median(kids), low, best, floor)]
        first = found[0]
        cells += [
            spread([row[first][key] for row in mine], 3)
            for key in ("coverage", "near_duplicates", "copy_excess")
        ]
        lines.append(cells)
    header = ["method", "runs"]
    for key in found:
        floor = median([row[key]["floor"] for row in rows])
        header += [f"KID {key} (floor {floor:.4f})", "of the better textbook"]
    floors = [
        median([row[found[0]][k] for row in rows])
        for k in ("coverage_floor", "near_duplicates_floor")
    ]
    header += [
        f"coverage (floor {floors[0]:.2f})",
        f"near-duplicates (floor {floors[1]:.3f})",
        "copy excess",
    ]
    return table(lines, header)


def _share(kid: float, low: float, best: float, floor: float) -> str:
    """A KID as a share of the better textbook's, unless its interval reaches down to the floor."""
    if math.isnan(best):
        return "-"
    return "at the floor" if low <= max(floor, 0) else f"1/{best / kid:.1f}"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench quality", description=__doc__)
    parser.add_argument("--sets", default="faces", help=f"of {','.join(SETS)}")
    parser.add_argument("--methods", default="swift,dcgan,textbook-dcgan,textbook-sngan")
    parser.add_argument("--minutes", default="5", help="2,5,10")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--again",
        action="store_true",
        help="draw anew from runs kept in .cache; what is not there is trained",
    )
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    parser.add_argument("--all", action="store_true", help="print other machines' rows, too")
    wanted = parser.parse_args(arguments)
    minutes = [float(m) for m in wanted.minutes.split(",")]
    if not wanted.report:
        for name in wanted.sets.split(","):
            measure(name, wanted.methods.split(","), minutes, wanted.runs, wanted.again)
    print(report(wanted.sets.split(","), minutes, wanted.all))
    print(f"\nGrids: {CACHE}/*.png")
