"""The stock terms, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lookalike.parts.losses.adversarial import hinge_fake, hinge_real, real_or_fake
from lookalike.parts.losses.base import (
    Clip,
    Loss,
    Objective,
    Terms,
    absolute,
    kl_to_normal,
    per_sample,
)
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Networks
from lookalike.recipes.tiny import TinyObjective

LN2 = math.log(2)


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([0.0, math.log(3), -math.log(3)])  # sigmoid: 1/2, 3/4, 1/4
    quarter, three = math.log(4), math.log(4 / 3)
    torch.testing.assert_close(real_or_fake(logits, 1.0), torch.tensor([LN2, three, quarter]))
    torch.testing.assert_close(real_or_fake(logits, 0.0), torch.tensor([LN2, quarter, three]))
    smooth = torch.tensor([LN2, 0.9 * three + 0.1 * quarter, 0.9 * quarter + 0.1 * three])
    torch.testing.assert_close(real_or_fake(logits, 0.9), smooth)


def test_cross_entropy_is_finite_where_a_sigmoid_would_round_to_one() -> None:
    told = real_or_fake(torch.tensor([200.0, -200.0]), 0.0)
    torch.testing.assert_close(told, torch.tensor([200.0, 0.0]))


def test_cross_entropy_is_the_mean_over_heads_with_a_target_per_sample() -> None:
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    told = real_or_fake(logits, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(told, torch.tensor([(LN2 + math.log(4 / 3)) / 2, LN2]))
    oracle = nn.functional.binary_cross_entropy_with_logits(
        logits, torch.tensor([[1.0, 1.0], [0.0, 0.0]]), reduction="none"
    ).mean(1)
    torch.testing.assert_close(told, oracle)


def test_hinges_by_hand() -> None:
    logits = torch.tensor([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
    assert hinge_real(logits).tolist() == [3.0, 2.0, 1.0, 0.5, 0.0, 0.0]
    assert hinge_fake(logits).tolist() == [0.0, 0.0, 1.0, 1.5, 2.0, 4.0]
    assert hinge_real(torch.tensor([[0.0, 2.0]])).tolist() == [0.5]


def test_the_divergence_to_the_normal_by_hand() -> None:
    zero = torch.zeros(1, 3)
    assert kl_to_normal(zero, zero).tolist() == [0.0]
    assert kl_to_normal(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)).tolist() == [12.5]
    told = kl_to_normal(torch.zeros(1, 1), torch.tensor([[math.log(4.0)]]))
    assert told.item() == pytest.approx(0.5 * (4 - 1 - math.log(4)))
    one = torch.distributions.Normal(0.3, 1.7)
    oracle = torch.distributions.kl_divergence(one, torch.distributions.Normal(0.0, 1.0))
    told = kl_to_normal(torch.tensor([[0.3]]), torch.tensor([[2 * math.log(1.7)]]))
    assert told.item() == pytest.approx(float(oracle), rel=1e-5)


def test_differences_are_means_over_everything_but_the_samples() -> None:
    first = torch.tensor([[[[1.0, 2.0]]], [[[0.0, 0.0]]]])
    second = torch.tensor([[[[0.0, 5.0]]], [[[0.0, -4.0]]]])
    assert absolute(first, second).tolist() == [2.0, 2.0]
    assert per_sample(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert per_sample(torch.ones(2, 3, 4, 5, dtype=torch.bfloat16)).dtype == torch.float32


def test_a_total_is_the_sum_of_the_means_of_the_terms_that_count() -> None:
    terms = Terms(
        {
            "a": torch.tensor([1.0, 3.0]),
            "b": torch.tensor([10.0, 10.0]),
            "~told": torch.tensor([99.0, 99.0]),
        }
    )
    assert float(terms.total()) == 12.0


def test_clip_clamps_weights_in_place_and_leaves_statistics() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    network[1].running_var.fill_(7.0)
    Clip(0.01)(network)
    assert all(float(w.detach().abs().max()) <= 0.01 for w in network.parameters())
    assert network[1].running_var.tolist() == [7.0, 7.0]


# ---- the classic game -----------------------------------------------------------------------


class Level(nn.Module):
    """A player whose answer is known: the mean of a picture times a weight."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return x.flatten(1).mean(1) * self.factor


class Flat(nn.Module):
    """z -> a flat picture of the level z."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(0.0))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return (z[:, :1, None, None] + self.shift).expand(-1, 1, 2, 2)


def game() -> Game:
    return Game(Networks({"G": Flat(), "D": Level(2.0)}), {})


def batch(levels: list[float], z: list[float]) -> Batch:
    images = torch.tensor(levels)[:, None, None, None].expand(-1, 1, 2, 2)
    return Batch(images, torch.tensor(z)[:, None])


def cross(logit: float, target: float) -> float:
    return math.log1p(math.exp(logit)) - target * logit


def losses(objective: Objective) -> tuple[Loss, Loss]:
    """What D and G minimize."""
    d_phase, g_phase = objective.phases()
    return d_phase.loss, g_phase.loss


def test_the_non_saturating_game_by_hand() -> None:
    given, now = batch([0.5, -1.0], [0.25, 0.0]), game()
    critic, maker = (loss(now, given) for loss in losses(TinyObjective()))
    assert critic["real"].tolist() == pytest.approx([cross(1.0, 1), cross(-2.0, 1)], rel=1e-6)
    assert critic["fake"].tolist() == pytest.approx([cross(0.5, 0), LN2], rel=1e-6)
    assert maker["adversarial"].tolist() == pytest.approx([cross(0.5, 1), LN2], rel=1e-6)
    sigmoid = [1 / (1 + math.exp(-x)) for x in (1.0, -2.0)]
    assert now.facts["D(real)"] == pytest.approx(sum(sigmoid) / 2)


def test_smoothing_is_for_the_critic_alone() -> None:
    given = batch([0.5], [0.25])
    d_loss, g_loss = losses(TinyObjective(real_target=0.9, fake_target=0.05))
    critic = d_loss(game(), given)
    assert critic["real"].item() == pytest.approx(cross(1.0, 0.9))
    assert critic["fake"].item() == pytest.approx(cross(0.5, 0.05))
    assert g_loss(game(), given)["adversarial"].item() == pytest.approx(cross(0.5, 1.0))


def test_the_critic_sends_no_gradient_to_the_generator_and_the_maker_does() -> None:
    given, now = batch([0.5], [0.25]), game()
    d_loss, g_loss = losses(TinyObjective())
    d_loss(now, given).total().backward()
    assert now.networks["G"].shift.grad is None
    g_loss(now, given).total().backward()
    slope = -2.0 * (1 - 1 / (1 + math.exp(-0.5)))  # d/ds [softplus(2 (z+s)) - 2 (z+s)]
    assert float(now.networks["G"].shift.grad) == pytest.approx(slope)
