from __future__ import annotations

import json

import pytest
import torch
from pictures import Discs
from torch import nn

from lookalike import recipe
from lookalike.engine.trainer import Trainer
from lookalike.parts.latents.codes import Codes
from lookalike.parts.losses.began import (
    Balance,
    BEGANObjective,
    Likeness,
    convergence,
    pulling_away,
)
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Networks
from lookalike.parts.training.schedules import Clock, Tally
from lookalike.place import Place
from lookalike.recipes.info_began import InfoBEGANObjective


class Level(nn.Module):
    """Gives the same number in every pixel, whatever it is told."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.level.expand(len(x), 1, 4, 4)


def told(real: float, fake: float) -> Tally:
    return Tally({}, {"D/real": real, "G/rebuilt": fake}, {})


def test_k_by_hand_and_through_json() -> None:
    """k + 0.001 (0.5 * 0.4 - 0.1) = 0.0001 a step."""
    balance, clock = Balance(), Clock()
    state = balance.after(clock, balance.start(), told(0.4, 0.1), 0.0)
    assert balance.at(clock, state) == pytest.approx(0.0001)
    state = json.loads(json.dumps(state))
    state = balance.after(clock, state, told(0.4, 0.1), 0.0)
    assert balance.at(clock, state) == pytest.approx(0.0002)


def test_k_stays_between_0_and_1() -> None:
    balance, clock = Balance(rate=10.0), Clock()
    assert balance.at(clock, balance.after(clock, {"k": 0.5}, told(0.0, 9.0), 0.0)) == 0.0
    assert balance.at(clock, balance.after(clock, {"k": 0.5}, told(9.0, 0.0), 0.0)) == 1.0


def test_k_rests_while_the_predictor_learns() -> None:
    balance = Balance()
    rested = balance.after(Clock(), {"k": 0.3}, Tally({}, {"N/predicted": 0.1}, {}), 0.0)
    assert rested == {"k": 0.3}


def test_k_settles_where_the_losses_are_in_proportion() -> None:
    """A game in which a higher k makes D leave the fakes worse: L(G) = 0.1 + 0.4 k."""
    balance, clock, state = Balance(rate=0.05), Clock(), Balance().start()
    for _ in range(2000):
        state = balance.after(clock, state, told(0.6, 0.1 + 0.4 * balance.at(clock, state)), 0.0)
    assert balance.at(clock, state) == pytest.approx(0.5, abs=1e-3)


def test_the_losses_by_hand() -> None:
    """Real 0.5 rebuilt as 0.2 is off by 0.3; a fake of -0.4 by 0.6. M = 0.3 + |0.15 - 0.6|."""
    game = Game(Networks({"G": Level(-0.4), "D": Level(0.2)}), {"k": 0.25})
    batch = Batch(torch.full((3, 1, 4, 4), 0.5), torch.zeros(3, 2))
    objective = BEGANObjective()
    terms = objective.d_loss(game, batch)
    assert terms["real"].tolist() == pytest.approx([0.3] * 3)
    assert terms["fake"].tolist() == pytest.approx([-0.25 * 0.6] * 3)
    assert objective.g_loss(game, batch)["rebuilt"].tolist() == pytest.approx([0.6] * 3)
    assert game.facts["convergence"] == pytest.approx(0.75)


def test_the_convergence_measure_by_hand() -> None:
    assert convergence(torch.tensor([0.2, 0.4]), torch.tensor([0.1]), 0.5) == pytest.approx(0.35)


def test_likeness_is_nothing_for_the_same_picture_and_mixes_by_its_share() -> None:
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = -x
    for share in (0.0, 0.5, 1.0):
        assert Likeness(structure=share)(x, x).abs().max() < 1e-5
    pixels, structure = Likeness(structure=0.0)(x, y), Likeness(structure=1.0)(x, y)
    assert torch.allclose(Likeness(structure=0.25)(x, y), 0.75 * pixels + 0.25 * structure)


def test_the_codes_are_compared_by_smooth_l1() -> None:
    """|0.4| costs 0.08 and |1.5| costs 1.0; their mean is 0.54."""
    prior = Codes(dims=1, continuous=2, uniform=True)
    loss = InfoBEGANObjective(prior=prior).code_loss(
        torch.tensor([[0.4, 0.75]]), torch.tensor([[9.0, 0.0, -0.75]])
    )
    assert loss.tolist() == pytest.approx([0.54])


def test_the_predictor_learns_last_while_the_others_rest() -> None:
    chosen = recipe.make(
        recipe.find("info-began"),
        {"width": 4, "batch": 4, "images": 16, "share": 0.5},
        {"size": 28, "channels": 1, "labels": 0},
    )
    trainer = Trainer(chosen, Discs(28, 1), Place(threads=1))
    played = [{label.partition("/")[0] for label in trainer.step().terms} for _ in range(4)]
    assert played == [{"D", "G"}, {"D", "G"}, {"N"}, {"N"}]
    with torch.no_grad():
        z, doubt = trainer.networks["N"](torch.zeros(2, 1, 28, 28))
    assert z.shape == doubt.shape == (2, chosen.prior.width)
    assert z.abs().max() <= 1


def test_alike_embeddings_pull_fully_and_crossed_ones_not_at_all() -> None:
    alike = torch.tensor([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]])
    assert pulling_away(alike).tolist() == pytest.approx([1.0] * 3)
    crossed = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    assert pulling_away(crossed).tolist() == pytest.approx([0.0, 0.0])
    half = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])  # cosines squared: 1/2, 0, 1/2
    assert pulling_away(half).tolist() == pytest.approx([0.25, 0.5, 0.25])
