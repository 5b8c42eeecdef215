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
    weights = _or(weight, wide, 1.0), _or(bias, wide, 0.0)
    output: Any
    output, mean, variance, rows = _Shared.apply(wide, *weights, eps, ranks)  # type: ignore[no-untyped-call]
    if running_mean is not None and running_var is not None:
        count = rows * math.prod(input.shape[2:])
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (count / (count - 1)), momentum)
    shaped: Tensor = output.to(input.dtype)
    return shaped


def _or(values: Tensor | None, x: Tensor, number: float) -> Tensor:
    """A number for each channel of x, ``[C]``: the values, or one and the same."""
    return x.new_full((x.shape[1],), number) if values is None else values


class _Shared(torch.autograd.Function):
    """Normalize by the statistics of all ranks: ``[N, C, ...]``, mean and variance ``[C]``, rows.

    Torch's own passes over the pictures, which are several times as fast as what the formula would
    be; a gradient that is to be differentiated again comes from the formula.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float, ranks: Ranks
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mean, variance, rows = _joined(*_local(x), len(x), ranks)
        output = F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)
        ctx.save_for_backward(x, weight, bias, mean, variance, rows)
        ctx.eps, ctx.ranks = eps, ranks
        ctx.mark_non_differentiable(mean, variance, rows)
        return output, mean, variance, rows

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight, bias, mean, variance, rows = ctx.saved_tensors
        given = gradients[0]
        if torch.is_grad_enabled():
            inputs = {i: part for i, part in enumerate((x, weight, bias)) if part.requires_grad}
            formula = _formula(x, weight, bias, ctx.eps, ctx.ranks)
            each = torch.autograd.grad(formula, [*inputs.values()], given, create_graph=True)
            of = dict(zip(inputs, each, strict=True))
            return of.get(0), of.get(1), of.get(2), None, None
        settings = None, None, False, ctx.eps, [False, True, True]
        sums = torch.ops.aten.native_batch_norm_backward(
            given, x, weight, mean, variance, *settings
        )
        slope, level = sums[1:]
        # Ioffe & Szegedy 2015, the gradient of x: as of a fixed scale, less the mean of the
        # gradients and less what of them goes with x itself, both over the rows of all ranks.
        count = rows * math.prod(x.shape[2:])
        shared = ctx.ranks.sum(torch.stack([slope, level])) / count
        deviation = (variance + ctx.eps).rsqrt()
        scale, along = weight * deviation, shared[0] * deviation
        shape = (1, -1, *[1] * (x.ndim - 2))
        shift = scale * (along * mean - shared[1])
        of_x = torch.addcmul(shift.view(shape), given, scale.view(shape))
        of_x.addcmul_(x, (-scale * along).view(shape))
        return of_x, slope, level, None, None


def _local(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel over this rank's rows, ``[C]``; zeros where it has none."""
    if not len(x):
        return x.new_zeros(x.shape[1]), x.new_zeros(x.shape[1])
    mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
    return mean, variance


def _joined(
    mean: Tensor, variance: Tensor, count: int, ranks: Ranks
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel, ``[C]``, over all ranks, and how many rows these have.

    Chan, Golub & LeVeque 1983, equation 2.1: put together of what each rank finds about its own
    mean, since the difference of two large sums would be noise.
    """
    mine = torch.cat([mean, variance, mean.new_tensor([float(count)])])[None]
    table = ranks.sum(F.pad(mine, (0, 0, ranks.rank, len(ranks.counts) - ranks.rank - 1)))
    means, variances, rows = torch.split(table, [len(mean), len(mean), 1], 1)
    share = rows / rows.sum()
    mean = (share * means).sum(0)
    variance = (share * (variances + (means - mean).square())).sum(0)
    return mean, variance, rows.sum()


def _formula(x: Tensor, weight: Tensor, bias: Tensor, eps: float, ranks: Ranks) -> Tensor:
    """The same of operations that torch differentiates as often as one likes."""
    places = [0, *range(2, x.ndim)]
    shape = (1, -1, *[1] * (x.ndim - 2))
    count = max(1, x.numel() // x.shape[1])
    own = x.sum(places) / count
    spread = (x - own.view(shape)).square().sum(places) / count
    mean, variance, _ = _joined(own, spread, len(x), ranks)
    scale = (variance + eps).rsqrt() * weight
    return torch.addcmul((bias - mean * scale).view(shape), x, scale.view(shape))


def _dropped(alone: Callable[..., Tensor], *, spread: bool) -> Callable[..., Tensor]:
    """Dropout of single numbers, or (``spread``) of whole maps, as ``alone`` is of one process."""

    def dropout(
        input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        ranks = current()
        if not training or p == 0 or ranks is None:
            return alone(input, p, training, inplace)
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
    F.dropout: _dropped(F.dropout, spread=False),
    F.dropout1d: _dropped(F.dropout1d, spread=True),
    F.dropout2d: _dropped(F.dropout2d, spread=True),
    F.dropout3d: _dropped(F.dropout3d, spread=True),
}


class SharedLayers(TorchFunctionMode):
    """Inside, layers compute over the rows of all ranks (see :func:`lookalike.parts.ranks`)."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What stands in for ``func``, or ``func`` itself."""
        return STAND_INS.get(func, func)(*args, **(kwargs or {}))
