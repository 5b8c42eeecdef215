"""The walks: how many files a picture passes from a folder to a batch, and a z to a PNG.

They are watched while the commands run, not read. A picture (or a z) passes a file when one of its
functions gives it back, as the path of its file, as bytes, as an array or a tensor, as a picture of
Pillow's, or inside a list, a mapping or an object that holds one of these. Files that only look at
it (a hash), all below a question about it (how real does D find it, is it a copy), files that end
its walk and files that only call the others are counted beside these.
``python tests/contract/test_walks.py`` prints the lists.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import torch
from PIL import Image

import lookalike
from lookalike.cli.main import main
from lookalike.data.decode import worker_pool
from lookalike.efficientnet import installed

ROOT = f"{Path(lookalike.__file__).parent}/"
OLD = Path(__file__).with_name("version_0_1")
RAW, SIDE = 41, 32
SIDES = (RAW, SIDE)
"""Sides of the pictures in the folder, in the pack and of the old runs."""

QUESTIONS = {"BestOf.scorer.<locals>.score", "CopyCheck.__call__"}
"""Functions that answer with a number or a yes."""

Carries = Callable[[object], bool]


class Files(list[str]):
    """Files in order, each once."""

    def append(self, file: str) -> None:
        if file not in self:
            super().append(file)


@dataclass
class Walk:
    """Files in the order in which the thing came out of them, and those that had it or called."""

    passed: Files = field(default_factory=Files)
    every: Files = field(default_factory=Files)

    def add(self, frame: FrameType, passed: bool) -> None:
        """The file of this frame, and those below it on the stack."""
        below: FrameType | None = frame
        while below is not None:
            code = below.f_code
            passed = passed and code.co_qualname not in QUESTIONS
            if code.co_filename.startswith(ROOT):
                self.every.append(code.co_filename.removeprefix(ROOT))
            below = below.f_back
        if passed:
            self.passed.append(frame.f_code.co_filename.removeprefix(ROOT))

    @property
    def beside(self) -> list[str]:
        """The files that had it and did not give it back, or only called."""
        return [file for file in self.every if file not in self.passed]


@contextmanager
def watched(carries: Carries, walk: Walk, begin: str = "main", end: str = "main") -> Iterator[None]:
    """Adds the files whose functions are given or give back what ``carries`` knows.

    Nothing counts before the first call of the function ``begin`` or from that of ``end`` on.
    """
    begun = over = False

    def look(frame: FrameType, event: str, result: object) -> None:
        nonlocal begun, over
        if event not in {"call", "return"} or not frame.f_code.co_filename.startswith(ROOT):
            return
        if event == "call":
            over = over or (begun and frame.f_code.co_qualname == end)
            begun = begun or frame.f_code.co_qualname == begin
        values = frame.f_locals.values() if event == "call" else [result]
        if begun and not over and any(holds(value, carries) for value in values):
            walk.add(frame, passed=event == "return")

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def holds(value: object, carries: Carries, deep: int = 3) -> bool:
    """Whether this is the thing, or holds it."""
    if carries(value):
        return True
    inside: list[object] = []
    if isinstance(value, list | tuple):
        inside = list(value[:4])
    elif isinstance(value, Mapping):
        inside = list(value.values())[:4]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        inside = [getattr(value, f.name, None) for f in dataclasses.fields(value)]
    return deep > 0 and any(holds(part, carries, deep - 1) for part in inside)


def is_picture(value: object) -> bool:
    """Knows pixels, encoded bytes, and the name of a picture's file."""
    if isinstance(value, str | Path):
        return Path(value).name.startswith("view-")
    if isinstance(value, bytes):
        return value.startswith(b"\x89PNG")
    if isinstance(value, np.ndarray | torch.Tensor):
        shape = list(value.shape)
        return 3 in shape and any(shape.count(side) == 2 for side in SIDES)
    return isinstance(value, Image.Image)


def is_drawn(width: int) -> Carries:
    """Knows z of this width, and the pictures that it becomes."""

    def carries(value: object) -> bool:
        if isinstance(value, np.ndarray | torch.Tensor) and value.ndim == 2:
            return value.shape[1] == width
        return is_picture(value)

    return carries


def folder_to_batch(folder: Path) -> Walk:
    """The walk of a picture: ``prepare``, then the first step of ``train`` up to its losses."""
    pictures, pack, walk = folder / "pictures", folder / "pack", Walk()
    pictures.mkdir()
    random = np.random.default_rng(0)
    for number in range(24):
        pixels = random.integers(0, 255, (RAW, RAW, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"view-{number}.png")
    with watched(is_picture, walk):
        main(["prepare", str(pictures), "--to", str(pack), "--size", str(SIDE)])
    words = ["--recipe", "tiny", "--set", "images=8", "batch=8", "--into", str(folder / "run")]
    with watched(is_picture, walk, begin="Trainer.step", end="Trainer._play"):
        main(["train", str(pack), *words])
    return walk


def z_to_png(folder: Path, name: str) -> Walk:
    """The walk of a z: ``generate`` of an old run beside its pack, with the search for copies."""
    walk, run = Walk(), folder / name
    shutil.copytree(OLD / "runs" / name, run)
    env = json.loads((run / "env.json").read_text("utf-8"))
    env["data"]["path"] = str(shutil.copytree(OLD / "pack", folder / f"pack of {name}"))
    (run / "env.json").write_text(json.dumps(env), "utf-8")
    saved = json.loads((run / "recipe.json").read_text("utf-8"))["recipe"]
    choice = ["--candidates", "2"] if saved["choice"] else []
    with watched(is_drawn(saved["prior"]["dims"]), walk, begin="Sampler.blocks"):
        main(["generate", str(run), "-n", "2", "--to", str(folder / f"by {name}"), *choice])
    return walk


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are decoded in this process, where they can be watched."""
    monkeypatch.setattr(worker_pool, "cores", lambda: 0)


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_a_picture_passes_at_most_sixteen_files_from_its_folder_to_a_batch(tmp_path: Path) -> None:
    walk = folder_to_batch(tmp_path)
    assert walk.passed[0].startswith("data/readers/")
    assert walk.passed[-1] == "engine/trainer.py"
    assert len(walk.passed) <= 16, walk.passed
    assert len(walk.every) <= 26, walk.every


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "swift"])
def test_a_z_passes_at_most_twelve_files_until_it_is_a_png(tmp_path: Path, name: str) -> None:
    if name == "swift" and not installed():
        pytest.skip("needs the pretrained features")
    walk = z_to_png(tmp_path, name)
    assert "images.py" in walk.passed
    assert len(walk.passed) <= 12, walk.passed
    assert len(walk.every) <= 20, walk.every


if __name__ == "__main__":
    worker_pool.cores = lambda: 0
    with tempfile.TemporaryDirectory() as place:
        walks = {
            "a picture, folder to batch": folder_to_batch(Path(place)),
            "a z, generate to PNG (tiny)": z_to_png(Path(place), "tiny"),
            "a z, generate to PNG (swift)": z_to_png(Path(place), "swift"),
        }
    for words, walk in walks.items():
        print(f"\n{words}: {len(walk.passed)} of {len(walk.every)} files")
        print("  passed", " → ".join(walk.passed))
        print("  beside", ", ".join(walk.beside))
