"""Seconds and memory of the verbs at 10^4, 10^5, 10^6 pictures, with the exponent of time.

Each row is a process of its own. ``real`` rows decode PNG files of 16 px; ``sparse`` packs have
shards of zeros that take no disk, at 64 px; ``drawn`` rows are hashes, digests, pixels and vectors
at random. Memory is the most that the process held of its own while it worked: pages of files that
it maps are not counted, since the system takes them back when it needs them, and neither are the
workers that decode. Seconds are those of processors, the workers' among them, so that other work on
the machine changes them less. What was measured on this kind of machine is not measured again;
--again does.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common

SIDE = 64
BEGIN = "begin\n"

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]


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
        "fingerprint": fingerprint(count, held),
    }
    (folder / "pack.json").write_text(json.dumps(info))
    with (folder / "manifest.jsonl").open("w") as lines:
        for number, one in enumerate(held.tolist()):
            split = "holdout" if one else "train"
            lines.write(f'{{"source": "{number:08d}.png", "split": "{split}"}}\n')
    return folder


def fingerprint(count: int, held: NDArray[np.bool_]) -> str:
    """That of a pack of zeros without classes; a pack is compared with its own up to 4 GB."""
    from lookalike.data.pack.pack import MOST_VERIFIED, new_fingerprint

    digest, each = new_fingerprint((SIDE, SIDE, 3)), SIDE * SIDE * 3
    for first in range(0, count if count * each <= MOST_VERIFIED else 0, 1000):
        digest.update(bytes(min(1000, count - first) * each))
    digest.update(np.full(count, -1, np.int32).tobytes())
    digest.update(held.tobytes())
    digest.update(json.dumps([[], []]).encode())
    return digest.hexdigest()


def prepare(home: Path, count: int) -> Callable[[], object]:
    import lookalike

    folder = files(home, count)
    return lambda: lookalike.prepare(folder, home / "pack", size=16, workers=1)


def merge(home: Path, count: int) -> Callable[[], object]:
    import lookalike

    folder = files(home, count)
    for number in (1, 2):
        words = ["prepare", str(folder), "--to", str(home / "pack"), "--size", "16"]
        words += ["--part", f"{number}/2"]
        subprocess.run([sys.executable, "-m", "lookalike", *words], check=True, capture_output=True)
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


def trained(home: Path, count: int) -> Callable[[], object]:
    """A thousand batches of 16, with what a training does before and behind them."""
    import lookalike

    folder = sparse_pack(home, count)
    changes = {"images": "16000", "batch": "16", "width": "4"}
    return lambda: lookalike.train(folder, home / "run", recipe="tiny", changes=changes, threads=1)


def evaluated(home: Path, count: int) -> Callable[[], object]:
    """2,000 samples of noise against the pack: features of both, and every score."""
    from lookalike.settings.evaluation import EvaluateSettings
    from lookalike.stages.evaluate import evaluate

    folder = sparse_pack(home, count)
    settings = EvaluateSettings(judge="random", classes=False)
    return lambda: evaluate(noise, folder, settings)


def copies(home: Path, count: int) -> Callable[[], object]:
    """What 'generate' asks of 1,000 pictures, the learning of what a copy is included."""
    from lookalike.data.pack.pack import Pack
    from lookalike.metrics.copies.copy_filter import copy_check

    pack = Pack.open(sparse_pack(home, count))

    def work() -> None:
        check = copy_check(pack)
        assert check is not None
        check(noise(1000))

    return work


def twins(home: Path, count: int) -> Callable[[], object]:
    """So many pictures of one class that all pass in 'expand', each held against those before."""
    from lookalike.metrics.copies.search import CopyFeatures, CopyRule
    from lookalike.metrics.features.features import RandomConv
    from lookalike.metrics.utility.selection import CandidateLook, SelectedPictures, Sieve

    draw = np.random.default_rng(0)
    mixed = draw.normal(size=(16, 1280)).astype(np.float32)

    def vectors(many: int) -> Vectors:
        rough = draw.normal(size=(many, 1280)).astype(np.float32)
        return draw.normal(size=(many, 16)).astype(np.float32) @ mixed + rough

    training = CopyFeatures("", vectors(2000), np.zeros((2000, 192)), np.zeros((2000, 32, 32, 3)))
    sieve = Sieve(RandomConv(), training, CopyRule(1.0, 1.0), outlier=np.inf, twin=1e-6)
    chosen = SelectedPictures(sieve, 0)

    def work() -> None:
        for first in range(0, count, 256):
            some = vectors(min(256, count - first))
            far = np.zeros(len(some))
            look = CandidateLook(some, None, far + 2, far)
            for row in range(len(some)):
                chosen.ask(look, row)

    return work


def coverage(home: Path, count: int) -> Callable[[], object]:
    """Density and coverage of 2,000 samples against the most that are looked at of so many."""
    from lookalike.metrics.distances.manifold import manifold
    from lookalike.settings.evaluation import EvaluateSettings

    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(min(count, EvaluateSettings().most) + 2000, 64)).astype(np.float32)
    return lambda: manifold(vectors[:2000], vectors[2000:])


def outliers(home: Path, count: int) -> Callable[[], object]:
    """How far each picture of the doctor's is from the others."""
    from lookalike.data.doctor.findings import plain_strangeness

    pixels = np.memmap(home / "squares", np.uint8, "w+", shape=(count, SIDE, SIDE, 3))
    return lambda: plain_strangeness(pixels)


