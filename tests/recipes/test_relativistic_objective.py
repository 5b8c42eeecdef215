from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from toys import ToySource, covered, points, ring, toy_recipe, trained

from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.penalties import squared_slope
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipes.relativistic import (
    R3GANDiscriminator,
    R3GANGenerator,
    RelativisticObjective,
    paired,
)


class Level(nn.Module):
    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.level.expand(len(z), 1, 2, 2)


class Squares(nn.Module):
    """D(x) = a * sum of squares: its slope is 2 a x, its squared slope 4 a^2 |x|^2."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.a * x.flatten(1).square().sum(1)


def played(every: int = 1) -> tuple[Game, Batch, RelativisticObjective]:
    game = Game(Networks({"G": Level(0.5), "D": Squares(0.25)}), {"gamma": 2.0})
    return (
        game,
        Batch(torch.ones(3, 1, 2, 2), torch.zeros(3, 2)),
        RelativisticObjective(every=every),
    )


def test_a_pair_costs_softplus_of_how_far_the_real_picture_lags() -> None:
    found = paired(torch.tensor([2.0, 0.0, -3.0]), torch.tensor([0.0, 0.0, 1.0]))
    wanted = [math.log1p(math.exp(-2)), math.log(2), math.log1p(math.exp(4))]
    assert found.tolist() == pytest.approx(wanted)


def test_the_losses_by_hand() -> None:
    """Real logits 0.25 * 4 = 1, fake ones 0.25; slopes squared are 4 * 0.0625 * 4 and a quarter."""
    game, batch, objective = played()
    terms = objective.penalized(game, batch)
    assert terms["adversarial"].tolist() == pytest.approx([math.log1p(math.exp(-0.75))] * 3)
    assert terms["r1"].tolist() == pytest.approx([1.0] * 3)
    assert terms["r2"].tolist() == pytest.approx([0.25] * 3)
    maker = objective.g_loss(game, batch)["adversarial"]
    assert maker.tolist() == pytest.approx([math.log1p(math.exp(0.75))] * 3)
    assert game.facts["D(right)"] == 1.0


def test_the_pairing_loss_pays_for_order_alone() -> None:
    """Adding the same number to all logits changes nothing, unlike with plain cross-entropy."""
    real, fake = torch.randn(5), torch.randn(5)
    assert torch.allclose(paired(real + 7, fake + 7), paired(real, fake), atol=1e-5)


def test_lazy_penalties_weigh_as_much_as_the_steps_they_miss() -> None:
    game, batch, objective = played(every=4)
    assert objective.slopes(game, batch)["r1"].tolist() == pytest.approx([4.0] * 3)
    critic, lazy, _ = objective.phases()
    assert lazy.exact
    assert not critic.exact
    assert set(objective.d_loss(game, batch)) == {"adversarial"}


@pytest.mark.slow
def test_double_backward_is_right_through_the_residual_discriminator() -> None:
    torch.manual_seed(0)
    network = R3GANDiscriminator(width=4, most=4, group=4).build(Frame(8, 1)).double()
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.3)
    weight = network.stages[0][0].mix.weight
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64, requires_grad=True)

    def penalty(held: Tensor) -> Tensor:
        logits = torch.func.functional_call(network, {"stages.0.0.mix.weight": held}, (x,))
        return squared_slope(logits, x)

    assert torch.autograd.gradcheck(penalty, (weight.detach().clone().requires_grad_(),))


@pytest.mark.parametrize(("size", "labels"), [(32, 0), (64, 3)])
def test_the_networks_start_as_a_plain_path_of_unit_scale(size: int, labels: int) -> None:
    """Every block starts as the identity; signals neither die nor explode over the sides."""
    torch.manual_seed(0)
    frame = Frame(size, 3, labels)
    told = torch.eye(3)[:1].expand(16, -1) if labels else None
    made = R3GANGenerator(width=8).build(frame)(torch.randn(16, 64), told)
    assert made.shape == (16, 3, size, size)
    assert 0.1 < made.std() < 1
    logits = R3GANDiscriminator(width=8).build(frame)(torch.randn(16, 3, size, size), told)
    assert logits.shape == (16,)
    assert 1e-3 < logits.std() < 10


def test_the_label_changes_picture_and_judgement() -> None:
    torch.manual_seed(0)
    frame = Frame(32, 1, 2)
    generator = R3GANGenerator(width=4).build(frame)
    judge = R3GANDiscriminator(width=4).build(frame)
    z, one, two = torch.randn(1, 64), torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert not torch.allclose(generator(z, one), generator(z, two))
    picture = torch.randn(1, 1, 32, 32)
    assert not torch.allclose(judge(picture, one), judge(picture, two))


@pytest.mark.slow
@pytest.mark.parametrize(("every", "steps"), [(1, 700), (4, 1500)])
def test_it_reaches_the_modes_of_a_ring(every: int, steps: int) -> None:
    player = Adam(rate=Constant(1e-3), betas=(0.0, 0.99))
    recipe = toy_recipe(
        RelativisticObjective(every=every),
        values={"gamma": Constant(0.1)},
        optimizers={"G": player, "D": player},
    )
    assert covered(points(trained(recipe, ToySource(ring()), steps=steps)), ring()) >= 7
