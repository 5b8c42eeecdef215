"""Which new pictures are copies of training pictures: what 'generate' and 'expand' leave out.

What is too near is learned once for a pack and kept beside it, under its fingerprint, in
``PACK/.features/<fingerprint>-copies-2.npz`` together with the small training pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pack.pack import Pack
from lookalike.images import Pixels
from lookalike.metrics.copies.search import CopyFeatures, CopyRule, calibrate, nearness, see
from lookalike.metrics.features.real_features import read_arrays, shuffled, write_arrays
from lookalike.progress import Tell, silent

MOST = 20_000
"""Training pictures that are searched: about 4 kB each in memory."""

HELD = 1_000
BATCH = 128
PIECE = 1_024
NAME = "copies-2.npz"
"""The number moves when the same pack begins to give another limit."""

Marks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CopyCheck:
    """The training pictures of a pack, small, and the rule by which a picture is a copy of one.

    ``of`` is how many training pictures there are, searched or not.
    """

    training: CopyFeatures
    rule: CopyRule
    of: int

    def __call__(self, pictures: Pixels) -> Marks:
        """Which of uint8 ``[N, H, W, C]`` are copies, bool ``[N]``."""
        return self.rule.copies(nearness(see(pictures), self.training))

    @property
    def note(self) -> str | None:
        """What a person should know about the search, or nothing."""
        if self.of == len(self.training):
            return None
        return (
            f"Copies were looked for among {len(self.training):,} of the {self.of:,} training "
            "pictures."
        )


def copy_check(pack: Pack, tell: Tell = silent) -> CopyCheck | None:
    """The check for this pack, from its cache or made now; None without training pictures."""
    if not len(pack.train):
        return None
    known = _read(pack)
    if known is not None:
        return known
    training = _small(pack, training_rows(pack), tell)
    holdout = _small(pack, shuffled(pack.holdout)[:HELD], tell)
    made = CopyCheck(training, calibrate(training, holdout).rule, len(pack.train))
    _write(pack, made)
    return made


def training_rows(pack: Pack) -> NDArray[np.int64]:
    """The rows of the pack that the check's training pictures are, in their order."""
    return shuffled(pack.train)[:MOST]


@dataclass
class CopyFilter:
    """Takes pictures in the order of their indices and leaves the copies among them out.

    The next index takes the place of a copy, so whether an index is left out depends on its
    picture alone. ``tried`` and ``dropped`` count while the pictures pass.
    """

    check: Callable[[Pixels], Marks] | None
    tried: int = field(default=0, init=False)
    dropped: int = field(default=0, init=False)

    def of(
        self, blocks: Iterable[tuple[int, Pixels]], count: int
    ) -> Iterator[tuple[list[int], Pixels]]:
        """Up to ``count`` pictures as (indices, uint8 ``[n, S, S, C]``), at least one at a time.

        ``blocks`` are (index of the first, pictures), lazily made; no more are taken than needed.
        """
        stream = (
            (start + i, picture) for start, block in blocks for i, picture in enumerate(block)
        )
        while count > 0:
            batch = list(islice(stream, min(count, BATCH)))
            if not batch:
                return
            indices, pictures = (
                [index for index, _ in batch],
                np.stack([picture for _, picture in batch]),
            )
            self.tried += len(batch)
            if self.check is not None:
                fine = ~self.check(pictures)
                self.dropped += int((~fine).sum())
                indices = [index for index, good in zip(indices, fine, strict=True) if good]
                pictures = pictures[fine]
            count -= len(indices)
            if indices:
                yield indices, pictures


def _small(pack: Pack, rows: NDArray[np.int64], tell: Tell) -> CopyFeatures:
    pieces = [see(pack.shards.take(rows[:0]))]
    for at in range(0, len(rows), PIECE):
        pieces.append(see(pack.shards.take(rows[at : at + PIECE])))
        tell("learning what a copy is", min(at + PIECE, len(rows)), len(rows))
    return CopyFeatures.joined(pieces)


def _read(pack: Pack) -> CopyCheck | None:
    known = read_arrays(pack, NAME, "tiny", "small", "rule")
    if known is None or not len(known[0]) == len(known[1]) == min(MOST, len(pack.train)):
        return None
    tiny, small, (unit, threshold) = known
    vectors = np.zeros((len(tiny), 0), np.float32)
    rule = CopyRule(1.0, float(unit), float(threshold))
    return CopyCheck(CopyFeatures("", vectors, tiny, small), rule, len(pack.train))


def _write(pack: Pack, made: CopyCheck) -> None:
    rule = np.array([made.rule.pixels_unit, made.rule.threshold])
    write_arrays(pack, NAME, tiny=made.training.tiny, small=made.training.small, rule=rule)
