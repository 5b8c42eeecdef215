"""What a page computes is what torch computes: every operation, and every recipe's generator."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from javascript import run_graphs
from smallest import FILES, frame_of, small
from torch import Tensor, nn

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Networks
from lookalike.share.graph import KNOWN, Graph, graph_of
from lookalike.share.model import EncoderMean

pytestmark = pytest.mark.slow  # what all of them look at takes seconds to make

QUICK = {"tiny", "swift", "stackgan", "began"}
"""Recipes tried by ./scripts/test --quick."""


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Called(nn.Module):
    """A function of tensors, as a network."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


def fixed(layer: nn.Module) -> nn.Module:
    """A layer with weights, and running statistics, that are the same in every test."""
    with torch.no_grad():
        for place, value in enumerate([*layer.parameters(), *layer.buffers()]):
            if value.is_floating_point():
                value.copy_(noise(*value.shape, seed=place) * 0.3)
        for name, value in layer.named_buffers():
            if name.endswith("var"):
                value.abs_().add_(0.1)
    return layer.eval()


Case = tuple[nn.Module, *tuple[Tensor, ...]]


def called(function: Callable[..., Tensor], *shapes: tuple[int, ...]) -> Case:
    return (Called(function), *(noise(*shape, seed=n) for n, shape in enumerate(shapes)))


def layer(made: nn.Module, *shape: int) -> Case:
    return fixed(made), noise(*shape)


MAPS = (1, 3, 5, 7)
CASES: dict[str, Case] = {
    "convolution": layer(nn.Conv2d(3, 5, 3, padding=1), *MAPS),
    "convolution without bias, strided, dilated": layer(
        nn.Conv2d(3, 6, (3, 2), (2, 1), (1, 0), (1, 2), bias=False), 1, 3, 9, 11
    ),
    "convolution of single places": layer(nn.Conv2d(3, 7, 1), *MAPS),
    "convolution in groups": layer(nn.Conv2d(6, 9, 3, groups=3, stride=2), 1, 6, 7, 5),
    "convolution of each channel": layer(nn.Conv2d(5, 5, 3, groups=5, padding=2), 1, 5, 3, 4),
    "convolution transposed": layer(
        nn.ConvTranspose2d(3, 5, (4, 3), (2, 3), (1, 0), (1, 2)), *MAPS
    ),
    "convolution transposed in groups": layer(
        nn.ConvTranspose2d(6, 4, 3, 2, 1, groups=2, bias=False), 1, 6, 4, 3
    ),
    "affine": layer(nn.Linear(13, 7), 1, 13),
    "affine of many rows": layer(nn.Linear(5, 6), 1, 3, 5),
    "product": layer(nn.Linear(11, 3, bias=False), 1, 11),
    "channels": layer(nn.BatchNorm2d(3), *MAPS),
    "channels of a vector": layer(nn.BatchNorm1d(6), 1, 6),
    "channels without weights": layer(nn.BatchNorm2d(3, affine=False), *MAPS),
    "layer_norm": layer(nn.LayerNorm(7), 1, 3, 7),
    "layer_norm of two axes without weights": layer(
        nn.LayerNorm((5, 7), elementwise_affine=False), *MAPS
    ),
    "relu": called(F.relu, MAPS),
    "leaky": called(lambda x: F.leaky_relu(x, 0.2), MAPS),
    "elu": called(lambda x: F.elu(x, 0.7), MAPS),
    "tanh": called(torch.tanh, MAPS),
    "atanh": called(lambda x: torch.atanh(torch.tanh(x) * 0.9), MAPS),
    "sigmoid": called(torch.sigmoid, MAPS),
    "sigmoid within silu": called(F.silu, MAPS),
    "sin": called(torch.sin, MAPS),
    "cos": called(torch.cos, MAPS),
    "exp": called(torch.exp, MAPS),
    "sqrt": called(lambda x: (x * x).sqrt(), MAPS),
    "rsqrt": called(lambda x: (x * x + 0.1).rsqrt(), MAPS),
    "clamp": called(lambda x: x.clamp(-0.5, 0.7), MAPS),
    "clamp of one side": called(lambda x: x.clamp(min=0.1), MAPS),
    "add": called(lambda a, b: a + b, MAPS, MAPS),
    "add of a channel": called(lambda a, b: a + b, MAPS, (1, 3, 1, 1)),
    "add of a column": called(lambda a, b: b + a, (1, 3, 1, 7), (1, 1, 5, 1)),
    "add of fewer axes": called(lambda a, b: a + b, MAPS, (1, 7)),
    "add of a number": called(lambda a: a + 0.3, MAPS),
    "sub": called(lambda a, b: a - b, MAPS, (1, 1, 5, 7)),
    "sub from a number": called(lambda a: 1 - a, MAPS),
    "mul": called(lambda a, b: a * b, MAPS, (1, 3, 1, 1)),
    "div": called(lambda a, b: a / (b * b + 1), MAPS, MAPS),
    "pow": called(lambda a: a**2, MAPS),
    "mean": called(lambda a: a.mean((2, 3)), MAPS),
    "mean of all": called(lambda a: a.mean().expand(1, 2), MAPS),
    "mean of an inner axis": called(lambda a: a.mean(2, keepdim=True), MAPS),
    "sum": called(lambda a: a.sum((1, -1)), MAPS),
    "permute": called(lambda a: a.permute(0, 3, 1, 2).contiguous(), MAPS),
    "permute of pieces": called(lambda a: F.pixel_shuffle(a, 2), (1, 12, 3, 5)),
    "expand": called(lambda a: a.expand(1, 3, 5, 7).contiguous() * 1, (1, 3, 1, 1)),
    "slice": called(lambda a: a[:, 1:, ::2, -4:], MAPS),
    "split": called(lambda a: torch.cat(a.split([1, 2], 1)[::-1], 1), MAPS),
    "split in halves": called(lambda a: a.chunk(2, 1)[0] * a.chunk(2, 1)[1], (1, 10)),
    "cat": called(lambda a, b: torch.cat([a, b], 2), MAPS, (1, 3, 2, 7)),
    "reshape": called(lambda a: a.reshape(1, -1)[:, None], MAPS),
    "nearest": called(lambda a: F.interpolate(a, scale_factor=2), MAPS),
    "nearest to an odd size": called(lambda a: F.interpolate(a, size=(11, 9)), MAPS),
    "bilinear": called(
        lambda a: F.interpolate(a, scale_factor=2, mode="bilinear", align_corners=False), MAPS
    ),
    "bilinear with corners": called(
        lambda a: F.interpolate(a, size=(9, 4), mode="bilinear", align_corners=True), MAPS
    ),
    "pool": called(lambda a: F.adaptive_avg_pool2d(a, (2, 3)), MAPS),
    "where of what is known": called(lambda a, b: torch.lerp(a, b, 0.3), MAPS, MAPS),
}


