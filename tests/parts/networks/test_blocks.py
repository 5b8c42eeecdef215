"""Blocks against naive loops, and the budget of minibatch discrimination."""

import math

import pytest
import torch
from torch import Tensor, nn

from lookalike.parts.networks.blocks import (
    MinibatchDeviation,
    MinibatchDiscrimination,
    closeness,
)
from lookalike.recipes.sngan import LabelNorm, Shrink


def naive(rows: Tensor) -> Tensor:
    count, kernels, _ = rows.shape
    out = torch.zeros(count, kernels)
    for i in range(count):
        for k in range(kernels):
            for j in range(count):
                if i != j:
                    distance = sum(abs(a - b) for a, b in zip(rows[i, k], rows[j, k], strict=True))
                    out[i, k] += math.exp(-float(distance))
    return out


def test_closeness_equals_a_naive_loop() -> None:
    rows = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0)) * 0.4
    assert torch.allclose(closeness(rows), naive(rows), atol=1e-5)


def test_closeness_of_copies_is_their_number_and_of_strangers_nothing() -> None:
    assert closeness(torch.ones(4, 2, 3)).tolist() == [[3.0, 3.0]] * 4
    far = torch.arange(4.0)[:, None, None].expand(4, 2, 3) * 50
    assert float(closeness(far).abs().max()) < 1e-6


def test_closeness_can_be_differentiated_twice() -> None:
    rows = torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(1))
    held = rows.double().requires_grad_()

    def exact(x: Tensor) -> Tensor:  # closeness itself works in float32
        apart = (x[:, None] - x[None]).abs().sum(3)
        return (-apart).exp().sum(1) - 1

    assert torch.allclose(closeness(rows), exact(held).float(), atol=1e-6)
    assert torch.autograd.gradgradcheck(exact, held)
    moving = rows.clone().requires_grad_()
    (once,) = torch.autograd.grad(closeness(moving).sum(), moving, create_graph=True)
    (twice,) = torch.autograd.grad(once.square().sum(), moving)
    (once_exact,) = torch.autograd.grad(exact(held).sum(), held, create_graph=True)
    (twice_exact,) = torch.autograd.grad(once_exact.square().sum(), held)
    assert torch.allclose(twice, twice_exact.float(), atol=1e-4)


@pytest.mark.parametrize("side", [4, 7, 14, 16, 32, 64])
def test_minibatch_discrimination_keeps_the_maps_and_adds_its_own(side: int) -> None:
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(6, side, maps=2)
    x = torch.randn(4, 6, side, side)
    out = layer(x)
    assert out.shape == (4, 8, side, side)
    assert torch.equal(out[:, :6], x)


def test_a_sample_is_judged_by_its_company() -> None:
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(3, 16)
    same = torch.randn(1, 3, 16, 16)
    alone = layer(torch.cat([same, 5 * torch.randn(3, 3, 16, 16)]))[0, 3:]
    among_copies = layer(same.expand(4, -1, -1, -1))[0, 3:]
    assert float((alone - among_copies).detach().abs().max()) > 0.1


def test_at_64_px_the_layer_is_the_published_one() -> None:
    layer = MinibatchDiscrimination(128, 32, maps=2)
    wanted = [128 * 3 * 4 * 4, 192 * (2 * 64) * 16, 2 * 2 * 4 * 4 + 2]
    assert sum(w.numel() for w in layer.parameters()) == sum(wanted)


def test_at_256_px_it_costs_few_weights_and_little_memory() -> None:
    layer = MinibatchDiscrimination(32, 128, maps=4)
    assert sum(w.numel() for w in layer.parameters()) <= 5_000_000
    held: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.randn(32, 32, 128, 128, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = layer(x)
    held.pop(x.untyped_storage().data_ptr(), None)  # the maps of the layer before
    for weight in layer.parameters():
        held.pop(weight.untyped_storage().data_ptr(), None)
    kept = sum(held.values())
    added = out[:, 32:].numel() * 4
    assert kept + added <= 64 * 2**20
    assert kept > 2**20  # the hooks have seen the pairs


def test_minibatch_deviation_is_known_for_two_groups() -> None:
    x = torch.zeros(4, 1, 2, 2)
    x[2:] = 2.0  # groups are samples (0, 2) and (1, 3) for group=2: deviation 1 each
    out = MinibatchDeviation(group=2)(x)
    assert out.shape == (4, 2, 2, 2)
    assert torch.allclose(out[:, 1], torch.ones(4, 2, 2), atol=1e-4)
    same = MinibatchDeviation()(torch.ones(3, 1, 2, 2))
    assert float(same[:, 1].abs().max()) < 1e-3


def test_a_label_norm_starts_as_batch_norm_and_learns_one_gain_per_class() -> None:
    norm = LabelNorm(3, 2)
    x = torch.randn(8, 3, 4, 4)
    labels = nn.functional.one_hot(torch.arange(8) % 2, 2).float()
    assert torch.allclose(norm(x, labels), nn.BatchNorm2d(3)(x), atol=1e-5)
    assert norm.told is not None
    nn.init.constant_(norm.told.weight[:3, 1:], 1.0)
    plain = nn.BatchNorm2d(3)(x)
    assert torch.allclose(norm(x, labels)[1::2], 2 * plain[1::2], atol=1e-4)
    assert torch.allclose(norm(x, labels)[::2], plain[::2], atol=1e-4)


def test_a_spectral_block_holds_its_singular_values_at_one() -> None:
    torch.manual_seed(0)
    block = Shrink(3, 8, halve=True, first=True)
    for _ in range(60):
        out = block(torch.randn(2, 3, 8, 8))
    assert out.shape == (2, 8, 4, 4)
    weight = block.two.weight.detach().flatten(1)
    assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1.0, abs=0.02)
