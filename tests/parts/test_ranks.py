"""What ranks compute together is what one process computes of the joined batch."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from worlds import by_ranks

from lookalike.parts.losses.began import pulling_away
from lookalike.parts.losses.class_losses import over_known
from lookalike.parts.losses.consistency import contrast
from lookalike.parts.losses.two_player import matched
from lookalike.parts.networks.batch_norm import SharedLayers
from lookalike.parts.networks.blocks import MinibatchDeviation, MinibatchDiscrimination
from lookalike.parts.ranks import Ranks, holding, part, per_row, sharing, weighed, whole_count

pytestmark = [
    pytest.mark.skipif(not dist.is_available(), reason="torch without distributed"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]
COUNTS = {2: (3, 6), 3: (2, 3, 4)}
"""Nine rows, shared unevenly."""
WORLDS = pytest.mark.parametrize("world", sorted(COUNTS))


def ranks_of(rank: int, world: int) -> Ranks:
    return Ranks(rank, COUNTS[world], dist.all_reduce, torch.Generator().manual_seed(5))


def joined(world: int, work: Any, *rows: Tensor) -> list[list[Tensor]]:
    """``work`` on each rank with its rows of the nine: what it gives, rank by rank."""

    def on_rank(rank: int) -> Any:
        ranks = ranks_of(rank, world)
        with sharing(ranks), SharedLayers():
            given = work(*(ranks.own(part).clone() for part in rows))
        return [part.detach() for part in given]

    return by_ranks(world, on_rank)


def drawn(*shape: int) -> Tensor:
    draw = torch.Generator().manual_seed(sum(shape))
    return torch.randn(9, *shape, generator=draw, dtype=torch.float64)


def normed(kind: type[nn.Module], momentum: float | None, penalty: bool) -> Any:
    """Batch norm's output, gradients of a loss that looks at places unequally, and statistics."""

    def work(x: Tensor, weights: Tensor) -> list[Tensor]:
        torch.manual_seed(0)
        norm: Any = kind(3, momentum=momentum).double()
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        x.requires_grad_()
        y = norm(norm(x).tanh() + x)
        loss = (weights * y.square()).sum()
        if penalty:  # as R1 and WGAN-GP: the gradient of all logits at each picture
            (slope,) = torch.autograd.grad((weights * y).sum(), x, create_graph=True)
            loss = loss + slope.square().sum()
        gradients = torch.autograd.grad(loss, [x, norm.weight, norm.bias])
        return [y, *gradients, norm.running_mean, norm.running_var, norm.num_batches_tracked]

    return work


@WORLDS
@pytest.mark.parametrize("penalty", [False, True])
@pytest.mark.parametrize(("kind", "shape"), [(nn.BatchNorm2d, (3, 4, 5)), (nn.BatchNorm1d, (3,))])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_a_shared_batch_norm_is_that_of_the_joined_batch(
    world: int, kind: type[nn.Module], shape: tuple[int, ...], momentum: float | None, penalty: bool
) -> None:
    rows = 3 + 2 * drawn(*shape), drawn(*shape).exp()
    work = normed(kind, momentum, penalty)
    whole = work(*rows)
    ranks = joined(world, work, *rows)
    for index in (0, 1):  # outputs, and gradients of the rows
        assert torch.allclose(torch.cat([rank[index] for rank in ranks]), whole[index])
    for index in (2, 3):  # gradients of the weights, which the trainer sums
        assert torch.allclose(sum(rank[index] for rank in ranks), whole[index])
    for rank in ranks:
        for index in (4, 5, 6):
            assert torch.allclose(rank[index], whole[index])
            assert torch.equal(rank[index], ranks[0][index])


@WORLDS
def test_a_batch_norm_that_rests_and_one_of_a_process_alone_are_torchs(world: int) -> None:
    x = drawn(3, 4, 4)
    norm = nn.BatchNorm2d(3).double().eval()

    def work(rows: Tensor) -> list[Tensor]:
        return [norm(rows)]

    assert torch.equal(torch.cat([part for (part,) in joined(world, work, x)]), norm(x))
    training = F.batch_norm(x, None, None, training=True)
    with SharedLayers():
        assert torch.equal(F.batch_norm(x, None, None, training=True), training)


