"""ssgan on Fashion-MNIST with few labels: accuracy beside the same network without the rest."""

from __future__ import annotations

import argparse

from benchmarks.common import keep, kept, machine, machines, mean_interval, spent, table
from benchmarks.processes import trained
from benchmarks.sets import fashion


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench ssgan", description=__doc__)
    parser.add_argument("--for", dest="budget", default="10m", help="time of a seed, or images")
    parser.add_argument("--labelled", type=int, default=20, help="labels a class")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    key = {"budget": wanted.budget, "labelled": wanted.labelled}
    pack = fashion()
    for seed in range(0 if wanted.report else wanted.seeds):
        if any(row["seed"] == seed and key.items() <= row.items() for row in kept("ssgan")):
            continue
        few = f"labelled={wanted.labelled}"
        _, told, ran = trained("ssgan", pack.path, seed, wanted.budget, "--set", few)
        keep("ssgan", {**key, "seed": seed, "images": told["images"], "seconds": told["seconds"],
                       "mb": ran.mb, "machine": machine(), **told["naming"]})  # fmt: skip
    rows = [row for row in kept("ssgan") if key.items() <= row.items()]
    print(
        f"Fashion-MNIST, {wanted.labelled} labels a class, {len(pack.train):,} pictures, "
        f"{len(pack.holdout):,} test pictures; {spent(wanted.budget)} of training a seed. "
        f"{machines(rows)}"
    )
    lines = [
        [
            str(row["seed"]),
            _share(row, "accuracy"),
            _share(row, "baseline"),
            f"{100 * (row['accuracy'] - row['baseline']):+.1f}",
            f"{row['images']:,}",
        ]
        for row in rows
    ]
    header = ("seed", "ssgan, % (95 %)", "baseline, % (95 %)", "difference", "images")
    print(table(lines, header))
    for name, values in (
        ("ssgan", [100 * row["accuracy"] for row in rows]),
        ("baseline", [100 * row["baseline"] for row in rows]),
        ("difference", [100 * (row["accuracy"] - row["baseline"]) for row in rows]),
    ):
        print(f"mean {name}: {mean_interval(values)} over {len(values)} seeds")


def _share(row: dict[str, float], key: str) -> str:
    low, high = row[f"{key}_low"], row[f"{key}_high"]
    return f"{100 * row[key]:.1f} ({100 * low:.1f} to {100 * high:.1f})"
