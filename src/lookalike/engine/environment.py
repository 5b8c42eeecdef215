"""What a run should remember of the machine: versions, processor, precision. No names, no paths."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from lookalike import __version__
from lookalike.place import Place


def describe(place: Place) -> dict[str, Any]:
    """Versions and machine as JSON-able values."""
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
