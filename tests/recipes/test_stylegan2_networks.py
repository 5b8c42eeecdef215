from __future__ import annotations

import math

import pytest
import torch
from pictures import Discs
from torch import Tensor
from torch.nn import functional as F
from toys import ToySource, covered, points, ring, toy_recipe, trained

from lookalike import recipe
from lookalike.engine.trainer import Trainer
from lookalike.parts.losses.penalties import squared_slope
from lookalike.parts.networks.base import Frame
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.place import Place
from lookalike.recipes.stylegan2.networks import (
    Modulated,
    StyleDiscriminator,
    StyleGenerator,
    StyleGeneratorPlan,
)
from lookalike.recipes.stylegan2.objective import StyleGAN2Objective, uniform


def generator(size: int = 32, labels: int = 0) -> StyleGenerator:
    torch.manual_seed(0)
    built = StyleGeneratorPlan(width=4, most=8, code=8, dims=6, depth=2).build(
        Frame(size, 3, labels)
    )
    assert isinstance(built, StyleGenerator)
    return built.eval()


def looped(layer: Modulated, x: Tensor, code: Tensor) -> Tensor:
    """The paper's order: every sample gets a weight of its own, modulated and demodulated."""
    styles = F.linear(code, layer.style.weight * layer.style.gain, layer.style.bias)
    found = []
    for index in range(len(x)):
        weight = layer.weight * layer.gain * styles[index][None, :, None, None]
        if layer.demodulate:
            for output in range(len(weight)):
                norm = math.sqrt(float(weight[output].square().sum()) + 1e-8)
                weight = weight.clone()
                weight[output] = weight[output] / norm
        one = x[index : index + 1]
        if layer.larger:
            one = F.interpolate(one, scale_factor=2.0, mode="bilinear")
        found.append(F.conv2d(one, weight, layer.bias, padding=weight.shape[2] // 2))
    return torch.cat(found)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize(("kernel", "larger"), [(3, False), (3, True), (1, False)])
def test_scaling_the_maps_is_scaling_the_weights(
    demodulate: bool, kernel: int, larger: bool
) -> None:
    torch.manual_seed(0)
    layer = Modulated(5, 4, 7, kernel, demodulate=demodulate, larger=larger)
    x, code = torch.randn(3, 5, 6, 6), torch.randn(3, 7)
    with torch.no_grad():
        assert torch.allclose(layer(x, code), looped(layer, x, code), atol=1e-5)


def test_demodulated_maps_keep_their_scale_whatever_the_code() -> None:
    torch.manual_seed(0)
    layer = Modulated(64, 64, 8, 3, demodulate=True, larger=False)
    x, code = torch.randn(4, 64, 16, 16), torch.randn(4, 8)
    for power in (1.0, 100.0):
        inner = layer(x, power * code)[:, :, 1:-1, 1:-1]
        assert 0.8 < inner.std() < 1.2


def test_a_picture_is_the_same_alone_and_in_a_batch() -> None:
    network, z = generator(), torch.randn(5, 6)
    with torch.no_grad():
        assert torch.allclose(network(z)[3:4], network(z[3:4]), atol=1e-5)


def test_mixing_with_share_1_is_no_mixing_and_share_0_keeps_only_the_coarsest_layer() -> None:
    network, z, other = generator(), torch.randn(2, 6), torch.randn(2, 6)
    share = torch.tensor([1.0, 0.0])
    with torch.no_grad():
        mixed = network(z, None, (other, share))
        assert torch.equal(mixed[0], network(z)[0])
        one, two = network.mapping(z), network.mapping(other)
        coarse = network.drawn([one] + [two] * (network.layers - 1)).clamp(-1, 1)
    assert torch.allclose(mixed[1], coarse[1], atol=1e-6)
    assert not torch.allclose(mixed[1], network(other)[1])


def test_every_layer_has_a_code_of_its_own() -> None:
    network, w = generator(), torch.zeros(1, 8)
    plain = network.drawn([w] * network.layers)
    for layer in range(network.layers):
        codes = [w] * network.layers
        codes[layer] = torch.ones(1, 8)
        assert not torch.allclose(network.drawn(codes), plain)


def test_the_label_changes_picture_and_judgement() -> None:
    network, z = generator(labels=2), torch.randn(1, 6)
    one, two = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert not torch.allclose(network(z, one), network(z, two))
    judge = StyleDiscriminator(width=4, most=8, code=8).build(Frame(32, 3, 2))
    picture = torch.randn(1, 3, 32, 32)
    assert not torch.allclose(judge(picture, one), judge(picture, two))


def test_double_backward_is_right_through_the_modulated_convolution() -> None:
    torch.manual_seed(0)
    layer = Modulated(2, 2, 3, 3, demodulate=False, larger=True).double()
    x = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    code = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    def lengths(weight: Tensor) -> Tensor:
        made = torch.func.functional_call(layer, {"weight": weight}, (x, code))
        return squared_slope(made.square(), code)

    assert torch.autograd.gradcheck(lengths, (layer.weight.detach().clone().requires_grad_(),))


def test_regularisers_play_at_their_intervals_and_the_mean_follows() -> None:
    chosen = recipe.make(
        recipe.find("stylegan2"),
        {"width": 4, "most": 8, "batch": 4, "slopes_every": 2, "lengths_every": 3, "images": 400},
        {"size": 32, "channels": 1, "labels": 0},
    )
    trainer = Trainer(chosen, Discs(32, 1), Place(threads=1))
    played = [trainer.step().terms for _ in range(4)]
    assert ["D/r1" in terms for terms in played] == [True, False, True, False]
    assert ["G/path" in terms for terms in played] == [True, False, False, True]
    wanted = (played[0]["G/length"] + played[3]["G/length"]) / 2
    assert trainer.now()["path"] == pytest.approx(wanted)


def test_uniform_numbers_come_from_normal_ones() -> None:
    found = uniform(torch.tensor([-10.0, 0.0, 1.0, 10.0]))
    assert found.tolist() == pytest.approx([0, 0.5, 0.841345, 1], abs=1e-5)


@pytest.mark.slow
def test_the_generator_exports_with_any_batch_size() -> None:
    network, z = generator(), torch.randn(3, 6)
    shapes = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(network, (z,), dynamic_shapes=shapes).module()
    for count in (1, 5):
        z = torch.randn(count, 6)
        assert torch.allclose(exported(z), network(z), atol=1e-5)


@pytest.mark.slow
def test_the_logistic_game_with_lazy_slopes_reaches_the_modes_of_a_ring() -> None:
    player = Adam(rate=Constant(1e-3), betas=(0.0, 0.99))
    chosen = toy_recipe(
        StyleGAN2Objective(mixing=0.0, slopes_every=4, lengths_every=0),
        values={"r1": Constant(0.1)},
        optimizers={"G": player, "D": player},
    )
    assert covered(points(trained(chosen, ToySource(ring()), steps=900)), ring()) >= 7