def noise(count: int) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def holdout(home: Path, count: int) -> Callable[[], object]:
    from lookalike.data.pack.holdout import choose_holdout

    digests = np.random.default_rng(0).integers(0, 2**63, count)
    return lambda: choose_holdout(np.arange(count), [""] * count, digests, 0.1)


def near(home: Path, count: int) -> Callable[[], object]:
    """A hundredth of them twice; thumbnails come from a file, as in 'prepare'."""
    from lookalike.data.similarity.near_duplicates import near_groups

    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**63, (2, count), np.uint64) * np.uint64(2)
    hashes[:, : count // 100] = hashes[:, -(count // 100) :]
    thumbs = np.memmap(home / "thumbs", np.uint8, "w+", shape=(count, 16, 16, 1))
    for first in range(0, count, 1 << 16):
        thumbs[first : first + (1 << 16)] = draw.integers(0, 256, (1, 16, 16, 1), np.uint8)
    return lambda: near_groups(hashes[0], hashes[1], thumbs)


WORK: dict[str, tuple[str, Callable[[Path, int], Callable[[], object]]]] = {
    "open a pack": ("sparse", opened),
    "thousand batches, fed": ("sparse", fed),
    "thousand batches, trained": ("sparse", trained),
    "hold-out": ("drawn", holdout),
    "near copies": ("drawn", near),
    "outliers (doctor)": ("sparse", outliers),
    "copies (generate)": ("sparse", copies),
    "evaluate": ("sparse", evaluated),
    "density, coverage": ("drawn", coverage),
    "twins (expand)": ("drawn", twins),
    "prepare": ("real", prepare),
    "merge of 2 parts": ("real", merge),
    "doctor --quick": ("real", doctor),
}


def own_megabytes(process: int) -> float:
    """What a process holds of its own now, without the pages of files that it maps."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1e3


def measured(name: str, count: int, scratch: str | None) -> dict[str, float]:
    """Seconds, and megabytes at the most, of one piece of work in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--one", name, "--counts", str(count)]
    more = ["--scratch", scratch] if scratch else []
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline() not in (BEGIN, ""):
            pass
        most = own_megabytes(process.pid)
        while process.poll() is None:
            time.sleep(0.02)
            most = max(most, own_megabytes(process.pid))
        told = process.stdout.read().splitlines()
    if process.returncode:
        raise SystemExit(f"{name} with {count:,} pictures ended with {process.returncode}.")
    spent, seconds = json.loads(told[-1])
    return {"spent": spent, "seconds": seconds, "mb": most}


def one(name: str, count: int, scratch: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        work = WORK[name][1](Path(home), count)
        print(BEGIN, end="", flush=True)
        start, before = time.perf_counter(), sum(os.times()[:4])
        work()
        seconds, spent = time.perf_counter() - start, sum(os.times()[:4]) - before
        print(json.dumps([spent if spent >= 0.1 else seconds, seconds]), flush=True)


def exponent(counts: list[int], seconds: list[float]) -> str:
    """By how much time grows with the count: the slope between logarithms."""
    if len(counts) < 2:
        return "-"
    return f"{np.polyfit(np.log(counts), np.log(seconds), 1)[0]:.2f}"


def main(arguments: list[str]) -> None:
    words = argparse.ArgumentParser(prog="./scripts/bench scale", description=__doc__)
    words.add_argument("--counts", default="10000,100000")
    words.add_argument("--only", default=";".join(WORK), help="names, with ; between them")
    words.add_argument("--scratch", help="a folder on a disk with room")
    words.add_argument("--report", action="store_true", help="only print what was measured")
    words.add_argument("--again", action="store_true", help="also measure what was measured")
    words.add_argument("--one", help=argparse.SUPPRESS)
    asked = words.parse_args(arguments)
    counts = [int(float(text)) for text in asked.counts.split(",")]
    if asked.one:
        one(asked.one, counts[0], asked.scratch)
        return
    print(common.machine())
    known = {} if asked.again else rows_here()
    for count in [] if asked.report else counts:
        for name in (name for name in asked.only.split(";") if (name, count) not in known):
            row = {"work": name, "data": WORK[name][0], "count": count}
            row |= {**measured(name, count, asked.scratch), "machine": common.machine()}
            common.keep("scale", row)
            print(f"{name}, {count:,}: {cell(row)}", flush=True)
    print(report())


def cell(row: dict[str, Any]) -> str:
    spent = row["spent"]
    seconds = f"{spent:,.0f} s" if spent >= 1000 else f"{spent:.3g} s"
    time_spent = seconds if spent >= 0.1 else f"{1000 * spent:.3g} ms"
    return f"{time_spent}, {row['mb']:,.0f} MB"


def rows_here() -> dict[tuple[str, int], dict[str, Any]]:
    """The rows of this kind of machine by work and count, the newest of each.

    Seconds are those of processors, so that rows held to a core of it are among them.
    """
    here = _whole(common.machine())
    rows = (row for row in common.kept("scale") if _whole(row["machine"]) == here)
    return {(row["work"], row["count"]): row for row in rows}


def _whole(machine: str) -> str:
    return re.sub(r"\d+ of (?=\d+ cores)", "", common.kind(machine))


def report() -> str:
    """The table of the rows of this kind of machine; what has none is left out."""
    found = rows_here()
    counts = sorted({count for _, count in found})
    lines = []
    for name in (name for name in WORK if any(work == name for work, _ in found)):
        mine = [found[name, count] for count in counts if (name, count) in found]
        cells = {row["count"]: cell(row) for row in mine}
        grown = mine[-1]["count"] - mine[0]["count"]
        each = max(0.0, (mine[-1]["mb"] - mine[0]["mb"]) * 1e6 / max(1, grown))
        grows = exponent([row["count"] for row in mine], [row["spent"] for row in mine])
        spans = [cells.get(count, "-") for count in counts]
        lines.append([name, WORK[name][0], *spans, grows, f"{each:,.0f}" if grown else "-"])
    header = [f"10^{math.log10(count):.3g}" for count in counts]
    return common.table(lines, ["work", "data", *header, "exponent", "bytes a picture"])


if __name__ == "__main__":
    main(sys.argv[1:])
