"""Nearest neighbors between two sets of vectors, in blocks: memory grows with N, not N squared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Numbers = NDArray[np.float64]
Indices = NDArray[np.intp]

ROWS, COLUMNS = 512, 4096
SAME = 1e-10
"""Squared distance over squared length below which two vectors are the same up to rounding."""


def blocks(x: Vectors, y: Vectors) -> Iterator[tuple[slice, slice, Numbers]]:
    """Squared distances ``[rows, columns]`` of float64 for every pair of blocks, row by row."""
    x_norms, y_norms = _norms(x), _norms(y)
    for top in range(0, len(x), ROWS):
        rows = slice(top, min(top + ROWS, len(x)))
        left = x[rows].astype(np.float64)
        for start in range(0, len(y), COLUMNS):
            columns = slice(start, min(start + COLUMNS, len(y)))
            lengths = x_norms[rows, None] + y_norms[None, columns]
            squared = lengths - 2 * (left @ y[columns].astype(np.float64).T)
            squared[squared < SAME * lengths] = 0
            yield rows, columns, squared


def radii(x: Vectors, k: int) -> Numbers:
    """Squared distance of every row to its k-th nearest other row, ``[N]``."""
    if len(x) <= k:
        raise ValueError(f"{len(x)} rows have no {k}-th nearest neighbor; give more pictures")
    best = np.full((len(x), k), np.inf)
    for rows, columns, squared in blocks(x, x):
        _exclude_itself(squared, rows, columns)
        merged = np.concatenate([best[rows], squared], axis=1)
        best[rows] = np.partition(merged, k - 1, axis=1)[:, :k]
    furthest: Numbers = best.max(axis=1)
    return furthest


def nearest(x: Vectors, y: Vectors, *, itself: bool = False) -> tuple[Numbers, Indices]:
    """Distance and index of the nearest row of ``y`` for every row of ``x``.

    With ``itself`` the two sets are one, and a row is not its own neighbor. The search works in the
    precision of matrix products; the distance of the winner is computed again from the difference,
    so the same picture twice gives 0.
    """
    if len(y) < 1 + itself:
        raise ValueError("there is nothing to be near to")
    best = np.full(len(x), np.inf)
    index = np.zeros(len(x), np.intp)
    for rows, columns, squared in blocks(x, y):
        if itself:
            _exclude_itself(squared, rows, columns)
        column = squared.argmin(axis=1)
        value = squared[np.arange(len(column)), column]
        better = value < best[rows]
        best[rows] = np.where(better, value, best[rows])
        index[rows] = np.where(better, column + columns.start, index[rows])
    return _exact(x, y, index), index


def candidates(x: Vectors, y: Vectors, k: int, *, itself: bool = False) -> Indices:
    """Indices ``[N, k]`` of the k nearest rows of ``y`` for every row of ``x``, in any order.

    Where ``y`` has fewer rows, they are repeated.
    """
    count = min(k, len(y) - itself)
    if count < 1:
        raise ValueError("there is nothing to be near to")
    best = np.full((len(x), count), np.inf)
    index = np.zeros((len(x), count), np.intp)
    for rows, columns, squared in blocks(x, y):
        if itself:
            _exclude_itself(squared, rows, columns)
        numbers = np.broadcast_to(np.arange(columns.start, columns.stop), squared.shape)
        merged = np.concatenate([best[rows], squared], axis=1)
        owners = np.concatenate([index[rows], numbers], axis=1)
        least = np.argpartition(merged, count - 1, axis=1)[:, :count]
        best[rows] = np.take_along_axis(merged, least, axis=1)
        index[rows] = np.take_along_axis(owners, least, axis=1)
    return np.resize(index.T, (k, len(x))).T


def _exact(x: Vectors, y: Vectors, index: Indices) -> Numbers:
    distance = np.empty(len(x))
    for top in range(0, len(x), ROWS):
        rows = slice(top, top + ROWS)
        distance[rows] = np.linalg.norm(x[rows].astype(np.float64) - y[index[rows]], axis=1)
    return distance


def _exclude_itself(squared: Numbers, rows: slice, columns: slice) -> None:
    shared = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
    squared[shared - rows.start, shared - columns.start] = np.inf


def _norms(x: Vectors) -> Numbers:
    norms: NDArray[Any] = np.empty(len(x))
    for top in range(0, len(x), COLUMNS):
        wide = x[top : top + COLUMNS].astype(np.float64)
        norms[top : top + COLUMNS] = np.einsum("nd,nd->n", wide, wide)
    return norms
