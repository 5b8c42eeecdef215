"""Where a run comes from: the machine, the versions, the networks and the pack it was trained on.

Scores against pictures that a generator was trained on flatter it. So every verb that judges a run
or adds its pictures to a pack asks here, and only the fingerprint decides: it covers the pictures,
their labels and the split, so a moved pack is the same pack, and one that was split anew is not.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from lookalike import __version__
from lookalike.data.pack.pack import Pack
from lookalike.errors import PackError, RunError
from lookalike.place import Place
from lookalike.run import Run

PRETRAINED = re.compile(r'"part":\s*"(lookalike\.parts\.features:)?Pretrained"')
"""A part with frozen pretrained features in a saved recipe, by its name now or in version 0.1."""


def describe(place: Place) -> dict[str, Any]:
    """Versions and machine as JSON-able values: no names, no paths."""
    return {
        "lookalike": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": _version("numpy"),
        "pillow": _version("pillow"),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "place": {
            "device": place.device,
            "precision": dict(place.precision),
            "threads": torch.get_num_threads(),
            "processes": place.world,
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def training_pack(run: Run, pack: Pack | None = None) -> Pack:
    """The pack that a run was trained on: this one, or the one that is found where it should lie.

    It is looked for at the path that the run remembers, in the run, and beside it.

    Raises:
        RunError: the given pack is another one, or the run's own is gone, has changed or is not
            known. The message is a whole sentence.
    """
    data = run.env().get("data", {})
    wanted, path = data.get("fingerprint"), data.get("path")
    if pack is not None:
        if pack.fingerprint == wanted:
            return pack
        raise RunError(
            f"{run.path} was not trained on {pack.path} as it is now, so it may have seen the "
            "held-out pictures. Train on this pack, or name the pack of the run."
        )
    if not path:
        raise RunError(f"{run.path} does not say which pack it was trained on.")
    found = list(_packs(run, Path(path)))
    for candidate in found:
        if candidate.fingerprint == wanted:
            return candidate
    if found:
        raise RunError(
            f"The pack at {found[0].path} has changed since the training: {run.path} may have seen "
            "the pictures that are held out there now. Name the pack as it was, or train anew."
        )
    lost = "no longer whole" if Path(path).exists() else "no longer"
    raise RunError(f"The pack is {lost} at {path}, nor in or beside {run.path}.")


def _packs(run: Run, remembered: Path) -> Iterator[Pack]:
    """Packs that may be the run's, the likeliest first; damaged ones are passed over."""
    home = run.path.resolve()
    places = (remembered, home / "pack", *(up / remembered.name for up in home.parents[:2]))
    for place in dict.fromkeys(places):
        try:
            yield Pack.open(place)
        except PackError:
            continue


def pretrained_families(run: Run) -> tuple[str, ...]:
    """The families of pretrained networks that a run was trained with, as judges name theirs."""
    path = run.path / "recipe.json"
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    return ("imagenet", "efficientnet", "efficientnet-lite0") if PRETRAINED.search(text) else ()
