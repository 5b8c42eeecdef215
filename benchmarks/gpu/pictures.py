"""Draws the pictures that the last parts need, in a process of its own beside the first parts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drawings import drawings_pack
from benchmarks.gpu.bench import Bench
from benchmarks.sets import at_share
from lookalike.data.demo import draw_demo
from lookalike.data.pack.pack import Pack
from lookalike.settings.data import DemoSettings, PrepareSettings
from lookalike.stages.prepare import prepare


@dataclass(frozen=True)
class Amounts:
    """How many faces of which side, and drawings of which sides; None are all there are."""

    faces: int
    face: int
    drawings: int | None
    side: int

    @property
    def sides(self) -> tuple[int, int]:
        """The sides of the drawings: half of the largest and the largest."""
        return self.side // 2, self.side


FULL = Amounts(faces=4000, face=64, drawings=None, side=128)
TINY = Amounts(faces=64, face=32, drawings=48, side=64)


def amounts(tiny: bool) -> Amounts:
    """What this run needs."""
    return TINY if tiny else FULL


def start(folder: Path, tiny: bool, log: Path) -> subprocess.Popen[bytes]:
    """Begin to draw into ``folder``; what the process says goes to ``log``."""
    command = [sys.executable, "-m", "benchmarks.gpu.pictures", str(folder), str(int(tiny))]
    with open(log, "wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)


def pack(bench: Bench, name: str) -> Pack:
    """A pack of the folder, waited for until the part's deadline.

    Raises:
        FileNotFoundError: it was not drawn, or not in time.
    """
    path = bench.pictures / name
    if not Pack.is_pack(path):
        bench.results.say(f"waiting for the pictures of {name}")
    while not Pack.is_pack(path):
        if (bench.pictures / "ended").exists() or bench.deadline.left() < 0:
            raise FileNotFoundError(f"the pictures of {name} were not drawn; drawing.log says why")
        time.sleep(0.2)
    return Pack.open(path)


def faces(folder: Path, wanted: Amounts) -> None:
    """A pack of demo faces of one style, a quarter of them held out."""
    pictures = folder / "face-pictures"
    draw_demo(pictures, DemoSettings(count=wanted.faces, size=wanted.face))
    prepare(pictures, folder / "faces", PrepareSettings(size=wanted.face, holdout=0.25))


def main(folder: Path, tiny: bool) -> None:
    """Draw everything that is not there yet, the least urgent last."""
    if hasattr(os, "nice"):
        os.nice(10)
    wanted = amounts(tiny)
    try:
        if not Pack.is_pack(folder / "faces"):
            faces(folder, wanted)
        half, whole = (folder / f"drawings-{side}" for side in wanted.sides)
        at_share(lambda: drawings_pack(whole, wanted.side, wanted.drawings), half)
    finally:
        (folder / "ended").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "1")