@WORLDS
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("drop", [nn.Dropout(0.3), nn.Dropout2d(0.3)])
def test_dropout_drops_what_one_process_drops(
    world: int, drop: nn.Module, form: torch.memory_format
) -> None:
    x = drawn(3, 4, 4).contiguous(memory_format=form)
    torch.manual_seed(5)
    whole = [drop(x), drop(torch.cat([x, -x]))]
    assert (whole[0] == 0).any()

    def work(rows: Tensor) -> list[Tensor]:
        return [drop(rows), *drop(torch.cat([rows, -rows])).chunk(2)]

    parts = joined(world, work, x)
    for got, wanted in zip(zip(*parts, strict=True), [whole[0], *whole[1].chunk(2)], strict=True):
        assert torch.equal(torch.cat(got), wanted)


def test_dropout_over_rows_that_no_rank_shares_is_torchs() -> None:
    x = drawn(3, 4, 4)
    torch.manual_seed(5)
    alone = nn.Dropout(0.3)(x)
    torch.manual_seed(5)
    with sharing(None), SharedLayers():
        assert torch.equal(nn.Dropout(0.3)(x), alone)
    assert (alone == 0).any()


@WORLDS
@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: matched(a, b),
        lambda a, b: contrast(a, b, 0.5),
        lambda a, b: pulling_away(a) * pulling_away(b),
        lambda a, b: over_known(a[:, 0], (b[:, 0] > 0).double()),
        lambda a, b: MinibatchDeviation(3)(a.view(-1, 2, 2, 2))[:, 2] * b[:, :1, None],
    ],
)
def test_terms_that_look_at_the_batch_look_at_that_of_all_ranks(world: int, function: Any) -> None:
    def work(first: Tensor, second: Tensor, weights: Tensor) -> list[Tensor]:
        first.requires_grad_()
        second.requires_grad_()
        terms = function(first, second).double()
        loss = (terms.flatten(1).mean(1) if terms.ndim > 1 else terms) @ weights
        given = torch.autograd.grad(loss, [first, second], allow_unused=True)
        zeros = torch.zeros_like(first)
        return [terms, *(zeros if part is None else part for part in given)]

    rows = drawn(8), drawn(8) / 2, drawn(8)[:, 0]
    whole, parts = work(*rows), joined(world, work, *rows)
    for got, wanted in zip(zip(*parts, strict=True), whole, strict=True):
        assert torch.allclose(torch.cat(got).float(), wanted.float(), atol=1e-6)


@WORLDS
def test_minibatch_discrimination_compares_with_the_samples_of_all_ranks(world: int) -> None:
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(2, 4)
    x = drawn(2, 4, 4).float()
    parts = joined(world, lambda rows: [layer(rows)], x)
    assert torch.allclose(torch.cat([part for (part,) in parts]), layer(x), atol=1e-6)


@WORLDS
def test_other_rows_than_those_of_the_batch_are_counted_and_weighed(world: int) -> None:
    """Of numbers 0 to 8 the even ones: their mean is 4, whoever has how many of them."""

    def work(rows: Tensor) -> list[Tensor]:
        even = rows[rows % 2 == 0]
        with holding(len(even)):
            draws = per_row(lambda n: torch.arange(10.0, 10.0 + n), len(even))
        mine = torch.arange(7)[part(7)]
        share = len(rows) / 9
        mean = weighed(even, len(rows)).mean() * share
        return [draws, torch.tensor([whole_count(len(even))]), mine, mean[None]]

    draws, counts, mine, mean = zip(*joined(world, work, torch.arange(9.0)), strict=True)
    assert torch.cat(draws).tolist() == [10, 11, 12, 13, 14]
    assert torch.cat(counts).tolist() == [5] * world
    assert torch.cat(mine).tolist() == list(range(7))
    assert float(torch.cat(mean).sum()) == pytest.approx(4)


def test_alone_everything_is_what_it_was_given() -> None:
    values = torch.arange(5.0)
    with holding(5):
        assert weighed(values, 9) is values
        assert per_row(torch.arange, 4).tolist() == [0, 1, 2, 3]
        assert whole_count(6) == 6
        assert part(3) == slice(0, 3)
