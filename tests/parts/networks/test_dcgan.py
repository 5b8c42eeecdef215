from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame
from lookalike.parts.networks.dcgan import (
    DCGANDiscriminator,
    DCGANGenerator,
    doublings,
    init_normal,
)


@pytest.mark.parametrize(("size", "count"), [(4, 0), (8, 1), (32, 3), (64, 4), (256, 6)])
def test_doublings_by_hand(size: int, count: int) -> None:
    assert doublings(size) == count


@pytest.mark.parametrize("size", [3, 28, 48, 100])
def test_a_size_that_is_no_doubling_is_refused_with_those_that_are(size: int) -> None:
    with pytest.raises(RecipeError, match=rf"16, 32, 64.* not {size}.*--size 64"):
        doublings(size)


@pytest.mark.parametrize("size", [8, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("labels", [0, 5])
def test_shapes_and_range(size: int, channels: int, labels: int) -> None:
    frame = Frame(size, channels, labels)
    generator = DCGANGenerator(dims=6, width=4, most=16).build(frame)
    discriminator = DCGANDiscriminator(width=4, most=16).build(frame)
    told = torch.zeros(3, labels) if labels else None
    pictures = generator(torch.randn(3, 6), told)
    assert pictures.shape == (3, channels, size, size)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures, told).shape == (3,)


def test_the_weights_of_the_paper_at_64_px_are_counted_by_hand() -> None:
    frame = Frame(64, 3)
    # Transposed 4x4 convolutions 100-512-256-128-64-3, batch norms of 2 numbers a map, one bias.
    maps = [100, 512, 256, 128, 64]
    wanted = sum(16 * a * b for a, b in pairwise(maps))
    wanted += 2 * sum(maps[1:]) + 16 * 64 * 3 + 3
    generator = DCGANGenerator().build(frame)
    assert sum(w.numel() for w in generator.parameters()) == wanted
    # 3-64-128-256-512-1; no batch norm at the edges, where there are biases instead.
    wanted = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512) + 64 + 1
    discriminator = DCGANDiscriminator().build(frame)
    assert sum(w.numel() for w in discriminator.parameters()) == wanted


def test_labels_steer_the_generator_and_the_discriminator() -> None:
    torch.manual_seed(0)
    frame = Frame(8, 3, 2)
    generator = DCGANGenerator(dims=4, width=8).build(frame).eval()
    discriminator = DCGANDiscriminator(width=8).build(frame).eval()
    z = torch.randn(1, 4)
    first, second = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    pictures = generator(z, first)
    assert not torch.equal(pictures, generator(z, second))
    assert not torch.equal(discriminator(pictures, first), discriminator(pictures, second))


def test_weights_start_as_in_the_paper() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(32, 64, 4), nn.BatchNorm2d(4000)).apply(init_normal)
    assert float(network[0].weight.detach().std()) == pytest.approx(0.02, rel=0.02)
    assert float(network[0].bias.detach().abs().max()) == 0
    assert float(network[1].weight.detach().mean()) == pytest.approx(1.0, abs=2e-3)
    assert float(network[1].weight.detach().std()) == pytest.approx(0.02, rel=0.05)


def test_the_discriminator_has_logits_and_no_batch_norm_at_its_edges() -> None:
    network = DCGANDiscriminator(width=4).build(Frame(32))
    layers = [m for m in network.modules() if not list(m.children())]
    assert not any(isinstance(layer, nn.Sigmoid) for layer in layers)
    norms = [i for i, layer in enumerate(layers) if isinstance(layer, nn.BatchNorm2d)]
    maps = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    assert len(norms) == 2
    assert maps[1] < norms[0], "none after the first convolution"
    told = network(100 * torch.randn(64, 3, 32, 32))
    assert not bool(((told >= 0) & (told <= 1)).all())
