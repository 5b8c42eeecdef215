"""Room for many pictures or vectors: in memory while few, else in a file that nobody sees."""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

log = logging.getLogger(__name__)

MOST = 32 << 20
"""Bytes that are kept in memory."""

BLOCK = 512
DISK = Path("/var/tmp")
"""Where a disk is meant, also where the usual folder for temporary files is in memory."""


def scratch_array(
    shape: tuple[int, ...], most: int = MOST, dtype: DTypeLike = np.uint8
) -> NDArray[Any]:
    """An empty array of this shape, in a file beyond ``most`` bytes if the disk has room.

    The file has no name and is gone with the array. The system writes its pages to the disk when
    memory is short, so that the number and size of the pictures do not decide what is needed.
    Where no file can be had (a full or locked disk, a system that cannot reserve room on it), the
    array is in memory.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > most and hasattr(os, "posix_fallocate"):
        try:
            with tempfile.TemporaryFile(dir=DISK if DISK.is_dir() else None) as file:
                # Without it a full disk would end the process, when a page is written.
                os.posix_fallocate(file.fileno(), 0, size)
                return np.memmap(file, dtype, "w+", shape=shape)
        except OSError as problem:
            log.info("%d MB stay in memory: %s", size >> 20, problem)
    return np.empty(shape, dtype)


def gathered(
    take: Callable[[NDArray[np.int64]], NDArray[Any]], rows: NDArray[np.int64], most: int = MOST
) -> NDArray[Any]:
    """The pictures (or vectors) that ``take`` gives for these rows ``[N]``, a block at a time.

    Gives what ``take`` gives, uint8 ``[N, H, W, C]`` for pictures.
    """
    first = take(rows[:BLOCK])
    every = scratch_array((len(rows), *first.shape[1:]), most, first.dtype)
    every[: len(first)] = first
    for start in range(BLOCK, len(rows), BLOCK):
        every[start : start + BLOCK] = take(rows[start : start + BLOCK])
    return every
