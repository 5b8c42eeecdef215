"""Ridge regression in its dual form, with what it says of every row that was left out.

Left-out predictions are closed-form (Hastie et al. 2009, "The elements of statistical learning",
equation 7.64), so the ridge is chosen by them and probabilities are calibrated on them, with no
part of the pictures set aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

RIDGES = (0.0005, 0.004, 0.03, 0.25, 2.0)
"""Ridges that are tried, as shares of the mean squared length of the rows."""
SHARPNESS = torch.logspace(-0.3, 2.2, 26)
"""Factors that are tried to make log odds of predictions."""


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A regression on rows ``[N, D]``: the ``weight`` ``[K, D]``, and predictions.

    ``left_out`` ``[N, K]`` is what is said of every row by the regression on all others.
    """

    weight: Tensor
    mean: Tensor
    left_out: Tensor


def fit_ridge(rows: Tensor, goals: Tensor, copies: int = 1) -> RidgeFit:
    """Regress goals ``[N, K]`` on rows ``[N, D]`` of mean zero; the ridge with the least error.

    With ``copies`` rows come as that many stretches, each with a copy of every picture, and a
    picture is left out with all of its copies.
    """
    mean = goals.mean(0)
    centered = goals - mean
    gram = rows @ rows.T
    size = float(gram.diagonal().mean())
    fits = [_left_out(gram, centered, size * ridge, copies) for ridge in RIDGES]
    _, dual, left_out = min(fits, key=lambda fit: fit[0])
    return RidgeFit(dual.T @ rows, mean, left_out + mean)


def _left_out(
    gram: Tensor, centered: Tensor, ridge: float, copies: int
) -> tuple[float, Tensor, Tensor]:
    """The mean squared error of rows left out, the dual weights, and what is said of each row."""
    lower = torch.linalg.cholesky(gram + ridge * torch.eye(len(gram)))
    inverse = torch.cholesky_inverse(lower)
    dual = inverse @ centered
    count = len(gram) // copies
    own = inverse.reshape(copies, count, copies, count).diagonal(dim1=1, dim2=3).permute(2, 0, 1)
    parts = dual.reshape(copies, count, -1).transpose(0, 1)
    error = torch.linalg.solve(own, parts).transpose(0, 1).reshape(dual.shape)
    return float(error.square().mean()), dual, centered - error


def sharpened(said: Tensor, values: Tensor) -> float:
    """The factor by which predictions ``[N, K]`` become logits: the one of least cross-entropy.

    ``values`` ``[N]`` are the true columns; -1 is one that nobody knows. 1 where none is known.
    """
    known = values >= 0
    if not bool(known.any()):
        return 1.0
    losses = [
        torch.nn.functional.cross_entropy(said[known] * factor, values[known])
        for factor in SHARPNESS
    ]
    return float(SHARPNESS[int(torch.stack(losses).argmin())])
