"""The idx files of MNIST and its family: ``train-images-idx3-ubyte.gz`` with its labels."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.readers.base import Item, PictureSource
from lookalike.errors import DataError

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


def idx_files(folder: Path) -> list[Path]:
    """The picture files of an idx set in this folder, those for training first."""
    found = [file for file in folder.glob(_PATTERN) if file.is_file()]
    return sorted(found, key=lambda file: (not file.name.startswith("train"), file.name))


class IdxSource(PictureSource):
    """One or more idx files of grey pictures, with labels as classes where they are there."""

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        super().__init__(path)
        self._files = {file.name.partition("-")[0]: file for file in files}
        names = FASHION if "fashion" in str(path.resolve()).lower() else ()
        for part, file in self._files.items():
            labels = _labels_of(file)
            count = len(_read(file, 3)) if labels is None else len(labels)
            stamp = file.stat().st_mtime_ns
            for index in range(count):
                number = -1 if labels is None else int(labels[index])
                group = names[number] if 0 <= number < len(names) else str(number)
                self.items.append(
                    Item(f"{part}/{index:06d}", 0, stamp, group=group if number >= 0 else "")
                )

    def loaded(self, items: Sequence[Item]) -> Iterator[Item]:
        """The pictures as the bytes of PGM files, in order."""
        part, pictures = "", np.empty((0, 1, 1), np.uint8)
        for item in items:
            wanted, _, index = item.name.partition("/")
            if wanted != part:
                part, pictures = wanted, _read(self._files[wanted], 3)
            if int(index) >= len(pictures):
                self.refused.append((item.name, "has a label but no picture"))
                continue
            picture = pictures[int(index)]
            height, width = picture.shape
            yield replace(item, data=b"P5 %d %d 255\n" % (width, height) + picture.tobytes())


def _labels_of(file: Path) -> NDArray[np.uint8] | None:
    labels = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1"))
    return _read(labels, 1) if labels.is_file() else None


def _read(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in an idx file of unsigned bytes.

    Raises:
        DataError: it is damaged or holds something else.
    """
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as problem:
        raise DataError(f"{file} cannot be read ({problem}). Download it again.") from problem
    start = 4 + 4 * dimensions
    if data[:4] != bytes([0, 0, 8, dimensions]) or len(data) < start:
        raise DataError(f"{file} is no idx file of bytes in {dimensions} dimensions.")
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if len(data) - start != int(np.prod(shape)):
        raise DataError(f"{file} promises {shape} and holds {len(data) - start} bytes: damaged.")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
