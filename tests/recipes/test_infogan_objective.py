from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from toys import ToySource, covered, points, ring, toy_recipe, trained

from lookalike.parts.latents.codes import Codes
from lookalike.parts.losses.adversarial import SMOOTHING, NonSaturatingLoss
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, NetworkPlan, Networks
from lookalike.recipes.infogan.objective import (
    InfoGANObjective,
    categorical_loss,
    continuous_loss,
    information,
)

PRIOR = Codes(dims=2, categories=(4,), continuous=2)


def test_the_categorical_loss_by_hand() -> None:
    one_hot = torch.tensor([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [math.log(7.0), 0.0, 0.0, 0.0]])
    assert categorical_loss(logits, one_hot).tolist() == pytest.approx(
        [math.log(4), -math.log(7 / 10)]
    )


def test_a_perfect_reading_costs_nothing() -> None:
    """A softmax in front of the loss would leave ln(e + 9) - 1 = 1.461 for ten classes."""
    one_hot = torch.eye(10)
    assert categorical_loss(50 * one_hot, one_hot).max() < 1e-6
    doubled = categorical_loss((50 * one_hot).softmax(1), one_hot)
    assert doubled.mean().item() == pytest.approx(1.4612, abs=1e-3)


def test_the_continuous_loss_by_hand() -> None:
    found = continuous_loss(torch.tensor([[0.5, 0.0]]), torch.tensor([[-0.5, 0.5]]))
    assert found.tolist() == pytest.approx([(1 + 0.25) / 2])
    assert continuous_loss(torch.zeros(3, 0), torch.zeros(3, 0)).tolist() == [0.0] * 3


def test_information_is_all_of_the_entropy_for_a_perfect_reading_and_0_for_a_blind_guess() -> None:
    prior = Codes(categories=(4, 10), continuous=1)
    assert information(prior, torch.zeros(1)).item() == pytest.approx(math.log(40))
    blind = torch.tensor([math.log(4) + math.log(10)])
    assert information(prior, blind).item() == pytest.approx(0.0, abs=1e-6)


def test_the_weights_scale_the_terms_and_the_bound_only_tells() -> None:
    z = PRIOR.draw(torch.Generator().manual_seed(0), 5, {})
    predicted = torch.zeros(5, PRIOR.codes)
    terms = InfoGANObjective(prior=PRIOR, categorical=2.0, continuous=0.5).code_terms(predicted, z)
    assert terms["categories"].tolist() == pytest.approx([2 * math.log(4)] * 5)
    values = PRIOR.split(PRIOR.coded(z))[1]
    assert torch.allclose(terms["codes"], 0.5 * values.square().mean(1))
    assert terms["~information"].abs().max() < 1e-6
    total = terms["categories"].mean() + terms["codes"].mean()
    assert terms.total().item() == pytest.approx(total.item())


def test_a_prior_without_codes_has_no_code_terms() -> None:
    plain = Codes(dims=3)
    assert not InfoGANObjective(prior=plain).code_terms(torch.zeros(2, 0), torch.zeros(2, 3))


class Blank(nn.Module):
    """Draws the same for every z."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.zeros(len(z), 3)


class Sure(nn.Module):
    """Says 2 of every picture, and nothing of its codes."""

    def forward(self, x: Tensor, labels: Tensor | None = None, both: bool = False) -> object:
        return torch.full((len(x),), 2.0), torch.zeros(len(x), PRIOR.codes)


@pytest.mark.parametrize(
    ("rule", "swap", "targets"),
    [
        (NonSaturatingLoss(), 0.0, (1.0, 0.0, 1.0)),
        (NonSaturatingLoss(), 1.0, (0.0, 1.0, 1.0)),
        (NonSaturatingLoss(flips=1.0), 0.0, (0.0, 1.0, 1.0)),
        (SMOOTHING["two-sided"], 0.0, (0.95, 0.05, 0.95)),
    ],
)
def test_smoothed_flipped_and_noisy_labels_by_hand(
    rule: NonSaturatingLoss, swap: float, targets: tuple[float, ...]
) -> None:
    """Cross-entropy of the logit 2 against a target t is ln(1 + e^2) - 2t."""
    networks = Networks({"G": Blank(), "D": Sure()})
    batch = Batch(torch.zeros(2, 3), PRIOR.draw(torch.Generator().manual_seed(0), 2, {}))
    game, objective = Game(networks, {"swap": swap}), InfoGANObjective(prior=PRIOR, rule=rule)
    told = {**objective.d_loss(game, batch), **objective.g_loss(game, batch)}
    wanted = [math.log(1 + math.exp(2)) - 2 * target for target in targets]
    found = [told[name].tolist() for name in ("real", "fake", "adversarial")]
    assert found == [pytest.approx([value] * 2) for value in wanted]


def test_the_gradient_reaches_logits_and_values() -> None:
    z = PRIOR.draw(torch.Generator().manual_seed(0), 3, {}).double()
    logits = torch.randn(3, PRIOR.codes, dtype=torch.float64, requires_grad=True)
    blocks, _ = PRIOR.split(PRIOR.coded(z))
    # The losses compute in float32 whatever they are given, so the check is a loose one.
    assert torch.autograd.gradcheck(
        lambda v: categorical_loss(PRIOR.split(v)[0][0], blocks[0]).double(),
        (logits,),
        eps=1e-2,
        atol=1e-2,
    )


class TwoHeads(nn.Module):
    """A perceptron over points with a head for real or fake and one for eight categories."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(2, 64), nn.LeakyReLU(0.1), nn.Linear(64, 64), nn.LeakyReLU(0.1)
        )
        self.real, self.codes = nn.Linear(64, 1), nn.Linear(64, 8)

    def forward(self, x: Tensor, labels: Tensor | None = None, both: bool = False) -> object:
        features = self.trunk(x)
        logits = self.real(features).squeeze(1)
        return (logits, self.codes(features)) if both else logits


@dataclass(frozen=True)
class TwoHeadsPlan(NetworkPlan):
    def build(self, frame: Frame) -> nn.Module:
        return TwoHeads()


@pytest.mark.slow
@pytest.mark.parametrize("apart", [False, True])
def test_eight_categories_reach_the_modes_of_a_ring_and_are_read_off_the_points(
    apart: bool,
) -> None:
    prior = Codes(dims=2, categories=(8,))
    recipe = toy_recipe(
        InfoGANObjective(prior=prior, apart=apart), prior=prior, networks={"D": TwoHeadsPlan()}
    )
    trainer = trained(recipe, ToySource(ring()), steps=900)
    assert covered(points(trainer), ring()) >= 7
    z = prior.draw(torch.Generator().manual_seed(5), 400, {})
    with torch.no_grad():
        _, codes = trainer.networks["D"](trainer.shown("G")(z, None), None, True)
    asked = prior.split(prior.coded(z))[0][0].argmax(1)
    assert (codes.argmax(1) == asked).float().mean() > 0.9