class EveryCase(nn.Module):
    """All cases in one network, since writing down fifty takes a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.cases = nn.ModuleList(case[0] for case in CASES.values())

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        rest, outputs = list(inputs), []
        for network, case in zip(self.cases, CASES.values(), strict=True):
            outputs.append(network(*(rest.pop(0) for _ in case[1:])))
        return tuple(outputs)


@cache
def answers() -> tuple[Graph, dict[str, tuple[Tensor, Tensor]]]:
    """The graph of all cases, and for each what torch gives and what the page gives."""
    inputs = [value for case in CASES.values() for value in case[1:]]
    network = EveryCase()
    graph = graph_of(network, *inputs)
    with torch.no_grad():
        wanted = network(*inputs)
    (given,) = run_graphs([(graph, inputs)])
    return graph, dict(zip(CASES, zip(wanted, given, strict=True), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_an_operation_of_the_page_gives_what_torch_gives(name: str) -> None:
    wanted, given = answers()[1][name]
    assert given.shape == wanted.shape
    torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5)


def test_every_operation_of_the_page_has_a_case() -> None:
    kinds = {operation.kind for operation in answers()[0].operations}
    wanted = {kind for kind, _ in KNOWN.values()} | {"cat", "channels", "reshape"}
    assert kinds == wanted
    assert all(name.partition(" ")[0] in wanted | {"where"} for name in CASES)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in sorted(FILES)]
)
def test_the_page_draws_what_the_generator_of_every_recipe_draws(name: str) -> None:
    chosen = small(name)
    torch.manual_seed(0)
    generator = Networks.build({"G": chosen.networks["G"]}, frame_of(chosen))["G"].eval()
    inputs = [noise(1, chosen.prior.width)]
    if chosen.labels:
        inputs.append(F.one_hot(torch.tensor([1]), chosen.labels).float())
    with torch.no_grad():
        wanted = generator(*inputs)
    ((given,),) = run_graphs([(graph_of(generator, *inputs), inputs)])
    assert given.shape == (1, chosen.channels, chosen.size, chosen.size)
    torch.testing.assert_close(given, wanted, rtol=0, atol=2e-5)


def test_the_page_reads_large_pictures_as_the_encoder_of_the_cascade_does() -> None:
    chosen = small("cascade")
    encoder = EncoderMean(Networks.build({"E": chosen.networks["E"]}, frame_of(chosen))["E"]).eval()
    picture = noise(1, chosen.channels, chosen.size, chosen.size).clamp(-1, 1)
    with torch.no_grad():
        wanted = encoder(picture)
    ((given,),) = run_graphs([(graph_of(encoder, picture), [picture])])
    torch.testing.assert_close(given, wanted, rtol=0, atol=2e-5)


def test_what_a_page_cannot_do_is_refused_with_all_its_names() -> None:
    network, wave = called(lambda x: torch.fft.rfft(x).abs().cumsum(1), (1, 8))
    with pytest.raises(RecipeError, match=r"The generator uses .*cumsum.*--to model/") as refused:
        graph_of(network, wave, what="generator")
    assert "fft" in str(refused.value)
