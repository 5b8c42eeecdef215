"""Some pictures of a pack as a pack of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pack.classes import classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.errors import DataError

_BLOCK = 256

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

    What is held out stays held out.

    Raises:
        DataError: nothing is left to train on.
    """
    gone = set(rows.tolist())
    held: list[bool] = []
    with PackWriter(to, size=pack.size, channels=pack.channels) as writer:
        for split in (pack.train, pack.holdout):
            own = split.pack_rows(np.arange(len(split)))
            kept = [at for at, row in enumerate(own.tolist()) if row not in gone]
            if split is pack.train and not kept:
                raise DataError("Nothing would be left to train on. Leave fewer pictures out.")
            for start in range(0, len(kept), _BLOCK):
                part = kept[start : start + _BLOCK]
                for picture, row in zip(split.images(part), split.rows(part), strict=True):
                    line = {key: value for key, value in row.items() if key != "split"}
                    writer.append(picture, line)
                    held.append(split is pack.holdout)
        info = {key: pack.info[key] for key in ("licence", "plan") if pack.info.get(key)}
        return writer.finish(holdout=np.array(held, np.bool_), info=info)
