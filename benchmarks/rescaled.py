"""Weights of swift at the scale of fresh ones, for the same pictures.

Weights grow while they are trained, and steps of orthogonal momentum have a fixed size, so grown
weights learn slowly: on pictures that are all alike they end behind random ones (docs/log.md). Most
of that scale means nothing. What goes into a batch normalisation may be divided by any number, and
a linear layer may be divided by a number that the normalisation before it is multiplied by.
"""

from __future__ import annotations

from itertools import count

import torch
from torch import Tensor, nn

from lookalike.parts.networks.base import Frame, NetworkPlan

State = dict[str, Tensor]


class Rescaling:
    """Weights, changed in place, beside freshly drawn ones of the same shape."""

    def __init__(self, weights: State, fresh: State) -> None:
        self.weights, self.fresh = weights, fresh

    def growth(self, name: str) -> float:
        """How many times larger than a fresh one a weight is."""
        return float(self.weights[name].norm() / self.fresh[name].norm())

    def times(self, factor: float, layer: str) -> None:
        """Multiply a layer's weight and bias."""
        for part in (f"{layer}.weight", f"{layer}.bias"):
            if part in self.weights:
                self.weights[part].mul_(factor)

    def normalised(self, factor: float, layer: str) -> None:
        """What a batch normalisation remembers of inputs that are now ``factor`` times as large."""
        self.weights[f"{layer}.running_mean"].mul_(factor)
        self.weights[f"{layer}.running_var"].mul_(factor**2)

    def has(self, layer: str) -> bool:
        """Whether there is a layer of this name."""
        return f"{layer}.weight" in self.weights


def encoder(at: Rescaling) -> None:
    """Every convolution is followed by a normalisation; the last of these takes over code's."""
    last = 0
    while at.has(f"body.{last}"):
        factor = 1 / at.growth(f"body.{last}.weight")
        at.times(factor, f"body.{last}")
        at.normalised(factor, f"body.{last + 1}")
        last += 3
    growth = at.growth("code.weight")
    at.weights["code.weight"].mul_(1 / growth)
    at.times(growth, f"body.{last - 2}")


def generator(at: Rescaling) -> None:
    """What flows through a stage is divided as a whole, by what its convolution has grown.

    A stage that does not narrow what it gets hands on the scale of the one before it.
    """
    scale = at.growth("stages.0.blocks.0.convolution.weight")
    at.times(1 / scale, "start")
    for number in count():
        stage = f"stages.{number}"
        convolution = f"{stage}.blocks.0.convolution"
        if not at.has(convolution):
            break
        if at.has(f"{stage}.narrow"):
            before, scale = scale, at.growth(f"{convolution}.weight")
            at.weights[f"{stage}.narrow.weight"].mul_(before / scale)
            at.weights[f"{stage}.narrow.bias"].mul_(1 / scale)
        at.times(1 / scale, convolution)
        at.normalised(1 / scale, f"{stage}.blocks.0.norm")
    at.normalised(1 / scale, "norm")
    growth = at.growth("finish.weight")
    at.weights["finish.weight"].mul_(1 / growth)
    at.times(growth, "norm")


def discriminator(at: Rescaling) -> None:
    """Spectral normalisation divides by the scale anyway."""
    for name in at.weights:
        if name.endswith("parametrizations.weight.original"):
            at.weights[name].mul_(1 / at.growth(name))


RULES = {"G": generator, "E": encoder, "D": discriminator}


@torch.no_grad()
def rescaled(player: str, weights: State, plan: NetworkPlan, frame: Frame) -> State:
    """The weights of ``player`` (G, E or D) for a network that does the same with smaller ones.

    Raises:
        AssertionError: G or E answers otherwise, by more than float16 rounds, to random inputs.
    """
    found = {name: weight.clone() for name, weight in weights.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = plan.build(frame)
        RULES[player](Rescaling(found, network.state_dict()))
        if player != "D":
            asked = torch.randn(16, plan.latent) if player == "G" else _noise(frame)
            for training in (True, False):
                told = [_answer(network, state, asked, training) for state in (weights, found)]
                torch.testing.assert_close(told[0], told[1], atol=1e-2, rtol=1e-2)
    return found


def _noise(frame: Frame) -> Tensor:
    return torch.randn(16, frame.channels, frame.size, frame.size).tanh()


def _answer(network: nn.Module, state: State, asked: Tensor, training: bool) -> Tensor:
    network.load_state_dict(state)
    told = network.train(training)(asked)
    return told if isinstance(told, Tensor) else told[0]
