from __future__ import annotations

import pytest
import torch

from lookalike.parts.networks.autoencoders import (
    Autoencoder,
    Carried,
    DecoderGenerator,
)
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.recipes.info_began import NoisePredictor


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_folded_networks_give_pictures_of_the_same_size(size: int, channels: int) -> None:
    frame, labels = Frame(size, channels, 2), torch.eye(2)
    pictures = torch.zeros(2, channels, size, size)
    plans: list[NetworkPlan] = [
        DecoderGenerator(inputs=5, width=4, fold=2, carry=0.5, he=True),
        Autoencoder(embedding=5, width=4, fold=2, carry=0.5),
    ]
    drawn, rebuilt = plans[0].build(frame), plans[1].build(frame)
    assert drawn(torch.zeros(2, 5), labels).shape == pictures.shape
    assert rebuilt(pictures, labels).shape == pictures.shape
    guessed, _ = NoisePredictor(noise=5, codes=1, embedding=4, width=4, fold=2).build(frame)(
        pictures, labels
    )
    assert guessed.shape == (2, 6)


def test_folding_takes_most_of_the_work_of_the_largest_side() -> None:
    """Two pixels a side in four maps: a quarter of the places for every convolution of width w."""

    def places(fold: int) -> int:
        network = Autoencoder(width=4, fold=fold).build(Frame(32, 1))
        found: list[int] = []
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.register_forward_hook(
                    lambda m, i, o: found.append(o.shape[1] * o[0, 0].numel())
                )
        network(torch.zeros(1, 1, 32, 32))
        return sum(found)

    assert places(2) < 0.35 * places(1)


def test_a_carried_convolution_is_the_mean_of_its_input_and_its_own_by_hand() -> None:
    """A convolution of zeros with the bias 3 gives 3; with a quarter of the input 1, 2.5."""
    layer = Carried(1, 0.25)
    torch.nn.init.zeros_(layer.convolution.weight)
    torch.nn.init.constant_(layer.convolution.bias, 3.0)  # type: ignore[arg-type]
    assert layer(torch.ones(1, 1, 2, 2)).flatten().tolist() == pytest.approx([2.5] * 4)


def test_the_first_pictures_of_different_z_differ_with_the_first_weights_of_he() -> None:
    z = torch.rand(32, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    apart = {}
    for he in (True, False):
        torch.manual_seed(0)
        network = DecoderGenerator(width=16, fold=2, he=he).build(Frame(32, 1))
        apart[he] = float(network(z).detach().std(0).mean())
    assert apart[True] > 0.2 > 0.05 > apart[False]
