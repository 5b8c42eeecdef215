"""The idx files of MNIST and its family: ``train-images-idx3-ubyte.gz`` with its labels."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.errors import DataError

IDX_LIMIT = 300_000_000
"""The most bytes that an idx file may have when it is unpacked (MNIST's have 47 MB)."""

FASHION = (
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_PATTERN = "*-images*idx3-ubyte*"


def read_idx(file: Path, dimensions: int, limit: int = IDX_LIMIT) -> NDArray[np.uint8]:
    """The uint8 array of so many dimensions in an idx file, gzip or plain.

    The format: http://yann.lecun.com/exdb/mnist/ (magic number, sizes, bytes).

    Raises:
        DataError: it is damaged, holds something else, or unpacks to more than ``limit`` bytes.
    """
    try:
        with file.open("rb") as start:
            packed = start.read(2) == b"\x1f\x8b"
        with gzip.open(file) if packed else file.open("rb") as stream:
            data = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise DataError(f"{file} cannot be read ({problem}). Download it again.") from problem
    if len(data) > limit:
        raise DataError(f"{file} has more than {limit} bytes when it is unpacked; not read.")
    head = 4 + 4 * dimensions
    if data[:4] != bytes([0, 0, 8, dimensions]) or len(data) < head:
        raise DataError(f"{file} is no idx file of bytes in {dimensions} dimensions.")
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, head, 4))
    if len(data) - head != math.prod(shape):
        raise DataError(f"{file} promises {shape} and holds {len(data) - head} bytes: damaged.")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def idx_files(folder: Path) -> list[Path]:
    """The picture files of an idx set in this folder, those for training first."""
    files = [file for file in folder.glob(_PATTERN) if file.is_file()]
    return sorted(files, key=lambda file: (not file.name.startswith("train"), file.name))


class IdxSource(PictureSource):
    """One or more idx files of grey pictures, with labels as classes where they are there."""

    def __init__(self, path: Path, paths: Sequence[Path]) -> None:
        super().__init__(path)
        self._paths = {file.name.partition("-")[0]: file for file in paths}
        names = FASHION if "fashion" in str(path.resolve()).lower() else ()
        for part, file in self._paths.items():
            labels = _labels_of(file)
            count = len(read_idx(file, 3)) if labels is None else len(labels)
            stamp = file.stat().st_mtime_ns
            for index in range(count):
                number = -1 if labels is None else int(labels[index])
                name = names[number] if 0 <= number < len(names) else str(number)
                class_name = name if number >= 0 else ""
                self.files.append(
                    PictureFile(f"{part}/{index:06d}", 0, stamp, class_name=class_name)
                )

    def loaded(self, files: Sequence[PictureFile]) -> Iterator[PictureFile]:
        """The pictures as the bytes of PGM files, in order."""
        part, pictures = "", np.empty((0, 1, 1), np.uint8)
        for file in files:
            wanted, _, index = file.name.partition("/")
            if wanted != part:
                part, pictures = wanted, read_idx(self._paths[wanted], 3)
            if int(index) >= len(pictures):
                self.refused.append((file.name, "has a label but no picture"))
                continue
            picture = pictures[int(index)]
            height, width = picture.shape
            yield replace(file, data=b"P5 %d %d 255\n" % (width, height) + picture.tobytes())


def _labels_of(file: Path) -> NDArray[np.uint8] | None:
    labels = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1"))
    return read_idx(labels, 1) if labels.is_file() else None
