"""Seconds and memory of the verbs at 10^4, 10^5, 10^6 pictures, with the exponent of time.

Each row is a process of its own. ``real`` rows decode PNG files of 16 px; ``sparse`` packs have
shards of zeros that take no disk, at 64 px; ``drawn`` rows are hashes and digests at random.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common

SIDE = 64


def files(home: Path, count: int) -> Path:
    """A folder of so many different PNG files, a thousand a folder; nearly all bytes are pixels."""
    from PIL import Image

    folder = home / f"photos-{count}"
    draw = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"{number // 1000:05d}"
        if number % 1000 == 0:
            place.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 256, (4, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        Image.fromarray(pixels).save(place / f"{number:08d}.png", compress_level=1)
    return folder


def sparse_pack(home: Path, count: int) -> Path:
    """A pack whose shards are holes: a disk holds ten million pictures of it in 200 MB."""
    from lookalike.data.pack.pack import HEADER, shard_header

    folder, each = home / f"sparse-{count}", SIDE * SIDE * 3
    folder.mkdir()
    per, shards = (1 << 30) // each, []
    for number, first in enumerate(range(0, count, per)):
        name, many = f"images-{number:05d}.npy", min(per, count - first)
        with (folder / name).open("wb") as file:
            file.write(shard_header((many, SIDE, SIDE, 3)))
            file.truncate(HEADER + many * each)
        shards.append({"file": name, "count": many})
    held = np.random.default_rng(0).random(count) < 0.1
    np.save(folder / "classes.npy", np.full(count, -1, np.int32))
    np.save(folder / "train.npy", np.flatnonzero(~held))
    np.save(folder / "holdout.npy", np.flatnonzero(held))
    info: dict[str, Any] = {"format": "lookalike-pack", "version": 1, "size": SIDE, "channels": 3}
    info |= {"count": count, "train": int((~held).sum()), "holdout": int(held.sum())}
    info |= {
        "shards": shards,
        "classes": [],
        "class_counts": {},
        "columns": [],
        "attributes": [],
        "fingerprint": "0",
    }
    (folder / "pack.json").write_text(json.dumps(info))
    return folder


def prepare(home: Path, count: int) -> Callable[[], object]:
    import lookalike

    folder = files(home, count)
    return lambda: lookalike.prepare(folder, home / "pack", size=16, workers=1)


def merge(home: Path, count: int) -> Callable[[], object]:
    import lookalike

    folder = files(home, count)
    for number in (1, 2):
        lookalike.prepare(folder, home / "pack", size=16, workers=1, part=f"{number}/2")
    return lambda: lookalike.merge(home / "pack")


def doctor(home: Path, count: int) -> Callable[[], object]:
    import lookalike

    folder = files(home, count)
    return lambda: lookalike.doctor(folder, quick=True, workers=1)


def opened(home: Path, count: int) -> Callable[[], object]:
    from lookalike.data.pack.pack import Pack

    folder = sparse_pack(home, count)
    return lambda: Pack.open(folder)


def fed(home: Path, count: int) -> Callable[[], object]:
    """A thousand batches of 64 as a training takes them, the first order of an epoch included."""
    from lookalike.data.pack.feed import Feed
    from lookalike.data.pack.pack import Pack

    pack = Pack.open(sparse_pack(home, count))

    def work() -> None:
        feed = Feed(pack.train, 0)
        for at in range(0, 64_000, 64):
            pack.train.images(feed.indices(at, 64))

    return work


def holdout(home: Path, count: int) -> Callable[[], object]:
    from lookalike.data.pack.holdout import choose_holdout

    digests = np.random.default_rng(0).integers(0, 2**63, count).tolist()
    return lambda: choose_holdout(np.arange(count), [""] * count, digests, 0.1)


def near(home: Path, count: int) -> Callable[[], object]:
    from lookalike.data.similarity.near_duplicates import near_groups

    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**63, (2, count), np.uint64) * np.uint64(2)
    hashes[:, : count // 100] = hashes[:, -(count // 100) :]
    thumbs = draw.integers(0, 256, (count, 16, 16, 1), np.uint8)
    return lambda: near_groups(hashes[0], hashes[1], thumbs)


WORK: dict[str, tuple[str, Callable[[Path, int], Callable[[], object]]]] = {
    "prepare": ("real", prepare),
    "merge of 2 parts": ("real", merge),
    "doctor --quick": ("real", doctor),
    "near copies": ("drawn", near),
    "hold-out": ("drawn", holdout),
    "open a pack": ("sparse", opened),
    "thousand batches": ("sparse", fed),
}


def measured(name: str, count: int, scratch: str | None) -> tuple[float, float]:
    """Seconds and megabytes at the most of one piece of work, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--one", name, "--counts", str(count)]
    more = ["--scratch", scratch] if scratch else []
    told = subprocess.run([*command, *more], check=True, capture_output=True, text=True).stdout
    seconds, megabytes = json.loads(told.splitlines()[-1])
    return seconds, megabytes


def one(name: str, count: int, scratch: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        work = WORK[name][1](Path(home), count)
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3]))


def exponent(counts: list[int], seconds: list[float]) -> str:
    """By how much time grows with the count: the slope between logarithms."""
    if len(counts) < 2:
        return "-"
    return f"{np.polyfit(np.log(counts), np.log(seconds), 1)[0]:.2f}"


def main(arguments: list[str]) -> None:
    words = argparse.ArgumentParser(prog="./scripts/bench scale", description=__doc__)
    words.add_argument("--counts", default="10000,100000")
    words.add_argument("--only", default=",".join(WORK))
    words.add_argument("--scratch", help="a folder on a disk with room")
    words.add_argument("--report", action="store_true", help="only print what was measured")
    words.add_argument("--one", help=argparse.SUPPRESS)
    asked = words.parse_args(arguments)
    counts = [int(float(text)) for text in asked.counts.split(",")]
    if asked.one:
        one(asked.one, counts[0], asked.scratch)
        return
    print(common.machine())
    for name in [] if asked.report else asked.only.split(","):
        for count in counts:
            seconds, megabytes = measured(name, count, asked.scratch)
            row = {"work": name, "data": WORK[name][0], "count": count, "seconds": seconds}
            common.keep("scale", {**row, "mb": megabytes, "machine": common.machine()})
            print(f"{name}, {count:,}: {seconds:.3g} s, {megabytes:,.0f} MB", flush=True)
    print(report())


def report() -> str:
    """The rows of this kind of machine, the newest of each count; what has none is left out."""
    here = common.kind(common.machine())
    rows = [row for row in common.kept("scale") if common.kind(row["machine"]) == here]
    found = {(row["work"], row["count"]): row for row in rows}
    counts = sorted({count for _, count in found})
    lines = []
    for name in (name for name in WORK if any(work == name for work, _ in found)):
        mine = [found[name, count] for count in counts if (name, count) in found]
        cells = {row["count"]: f"{row['seconds']:.3g} s, {row['mb']:,.0f} MB" for row in mine}
        grown = mine[-1]["count"] - mine[0]["count"]
        each = (mine[-1]["mb"] - mine[0]["mb"]) * 1e6 / max(1, grown)
        grows = exponent([row["count"] for row in mine], [row["seconds"] for row in mine])
        spans = [cells.get(count, "-") for count in counts]
        lines.append([name, WORK[name][0], *spans, grows, f"{each:,.0f}" if grown else "-"])
    header = [f"10^{math.log10(count):.3g}" for count in counts]
    return common.table(lines, ["work", "data", *header, "exponent", "bytes a picture"])


if __name__ == "__main__":
    main(sys.argv[1:])
