"""Prepare beside a plain Pillow loop and the same loop in a process pool; memory at two sizes."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

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


def rate(work, count: int) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def speed(place: Path, count: int, repeats: int) -> None:
    from lookalike.stages.prepare import prepare

    print(f"{count} files of 1024 x 768 to {SIZE} px, images/s, median of {repeats}")
    for kind in ("jpg", "png"):
        folder = place / kind
        draw(folder, count, kind, (1024, 768))
        paths = sorted(folder.iterdir())
        found: dict[str, list[float]] = {"plain loop": [], "pool": [], "prepare": []}
        for turn in range(repeats):
            found["plain loop"].append(rate(partial(loop, paths), count))
            found["pool"].append(rate(partial(pool, paths), count))
            to = place / f"{kind}-pack{turn}"
            found["prepare"].append(rate(partial(prepare, folder, to), count))
        base = float(np.median(found["plain loop"]))
        for name, values in found.items():
            middle = float(np.median(values))
            print(f"  {kind}  {name:10}  {middle:7.1f}   {middle / base:4.2f} x the plain loop")


MEMORY = """
import resource, sys
from pathlib import Path
from lookalike.stages.prepare import PrepareSettings, prepare
prepare(Path(sys.argv[1]), Path(sys.argv[2]), PrepareSettings(size=32))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def memory(place: Path) -> None:
    print("peak memory of prepare (parent process)")
    for count in (1_000, 20_000):
        folder = place / f"many{count}"
        draw(folder, count, "jpg", (48, 40))
        told = subprocess.run(
            [sys.executable, "-c", MEMORY, str(folder), str(place / f"pack{count}")],
            check=True,
            capture_output=True,
            text=True,
        )
        print(f"  {count:6,} pictures  {told.stdout.strip()} MB")


def main(arguments: list[str]) -> None:
    asked = argparse.ArgumentParser(prog="bench prepare", description=__doc__)
    asked.add_argument("--count", type=int, default=400)
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--no-memory", action="store_true")
    given = asked.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        speed(Path(place), given.count, given.repeats)
        if not given.no_memory:
            memory(Path(place))
