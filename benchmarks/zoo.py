"""Every recipe for the same processor time on two sets: scores, strips, docs/recipes.md."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.common import CACHE, keep, kept, machine, table
from benchmarks.processes import lookalike
from benchmarks.sets import SETS
from lookalike import images, recipe
from lookalike.data.decode.worker_pool import cores
from lookalike.data.pack.pack import Pack
from lookalike.durations import seconds
from lookalike.engine.budget import measure
from lookalike.engine.load import open_sampler
from lookalike.errors import LookalikeError
from lookalike.images import Pixels
from lookalike.metrics.distances.kernel import kid_interval
from lookalike.metrics.distances.manifold import manifold, near_duplicates
from lookalike.metrics.features.features import Lite, Vectors
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.options import pairs
from lookalike.settings.training import TrainSettings
from lookalike.stages.train import decided, plan, source

ROOT = Path(__file__).parents[1]
PAGE, STRIPS = ROOT / "docs" / "recipes.md", ROOT / "docs" / "images" / "zoo"
NAMED = {
    "fashion": "Fashion-MNIST (32 px, grey, 10 classes)",
    "faces32": "Demo faces (32 px, color)",
    "faces": "Demo faces (64 px, color)",
}
SAMPLES, SHOWN, STRIP = 1000, 12, 48
LEFT_OUT = {"tiny"}
"""The recipe of the tests."""


def names() -> list[str]:
    return [one.name for one in recipe.names() if one.name not in LEFT_OUT]


@cache
def real_of(name: str) -> tuple[Vectors, Vectors, dict[str, float]]:
    """What the judge sees in training and held-out pictures, kept on disk, and their own scores."""
    pack, kept_in = SETS[name](), CACHE / f"zoo-{name}.npz"
    every = np.arange(len(pack.train))
    if not kept_in.exists():
        some = pack.train.images(every[:: max(1, len(every) // 3000)][:3000])
        held = pack.holdout.all_images()
        np.savez(kept_in, train=Lite(1)(some), held=Lite(1)(held))
    found = np.load(kept_in)
    train, held = found["train"], found["held"]
    floors = {
        "kid_floor": kid_interval(train, held).value,
        "coverage_floor": manifold(train[: len(held)], held).coverage,
        "near_duplicates_floor": near_duplicates(train[:SAMPLES], train).real_share,
    }
    return train, held, floors


def scores(name: str, samples: Pixels) -> dict[str, float]:
    """KID, coverage and near-duplicates by EfficientNet-Lite1: what ``evaluate`` says of them."""
    train, held, floors = real_of(name)
    ours = Lite(1)(samples)
    kid = kid_interval(ours, held)
    return {
        "kid": kid.value,
        "kid_low": kid.low,
        "kid_high": kid.high,
        "coverage": manifold(ours[: len(held)], held).coverage,
        "near_duplicates": near_duplicates(ours, train).share,
        **floors,
    }


def speed_of(
    pack: Pack, method: str, time_: float, threads: int, changes: list[str]
) -> tuple[int, float]:
    """How many images a recipe sees in so many seconds of processor time, and how many in one.

    Processor time, so that other work on the machine does not shorten a training.
    """
    place = Device(threads=threads).place()
    wanted = TrainSettings(recipe=method, changes=pairs(changes))
    asked = plan(pack, Run(CACHE / "runs" / "none"), wanted, place).recipe
    pictures = source(pack, asked)
    place = decided(asked, pictures, place)
    found = measure(asked, pictures, place, seconds=0.06 * time_, clock=time.process_time)
    return found.images(time_, asked.batch), found.mean


def train(name: str, method: str, budget: str, threads: int, changes: list[str]) -> dict[str, Any]:
    """One training, judged, with its strip drawn. A refusal is a result, too.

    The strip of a recipe with ``changes`` to its settings lies in its run's folder.
    """
    pack = SETS[name]()
    folder = CACHE / "runs" / f"zoo-{name}-{method}"
    shutil.rmtree(folder, ignore_errors=True)
    row: dict[str, Any] = {"set": name, "recipe": method, "budget": budget}
    row |= {"machine": machine(), "threads": threads}
    try:
        shown, rate = speed_of(pack, method, seconds(budget), threads, changes)
    except LookalikeError as problem:
        return {**row, "failed": str(problem)}
    arguments = ["train", str(pack.path), "--recipe", method, "--set", *changes, f"images={shown}"]
    ran = lookalike([*arguments, "--into", str(folder), "--threads", str(threads)], 0.5)
    if ran.code:
        return {**row, "failed": ran.said}
    told = json.loads(ran.told)
    sampler, _, _ = open_sampler(Run.open(folder), Device().place())
    samples = sampler.pictures(0, 0, SAMPLES)
    draw_strip((folder if changes else STRIPS) / f"{name}-{method}.png", samples[:SHOWN])
    state, _ = Run(folder).newest()
    weights = sum(int(value.numel()) for value in (state or {}).get("networks", {}).values())
    row |= {"images": told["images"], "images_per_second": rate}
    row |= {"mb": round(ran.mb), "weights": weights, **scores(name, samples)}
    if told.get("naming"):
        row["naming"] = told["naming"]["sentence"]
    return row


def draw_strip(path: Path, pictures: Pixels) -> None:
    """Twelve samples in a row, at 48 px and 64 colors: a few KB."""
    grid = images.to_pillow(images.grid(pictures, len(pictures)))
    wide = STRIP * len(pictures)
    small = grid.resize((wide, wide * grid.height // grid.width), Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.quantize(64).save(path, optimize=True)


def told(row: dict[str, Any]) -> str:
    """How a run ended, in one line."""
    if "failed" in row:
        return f"{row['set']} {row['recipe']}: {row['failed']}"
    return (
        f"{row['set']} {row['recipe']}: near-duplicates {row['near_duplicates']:.3f} (real "
        f"{row['near_duplicates_floor']:.3f}), coverage {row['coverage']:.2f} (real "
        f"{row['coverage_floor']:.2f}), KID {row['kid']:.4f}"
    )


def rows_of(budget: str) -> list[dict[str, Any]]:
    """The newest result of every set and recipe."""
    found = {(r["set"], r["recipe"]): r for r in kept("zoo") if r["budget"] == budget}
    return list(found.values())


def write_page(budget: str, chosen: list[str]) -> None:
    """docs/recipes.md from what was measured; a recipe without a result keeps its section."""
    rows = [row for row in rows_of(budget) if row["set"] in chosen]
    command = f"./scripts/bench zoo --for {budget} --sets {','.join(chosen)}"
    parts = [
        "# Recipes",
        "",
        f"Written by `{command}`: do not edit. Every recipe trained for {budget} of processor time "
        "on each set, with its own defaults and one seed, and was judged by one network that no "
        f"recipe trains with (EfficientNet-Lite1; {SAMPLES:,} samples against held-out pictures). "
        "The strips are the first twelve samples, not chosen. `lookalike compare` does the same "
        "on your pictures.",
        "",
        f"**Read it as a start, not as a ranking.** {budget} are a few hundred steps for most: "
        "they show which recipes start fast, not which end best. One run each, so differences "
        "between neighbors say nothing.",
        "",
        f"Machine: {_where(rows)}.",
        "",
        *_missing(rows, chosen),
    ]
    for name in chosen:
        parts += _set_table(name, [row for row in rows if row["set"] == name])
    for one in recipe.names():
        if one.name not in LEFT_OUT:
            parts += _section(one, {row["set"]: row for row in rows if row["recipe"] == one.name})
    PAGE.write_text("\n".join(parts).rstrip() + "\n", "utf-8")
    print(f"wrote {PAGE}")


def _missing(rows: list[dict[str, Any]], chosen: list[str]) -> list[str]:
    """What the same command would still train."""
    done = {(row["set"], row["recipe"]) for row in rows}
    left = {name: [one for one in names() if (name, one) not in done] for name in chosen}
    told = [
        f"{NAMED.get(n, n).partition(' (')[0]}: {', '.join(some)}"
        for n, some in left.items()
        if some
    ]
    return [f"Not measured yet. {'; '.join(told)}.", ""] if told else []


def _where(rows: list[dict[str, Any]]) -> str:
    """The machines, threads and loads of the runs."""
    if not rows:
        return "nothing was measured yet"
    split = [row["machine"].partition(", load ") for row in rows]
    loads = sorted(float(load) for _, _, load in split if load)
    threads = sorted({row["threads"] for row in rows})
    return (
        f"{'; '.join(sorted({name for name, _, _ in split}))}; {' or '.join(map(str, threads))} "
        f"thread{'s' * (threads != [1])} for each training. Other work shared the machine (load "
        f"{loads[0]:g} to {loads[-1]:g}), which is why processor time is counted"
    )


def _set_table(name: str, rows: list[dict[str, Any]]) -> list[str]:
    good = sorted((row for row in rows if "failed" not in row), key=lambda row: row["kid"])
    if not good:
        return []
    first = good[0]
    lines = [
        [
            f"[{row['recipe']}](#{row['recipe']})",
            f"{row['kid']:.4f} ({row['kid_low'] or 0:.4f} to {row['kid_high'] or 0:.4f})",
            f"{row['coverage']:.2f}",
            f"{row['near_duplicates']:.3f}",
            f"{row['images_per_second']:.0f}",
            f"{row['mb']:.0f}",
            f"{row['weights'] / 1e6:.2f} M",
        ]
        for row in good
    ]
    header = ("recipe", f"KID, 95 % (real {first['kid_floor']:.4f})",
              f"coverage (real {first['coverage_floor']:.2f})",
              f"near-duplicates (real {first['near_duplicates_floor']:.3f})",
              "images/s", "MB", "weights")  # fmt: skip
    return [f"## {NAMED.get(name, name)}", "", table(lines, header), ""]


def _section(one: recipe.RecipeFile, rows: dict[str, dict[str, Any]]) -> list[str]:
    sizes = ", ".join(map(str, one.sizes))
    parts = [f"## {one.name}", "", f"{one.about}", "", f"Sizes: {sizes}. Labels: {one.labels}.",
             "", "```", f"lookalike train PACK --recipe {one.name}", "```", ""]  # fmt: skip
    for name, row in rows.items():
        what = NAMED.get(name, name).partition(" (")[0]
        if "failed" in row:
            parts += [f"{what}: {row['failed']}", ""]
            continue
        parts += [
            f"![{one.name} on {name}](images/zoo/{name}-{one.name}.png)",
            "",
            f"{what}: {row['images']:,} images seen, near-duplicates {row['near_duplicates']:.3f} "
            f"(real {row['near_duplicates_floor']:.3f}), coverage {row['coverage']:.2f} (real "
            f"{row['coverage_floor']:.2f}).",
            "",
        ]
        if row.get("naming"):
            parts += [row["naming"] + ".", ""]
    return parts


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench zoo", description=__doc__)
    parser.add_argument(
        "--for",
        dest="budget",
        default="2m",
        help="processor time of each training, over all threads",
    )
    parser.add_argument("--sets", default="fashion,faces32", help=f"of {','.join(NAMED)}")
    parser.add_argument("--threads", type=int, default=cores(), help="threads of each training")
    parser.add_argument("--recipes", default="", help="only these, anew; results are kept")
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        dest="changes",
        metavar="NAME=VALUE",
        help="change settings of --recipes: a trial, whose result is printed and not kept",
    )
    parser.add_argument("--report", action="store_true", help="only write the page")
    wanted = parser.parse_args(arguments)
    seconds(wanted.budget)
    torch.set_num_threads(wanted.threads)
    if wanted.changes and not wanted.recipes:
        parser.error("--set changes settings of single recipes: name them with --recipes")
    chosen = wanted.sets.split(",")
    methods = wanted.recipes.split(",") if wanted.recipes else names()
    done = {(row["set"], row["recipe"]) for row in rows_of(wanted.budget)}
    for name in () if wanted.report else chosen:
        for method in methods:
            if (name, method) in done and not wanted.recipes:
                continue
            row = train(name, method, wanted.budget, wanted.threads, wanted.changes)
            if not wanted.changes:
                keep("zoo", row)
            print(told(row), flush=True)
    if not wanted.changes:
        write_page(wanted.budget, chosen)
