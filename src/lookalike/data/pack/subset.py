"""Some pictures of a pack as a pack of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pack.classes import classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import ChangedCopies, PackWriter
from lookalike.errors import DataError

_BLOCK = 256
_KEPT = ("licence", "plan", "source", "copies", "near", "augment", "found")
"""What a pack says of itself that is true of most of its pictures, too."""

Rows = NDArray[np.int64]


def subset(
    pack: Pack, to: Path, train: Rows, holdout: Rows | None = None, classes: Sequence[str] = ()
) -> Pack:
    """The pack at ``to`` with these rows of both splits; one that is there already is taken.

    ``classes`` name the class of each row, training rows first; without them there are no labels.
    """
    if Pack.is_pack(to):
        return Pack.open(to)
    held = np.zeros(0, np.int64) if holdout is None else holdout
    with PackWriter(to, size=pack.size, channels=pack.channels) as writer:
        for split, rows in ((pack.train, train), (pack.holdout, held)):
            for start in range(0, len(rows), _BLOCK):
                for picture in split.images(rows[start : start + _BLOCK]):
                    writer.append(picture, {"class": classes[writer.count]} if classes else {})
        return writer.finish(holdout=np.arange(writer.count) >= len(train))


def class_subset(pack: Pack, number: int, attribute: str | None, to: Path) -> Pack:
    """The pictures of one class as a pack without labels; its held-out ones stay held out."""
    classes = classes_of(pack, attribute)
    train, holdout = (
        np.flatnonzero(classes.numbers(split) == number) for split in (pack.train, pack.holdout)
    )
    return subset(pack, to, train, holdout)


def without_rows(pack: Pack, to: Path, rows: Rows) -> Pack:
    """The pack at ``to`` with all pictures but these rows of the whole pack, labels and all.

    What is held out stays held out. Changed copies go with their picture.

    Raises:
        DataError: nothing is left to train on.
    """
    gone, held = np.zeros(pack.count, np.bool_), np.zeros(pack.count, np.bool_)
    gone[np.intersect1d(rows, np.arange(pack.count))] = True
    held[pack.holdout.pack_rows()] = True
    copies = ChangedCopies()
    stays: list[int] = []
    with PackWriter(to, size=pack.size, channels=pack.channels) as writer:
        for number, line in enumerate(pack.manifest()):
            row = None if gone[number] else copies.placed(line, writer.count)
            if row is not None:
                picture = pack.shards.take(np.array([number]))[0]
                writer.append(picture, row, counts="augment" not in row)
                stays.append(number)
        if held[stays].all():
            raise DataError("Nothing would be left to train on. Leave fewer pictures out.")
        info = {key: pack.info[key] for key in _KEPT if key in pack.info}
        if "augment" in info:
            info["augment"] = {**info["augment"], "copies": copies.count}
        return writer.finish(holdout=held[stays], info=info, refused=pack.refused())
