"""Arrays kept beside a pack, in ``PACK/.features``: what was learned of its pictures once.

Names begin with the pack's fingerprint, so what belongs to other pictures is never read.
"""

from __future__ import annotations

import io
import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.checkpoints import write_whole
from lookalike.data.pack.pack import Pack

FOLDER = ".features"

log = logging.getLogger(__name__)


def cache_file(pack: Pack, name: str) -> Path:
    """Where something of this name is kept; the folder may not exist yet."""
    return pack.path / FOLDER / f"{pack.fingerprint}-{name}"


def read_arrays(pack: Pack, name: str, *keys: str) -> tuple[NDArray[Any], ...] | None:
    """The arrays of these keys; None where the file is missing, damaged or lacks one of them."""
    try:
        with np.load(cache_file(pack, name)) as arrays:
            return tuple(arrays[key] for key in keys)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def write_arrays(pack: Pack, name: str, **arrays: NDArray[Any]) -> None:
    """Keep them; beside a pack on a read-only disk they are simply made again next time."""
    file, buffer = cache_file(pack, name), io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    try:
        file.parent.mkdir(exist_ok=True)
        write_whole(file, buffer.getvalue())
    except OSError as problem:
        log.info("%s is not kept beside %s: %s", name, pack.path, problem)
