"""The nearest training picture of some samples, and how near unseen real pictures come.

It is the search that 'generate' leaves copies out with, so the page and the folder never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.data.pack.pack import Pack
from lookalike.images import Pixels
from lookalike.metrics.copies.copy_filter import Marks, copy_check, training_rows
from lookalike.metrics.copies.search import nearness, see
from lookalike.metrics.distances.nearest import Numbers
from lookalike.metrics.features.real_features import shuffled

LEAST, COMPARED, FEW = 12, 32, 8


@dataclass(frozen=True)
class Originality:
    """Nearest training pictures ``[N, H, W, C]`` and relative distances ``[N]`` of the samples.

    1 is how far the ``compared`` unseen pictures typically are from theirs; ``copies`` are those
    that 'generate' leaves out. ``searched`` training pictures were looked through.
    """

    samples: Pixels
    nearest: Pixels
    relative: Numbers
    copies: Marks
    compared: int
    searched: int


def originality(pack: Pack, samples: Pixels) -> Originality | None:
    """Look for the samples among the training pictures; None with fewer than 12 of those."""
    check = copy_check(pack)
    if check is None or len(check.training) < LEAST:
        return None
    training, unseen = check.training, shuffled(pack.holdout)[:COMPARED]
    if len(unseen) >= FEW:
        normal = nearness(see(pack.shards.take(unseen)), training)
    else:  # training pictures step in, each compared with the others
        normal = nearness(training.part(slice(0, COMPARED)), training, itself=True)
    near = nearness(see(samples), training)
    return Originality(
        samples=samples,
        nearest=pack.shards.take(training_rows(pack)[near.pixels_index]),
        relative=near.by_pixels / max(float(np.median(normal.by_pixels)), 1e-9),
        copies=check.rule.copies(near),
        compared=len(normal.by_pixels),
        searched=len(training),
    )
