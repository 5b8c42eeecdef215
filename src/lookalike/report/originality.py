"""The nearest training picture of some samples, and how near unseen real pictures come.

The search is the same for samples and for held-out pictures, so that its shortcuts favor neither:
a shortlist by low-resolution pixels (also mirrored and moved by a pixel), and of those the nearest
by features where the extra is installed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.data.pack.pack import Indices, Pack
from lookalike.images import Pixels
from lookalike.metrics.distances.nearest import Numbers, Vectors
from lookalike.metrics.features.features import Features, RandomConv, choose
from lookalike.metrics.features.features import Pixels as PixelFeatures
from lookalike.metrics.features.real_features import RealFeatures, shuffled

SIDE, SHORTLIST, MOST, COMPARED = 16, 12, 20_000, 32
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
NEAR = 0.5


@dataclass(frozen=True)
class Originality:
    """Nearest training pictures ``[N, H, W, C]`` and relative distances ``[N]`` of the samples.

    1 is how far held-out pictures typically are from theirs; ``least`` is the nearest that any of
    the ``compared`` held-out pictures came. ``searched`` training pictures were looked through.
    """

    samples: Pixels
    nearest: Pixels
    relative: Numbers
    least: float
    compared: int
    searched: int
    by: str

    @property
    def copies(self) -> int:
        """Samples much nearer to a training picture than unseen real pictures come."""
        return int((self.relative < min(NEAR, self.least)).sum())


def originality(
    pack: Pack, samples: Pixels, features: Features | None = None
) -> Originality | None:
    """Look for the samples among the training pictures; None without enough real pictures."""
    train, held = shuffled(pack.train)[:MOST], shuffled(pack.holdout)[:COMPARED]
    if len(held) < 8:  # too few to say what is normal: training pictures step in, left out of train
        held = np.concatenate([held, train[: COMPARED - len(held)]])
        train = train[~np.isin(train, held)]
    if len(train) < SHORTLIST or len(held) < 8:
        return None
    real = RealFeatures(pack, features or choose(pack.channels, pack.size))
    unseen = pack.shards.take(held)
    tiny = _tiny_rows(pack, train)
    found, distance = _search(samples, tiny, train, real)
    _, normal = _search(unseen, tiny, train, real)
    real.save()
    unit = max(float(np.median(normal)), 1e-9)
    return Originality(
        samples=samples,
        nearest=pack.shards.take(found),
        relative=distance / unit,
        least=float(normal.min()) / unit,
        compared=len(held),
        searched=len(train),
        by="shape and color" if isinstance(real.features, RandomConv) else real.features.name,
    )


def _search(
    pictures: Pixels, tiny: Vectors, train: Indices, real: RealFeatures
) -> tuple[Indices, Numbers]:
    """The row of the nearest training picture and its distance in features, for every picture.

    Features see left and right, so each picture is looked at as it is and mirrored.
    """
    listed = train[_shortlist(pictures, tiny)]
    real.look(listed.reshape(-1))
    ways = [real.features(way) for way in (pictures, pictures[:, :, ::-1])]
    rows, distances = [], []
    for own, upright, mirrored in zip(listed, *ways, strict=True):
        theirs = real.of(own).astype(np.float64)
        away = np.minimum(*(np.linalg.norm(theirs - way, axis=1) for way in (upright, mirrored)))
        rows.append(own[away.argmin()])
        distances.append(away.min())
    return np.array(rows, np.int64), np.array(distances, np.float64)


def _shortlist(pictures: Pixels, tiny: Vectors) -> Indices:
    """Positions of the nearest rows of ``tiny`` by pixels, ``[N, SHORTLIST]``."""
    channels = pictures.shape[-1]
    own = PixelFeatures(side=SIDE, channels=channels)(pictures).reshape(-1, channels, SIDE, SIDE)
    norms = np.einsum("nd,nd->n", tiny, tiny)
    best = np.full((len(pictures), len(tiny)), np.inf, np.float32)
    for upright in (own, own[..., ::-1]):
        for down, right in SHIFTS:
            moved = np.roll(upright, (down, right), (2, 3)).reshape(len(pictures), -1)
            apart = norms - 2 * moved @ tiny.T + np.einsum("nd,nd->n", moved, moved)[:, None]
            best = np.minimum(best, apart)
    chosen: Indices = np.argpartition(best, SHORTLIST - 1, axis=1)[:, :SHORTLIST].astype(np.int64)
    return chosen


def _tiny_rows(pack: Pack, rows: Indices) -> Vectors:
    see = PixelFeatures(side=SIDE, channels=pack.channels)
    pieces = [see(pack.shards.take(rows[at : at + 2048])) for at in range(0, len(rows), 2048)]
    return np.concatenate(pieces)
