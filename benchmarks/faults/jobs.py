"""What is disturbed: commands with the place that they begin in, and what must come out of each."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.faults.commands import Ended, Nursery
from lookalike import checkpoints

TINY = ("--precision", "fp32", "--recipe", "tiny", "--set", "images=320", "batch=8", "width=4")
VOLATILE = {".lock", "log.txt", "env.json", "health.json", "scores.json", "plan.json"}
"""Files that tell of the work itself (seconds, threads, process), not of its result."""
LOOKS = {"watchers"}
"""Fields of a checkpoint that tell of looks at moments of wall time."""


@dataclass(frozen=True)
class Job:
    """A command, the jobs that come before it, and the folders below the place that it makes.

    With ``once`` they appear whole or not at all, and the command refuses to write them again.
    """

    name: str
    words: tuple[str, ...]
    before: tuple[str, ...]
    makes: tuple[str, ...]
    once: bool = False


JOBS = {
    job.name: job
    for job in (
        Job(
            "prepare",
            ("prepare", "pics", "--to", "pack", "--size", "16", "--holdout", "0.45"),
            (),
            ("pack",),
        ),
        Job("train", ("train", "pack", "--into", "run", *TINY), ("prepare",), ("run",)),
        Job(
            "start",
            ("start", "pics", "--into", "begun", "--size", "16", *TINY),
            (),
            ("begun",),
        ),
        Job(
            "generate",
            ("generate", "run", "-n", "12", "--to", "out", "--grid", "--keep-copies"),
            ("prepare", "train"),
            ("out",),
        ),
        Job(
            "expand",
            ("expand", "pack", "--run", "run", "--factor", "1.2", "--to", "more", "--judge",
             "pixels", "--steps", "20", "--tries", "3", "--keep-copies"),
            ("prepare", "train"),
            ("more",),
            once=True,
        ),
        Job(
            "utility",
            ("utility", "pack", "--run", "run", "--seeds", "2", "--steps", "10", "--ways", "plain",
             "--to", "useful"),
            ("prepare", "train"),
            ("useful",),
        ),
        Job("merge", ("merge", "pack"), ("part 1", "part 2"), ("pack",)),
    )
}  # fmt: skip
PARTS = {
    f"part {n}": Job(f"part {n}", (*JOBS["prepare"].words, "--part", f"{n}/2"), (), ())
    for n in (1, 2)
}
"""What is done before, and disturbed by nobody."""


@dataclass(frozen=True)
class Undisturbed:
    """A job done in peace: how it ended, and its results by file name."""

    ended: Ended
    results: dict[str, str]


class Workshop:
    """Places to begin in, and the undisturbed results; each made once, always at the same path.

    What is prepared notes where its pictures lie, so every trial happens in ``place`` itself.
    """

    def __init__(self, root: Path, nursery: Nursery) -> None:
        self.root, self.nursery = root, nursery
        self.place = root / "place"
        self._known: dict[str, Undisturbed] = {}

    def begin(self, job: Job) -> None:
        """Make the place what it is before the job."""
        shutil.rmtree(self.place, ignore_errors=True)
        template = self.root / f"before-{job.name}"
        if not template.exists():
            draw_pictures(self.place / "pics")
            for name in job.before:
                self._done({**JOBS, **PARTS}[name])
            shutil.copytree(self.place, template)
            return
        shutil.copytree(template, self.place)

    def undisturbed(self, job: Job) -> Undisturbed:
        if job.name not in self._known:
            self.begin(job)
            ended = self._done(job)
            self._known[job.name] = Undisturbed(ended, results(self.place, job.makes))
        return self._known[job.name]

    def run(self, job: Job, near: str = "", **how: Any) -> Ended:
        """The job, in the surroundings of this name if there is one."""
        nursery = self.nursery.near(near) if near else self.nursery
        return nursery.run(job.words, self.place, **how)

    def finish(self, job: Job) -> str:
        """Give the command again in peace; what differs from the undisturbed, or nothing."""
        whole = job.once and all((self.place / folder).exists() for folder in job.makes)
        ended = Ended(0, "", 0.0) if whole else self.run(job)
        if ended.wrong or ended.status:
            return ended.wrong or f"again: exit status {ended.status}: {ended.said[-400:]}"
        found, wanted = results(self.place, job.makes), self.undisturbed_results(job)
        other = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        if other:
            return f"other results: {', '.join(other[:5])}"
        parts = [str(path.relative_to(self.place)) for path in left_over(self.place)]
        return f"left over: {', '.join(parts[:5])}" if parts else ""

    def undisturbed_results(self, job: Job) -> dict[str, str]:
        return self._known[job.name].results

    def _done(self, job: Job) -> Ended:
        ended = self.run(job)
        if ended.status:
            raise SystemExit(f"{job.name} does not work undisturbed: {ended.said}")
        return ended


def draw_pictures(folder: Path, count: int = 60) -> None:
    """Two classes of small pictures of few flat cells; not every name is ASCII."""
    draw = np.random.default_rng(0)
    for label in ("first", "größe"):
        (folder / label).mkdir(parents=True)
        for index in range(count):
            cells = Image.fromarray(draw.integers(0, 256, (4, 4, 3), np.uint8))
            cells.resize((20, 20), Image.Resampling.NEAREST).save(folder / label / f"{index}.png")


def results(place: Path, folders: Iterable[str]) -> dict[str, str]:
    """Digests of the files that a job made, without those that tell of the work itself.

    Of the checkpoints and grids of a run only the newest count (when it saved and looked is a
    matter of wall time), without what watchers noted.
    """
    found = {}
    for folder in folders:
        for path in sorted((place / folder).rglob("*")):
            if path.is_file() and path.name not in VOLATILE and path.suffix != ".html":
                if path.parent.name not in {"checkpoints", "samples"}:
                    found[str(path.relative_to(place))] = _digest(path.read_bytes())
        for checkpoint_folder in (place / folder).rglob("checkpoints"):
            newest = max(checkpoint_folder.glob("0*.safetensors"), default=None)
            if newest is not None:
                found[str(newest.relative_to(place))] = _state(checkpoints.read(newest))
                grids = sorted((checkpoint_folder.parent / "samples").glob("*.png"))
                for grid in grids[-1:]:
                    whole = grid.is_file()
                    found[str(grid.relative_to(place))] = _digest(
                        grid.read_bytes() if whole else b""
                    )
    return found


def left_over(place: Path) -> list[Path]:
    """Hidden files and folders that something was written to before it got its name."""
    return [path for path in place.rglob(".*part*")]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _state(tree: Any) -> str:
    parts: list[bytes] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key in sorted(value, key=str):
                if key not in LOOKS:
                    walk(f"{name}/{key}", value[key])
        elif isinstance(value, list):
            for index, item in enumerate(value):
                walk(f"{name}/{index}", item)
        elif isinstance(value, torch.Tensor):
            flat = value.detach().contiguous().reshape(-1).view(torch.uint8)
            parts.append(name.encode() + (flat.numpy().tobytes() if flat.numel() else b""))
        else:
            parts.append(f"{name}={value!r}".encode())

    walk("", tree)
    return _digest(b"".join(parts))
