"""How near the nearest of many vectors is, while more of them come one after the other."""

from __future__ import annotations

from array import array
from heapq import heappop, heappush
from itertools import count

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pack.scratch_array import scratch_array
from lookalike.metrics.distances.nearest import Vectors

EXACT = 20_000
"""Up to so many vectors, all are looked at."""

LOOKED_AT = 4_096
"""Of more, so many are looked at: those of the nearest cells of all trees together."""

BLOCK = 8192
"""Vectors that lie in one file."""

_TREES = 4
"""What one tree does not see, because a wall of cells is between, another one does."""

_FULL, _BRANCHES, _ROUNDS = 512, 32, 4
"""Points in a cell before it is divided, into how many, and rounds of k-means for it."""

_ROUNDING = 1e-4
"""More than what rounding makes of a distance, over the length of the vectors."""

Rows = NDArray[np.int64]


class VectorSearch:
    """Vectors to be near to, one after the other; some 90 bytes of each in memory at the most.

    ``axes`` ``[d, k]`` are directions at right angles to one another and of length 1. Distances
    along them are never longer than the whole one, so that only those vectors have to be read that
    are as near along the axes as the nearest is in all. Up to ``EXACT`` vectors the answer is that
    of reading all. Beyond, it is that of some ``LOOKED_AT`` of them that lie around along the axes:
    never too small, and the same for the same vectors in the same order.
    """

    def __init__(self, axes: NDArray[np.float32]) -> None:
        self._axes = axes
        self._low = np.zeros((64, axes.shape[1]), np.float32)
        self._blocks: list[Vectors] = []
        self._count = 0
        self._longest = 0.0
        self._trees = [_CellTree(number) for number in range(_TREES)]

    def add(self, vector: NDArray[np.float32]) -> None:
        """One more, float32 ``[d]``."""
        if self._count == len(self._low):
            self._low = np.concatenate([self._low, np.zeros_like(self._low)])
        if self._count % BLOCK == 0:
            room = scratch_array((BLOCK, 4 * len(vector), 1, 1))
            self._blocks.append(room.reshape(BLOCK, -1).view(np.float32))
        self._low[self._count] = vector @ self._axes
        self._blocks[-1][self._count % BLOCK] = vector
        self._longest = max(self._longest, float(np.linalg.norm(vector)))
        self._count += 1

    def distance(self, vector: NDArray[np.float32]) -> float:
        """How far the nearest one that is looked at is from float32 ``[d]``."""
        low = vector @ self._axes
        rows = self._near(low) if self._count > EXACT else np.arange(self._count)
        some = self._low[rows] if self._count > EXACT else self._low[: self._count]
        along = np.linalg.norm(some - low, axis=1)
        first = self._least(vector, rows[along.argmin(keepdims=True)])
        longest = max(self._longest, float(np.linalg.norm(vector)))
        return self._least(vector, rows[along <= first + _ROUNDING * longest])

    def _near(self, low: NDArray[np.float32]) -> Rows:
        """The rows of the nearest cells, in order; those that came since are put into cells."""
        for tree in self._trees:
            tree.take(self._low[: self._count])
        found = [tree.near(low, max(1, LOOKED_AT // _TREES)) for tree in self._trees]
        return np.sort(np.concatenate(found)).astype(np.int64)

    def _least(self, vector: NDArray[np.float32], rows: Rows) -> float:
        ends = np.searchsorted(rows, BLOCK * np.arange(len(self._blocks) + 1))
        return min(
            float(np.linalg.norm(block[rows[low:high] % BLOCK] - vector, axis=1).min())
            for block, low, high in zip(self._blocks, ends[:-1], ends[1:], strict=True)
            if low < high
        )


class _Cell:
    """Rows of points or, once they are many, smaller cells, each around a center."""

    __slots__ = ("cells", "centers", "full", "rows")

    def __init__(self, rows: NDArray[np.int32]) -> None:
        self.rows = array("i", rows.tobytes())
        self.full = _FULL
        self.cells: list[_Cell] = []
        self.centers: NDArray[np.float32] | None = None

    def divide(self, points: NDArray[np.float32], first: int) -> None:
        """Become smaller cells by k-means from row ``first`` on, unless all rows fall into one."""
        rows = np.array(self.rows)
        mine = points[rows]
        centers = mine[first :: len(mine) // _BRANCHES][:_BRANCHES].copy()
        for _ in range(_ROUNDS):
            owner = _squared(centers, mine[:, None]).argmin(1)
            for number in np.unique(owner):
                centers[number] = mine[owner == number].mean(0)
        owner = _squared(centers, mine[:, None]).argmin(1)
        if np.bincount(owner).max() == len(rows):
            self.full *= 2
            return
        self.cells = [_Cell(rows[owner == number]) for number in range(_BRANCHES)]
        self.centers, self.rows = centers, array("i")


class _CellTree:
    """Points in cells that are divided when they are full: a tree of k-means.

    The cells whose centers are nearest are opened first (Muja and Lowe 2009, section 3.2), so that
    a search looks at a fixed number of points and at the centers on the way to them. Trees of
    another ``number`` have their walls in other places.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._root = _Cell(np.empty(0, np.int32))
        self._count = 0

    def take(self, points: NDArray[np.float32]) -> None:
        """Take those of these points that it has not yet."""
        for row in range(self._count, len(points)):
            cell = self._root
            while cell.centers is not None:
                cell = cell.cells[int(_squared(cell.centers, points[row]).argmin())]
            cell.rows.append(row)
            if len(cell.rows) >= cell.full:
                cell.divide(points, self._number)
        self._count = len(points)

    def near(self, point: NDArray[np.float32], least: int) -> NDArray[np.int32]:
        """The rows in the nearest cells: so many, or some more."""
        found: list[NDArray[np.int32]] = []
        many, order = 0, count()
        waiting = [(0.0, next(order), self._root)]
        while waiting and many < least:
            _, _, cell = heappop(waiting)
            if cell.centers is None:
                found.append(np.array(cell.rows))
                many += len(cell.rows)
                continue
            away = _squared(cell.centers, point).tolist()
            for distance, below in zip(away, cell.cells, strict=True):
                heappush(waiting, (distance, next(order), below))
        return np.concatenate(found)


def _squared(centers: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances of the points from every center."""
    apart = centers - points
    squared: NDArray[np.float32] = np.einsum("...d,...d->...", apart, apart)
    return squared
