"""Prepare beside a plain Pillow loop and the same loop in a process pool; memory at two sizes."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from benchmarks.common import machine, median, spread, table
from lookalike.stages.prepare import prepare

SIZE = 64


def draw(folder: Path, count: int, kind: str, size: tuple[int, int]) -> None:
    """Photograph-like files: soft shapes with grain, each its own."""
    folder.mkdir()
    for index in range(count):
        noise = np.random.default_rng(index)
        ground = Image.fromarray(noise.integers(0, 256, (12, 16, 3), np.uint8))
        pixels = np.asarray(ground.resize(size, Image.Resampling.BICUBIC), np.float32)
        grain = noise.normal(0, 6, (*pixels.shape[:2], 1))
        picture = Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{index:06d}.{kind}", **({"quality": 90} if kind == "jpg" else {}))


def plain(path: Path) -> np.ndarray:
    """What a script in a hurry does: open, center crop, Lanczos."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def loop(paths: list[Path]) -> None:
    for path in paths:
        plain(path)


def pool(paths: list[Path]) -> None:
    with ProcessPoolExecutor() as workers:
        list(workers.map(plain, paths, chunksize=16))


def rate(work: Callable[[], object], count: int) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def speed(place: Path, count: int, repeats: int) -> list[list[str]]:
    """A row for JPEG and one for PNG; each turn times the three ways one after the other."""
    rows = []
    for kind in ("jpg", "png"):
        folder = place / kind
        draw(folder, count, kind, (1024, 768))
        paths = sorted(folder.iterdir())
        for path in paths:
            path.read_bytes()  # from the memory in every turn, also the first
        found: dict[str, list[float]] = {"loop": [], "pool": [], "prepare": []}
        for turn in range(repeats):
            found["loop"].append(rate(partial(loop, paths), count))
            found["pool"].append(rate(partial(pool, paths), count))
            to = place / f"{kind}-pack{turn}"
            found["prepare"].append(rate(partial(prepare, folder, to), count))
            shutil.rmtree(to)
        base = median(found["loop"])
        times = [f"{median(found[way]) / base:.2f}" for way in ("pool", "prepare")]
        rows.append([kind, *(spread(values, 0) for values in found.values()), *times])
        shutil.rmtree(folder)
    return rows


ONE = """
import sys
from pathlib import Path
from lookalike.stages.prepare import prepare
from lookalike.settings.data import PrepareSettings
prepare(Path(sys.argv[1]), Path(sys.argv[2]), PrepareSettings(size=64))
"""


def memory(place: Path, counts: list[int], repeats: int) -> list[list[str]]:
    """The peak of all processes together and of the first one, in MB, at several sizes."""
    folder = place / "many"
    draw(folder, max(counts), "jpg", (96, 80))
    rows = []
    for count in sorted(counts, reverse=True):
        for path in sorted(folder.iterdir())[count:]:
            path.unlink()
        peaks = [peak_of(folder, place / f"pack{count}-{turn}") for turn in range(repeats)]
        every, first = ([one[at] / 2**20 for one in peaks] for at in (0, 1))
        rows.append([f"{count:,}", spread(every, 0), spread(first, 0)])
    return rows[::-1]


def peak_of(folder: Path, to: Path) -> tuple[int, int]:
    """Prepare in a fresh process; the highest sum over it and its workers, and over it alone."""
    words = [sys.executable, "-c", ONE, str(folder), str(to)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        every = first = 0
        while process.poll() is None:
            sizes = [held(one) for one in family(process.pid)]
            every, first = max(every, sum(sizes)), max(first, sizes[0])
            time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"prepare ended with status {process.returncode}")
    shutil.rmtree(to)
    return every, first


def family(first: int) -> list[int]:
    """A process and all that came from it; Linux only."""
    found = [first]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def held(process: int) -> int:
    """Bytes in memory; pages that processes share, and mapped files, count in proportion."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(next(x for x in text.splitlines() if x.startswith("Pss:")).split()[1]) * 1024


def main(arguments: list[str]) -> None:
    asked = argparse.ArgumentParser(prog="bench prepare", description=__doc__)
    asked.add_argument("--count", type=int, default=400)
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--many", type=int, nargs="*", default=[1_000, 20_000])
    asked.add_argument("--no-memory", action="store_true")
    given = asked.parse_args(arguments)
    print(f"{machine()}; Pillow {PIL.__version__}; median of {given.repeats} (least to greatest)")
    with tempfile.TemporaryDirectory() as place:
        print(f"\n{given.count} files of 1024 x 768 to {SIZE} px, images/s\n")
        rows = speed(Path(place), given.count, given.repeats)
        header = [
            "",
            "plain loop",
            "the loop in a pool",
            "prepare",
            "pool / loop",
            "prepare / loop",
        ]
        print(table(rows, header), flush=True)
        if given.many and not given.no_memory:
            print(f"\nPeak memory of preparing JPEG files of 96 x 80 to {SIZE} px, MB\n")
            rows = memory(Path(place), given.many, given.repeats)
            print(table(rows, ["pictures", "all processes", "the first one"]))
