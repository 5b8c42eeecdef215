"""Layers that look at a batch, or draw for it, as one process would where several ranks share it.

Batch normalization (Ioffe & Szegedy 2015, algorithm 1) with the statistics of the rows of all
ranks, and dropout that draws for all rows and keeps its own. Inside of :class:`SharedLayers`
they stand in for torch's functions, so that modules, their names and their weights stay as they
are, and people's own parts are served as well. (torch.nn.SyncBatchNorm is for GPUs alone.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from lookalike.parts.ranks import Ranks, current, per_row


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``torch.nn.functional.batch_norm`` over the rows of all ranks, ``[N, C, ...]``.

    Ranks may hold different numbers of rows. It can be differentiated twice.
    """
    ranks = current()
    if not training or ranks is None:
        return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    wide = input.to(torch.promote_types(input.dtype, torch.float32))
    mean, variance, rows = _statistics(wide, ranks)
    if running_mean is not None and running_var is not None:
        count = rows * math.prod(input.shape[2:])
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (count / (count - 1)), momentum)
    scale = (variance + eps).rsqrt()
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = (1, -1, *[1] * (input.ndim - 2))
    return torch.addcmul(shift.view(shape), wide, scale.view(shape)).to(input.dtype)


def _statistics(x: Tensor, ranks: Ranks) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel, ``[C]``, over all ranks, and how many rows these have.

    Chan, Golub & LeVeque 1983, equation 2.1: put together of what each rank finds about its own
    mean, since the difference of two large sums would be noise.
    """
    places = [0, *range(2, x.ndim)]
    if len(x):
        variance, mean = torch.var_mean(x, places, correction=0)
    else:
        variance = mean = x.sum(places)
    counted = mean.new_tensor([float(len(x))])
    mine = torch.cat([mean, variance, counted])[None]
    table = ranks.sum(F.pad(mine, (0, 0, ranks.rank, len(ranks.counts) - ranks.rank - 1)))
    means, variances, rows = torch.split(table, [x.shape[1], x.shape[1], 1], 1)
    share = rows / rows.sum()
    mean = (share * means).sum(0)
    variance = (share * (variances + (means - mean).square())).sum(0)
    return mean, variance, rows.sum()


def _dropped(spread: bool) -> Callable[..., Tensor]:
    """Dropout of single numbers, or (``spread``) of whole maps."""

    def dropout(
        input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        ranks = current()
        if not training or p == 0 or ranks is None:
            return input
        shape = (*input.shape[1:2], *[1] * (input.ndim - 2)) if spread else input.shape[1:]
        form = torch.contiguous_format
        if input.ndim == 4 and not input.is_contiguous() and not spread:
            form = torch.channels_last  # torch draws in the order of memory

        def keep(count: int) -> Tensor:
            mask = torch.empty(count, *shape, dtype=input.dtype, memory_format=form)
            return mask.bernoulli_(1 - p, generator=ranks.dropped).div_(1 - p)

        return input * per_row(keep, len(input)).to(input.device)

    return dropout


STAND_INS: Mapping[Callable[..., Any], Callable[..., Tensor]] = {
    F.batch_norm: batch_norm,
    F.dropout: _dropped(spread=False),
    F.dropout1d: _dropped(spread=True),
    F.dropout2d: _dropped(spread=True),
    F.dropout3d: _dropped(spread=True),
}


class SharedLayers(TorchFunctionMode):
    """Inside, layers compute over the rows of all ranks (see :func:`lookalike.parts.ranks`)."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What stands in for ``func``, or ``func`` itself."""
        return STAND_INS.get(func, func)(*args, **(kwargs or {}))
