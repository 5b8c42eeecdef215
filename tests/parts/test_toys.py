"""Every two-player objective finds the modes of a ring of Gaussians, through the real trainer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toys import ToyPlan, ToySource, covered, grid, near_share, points, ring, toy_recipe, trained

from lookalike.parts.losses.adversarial import (
    SMOOTHING,
    HingeLoss,
    LeastSquaresLoss,
    NonSaturatingLoss,
    WassersteinLoss,
)
from lookalike.parts.losses.base import Clip
from lookalike.parts.losses.class_losses import (
    AuxiliaryClassifierObjective,
    SemiSupervisedObjective,
)
from lookalike.parts.losses.penalties import BetweenSlope, ZeroSlope
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.training.adaptive import Chance, Explicit, tricks
from lookalike.parts.training.optimizers import Adam, RMSprop
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Every, Gate, When
from lookalike.recipes.dcgan_boosted import Boost, BoostedObjective
from lookalike.recipes.wgan_logos import SharedNoiseObjective

pytestmark = pytest.mark.slow

ROOT = dict.fromkeys("GD", RMSprop(rate=Constant(5e-4)))
QUICK = dict.fromkeys("GD", Adam(rate=Constant(1e-3), betas=(0.0, 0.9)))

CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "cross-entropy": (900, {"objective": TwoPlayer()}),
    "two-sided smoothing": (900, {"objective": TwoPlayer(rule=SMOOTHING["two-sided"])}),
    "random targets": (
        900,
        {"objective": TwoPlayer(rule=NonSaturatingLoss(real_low=0.7, real_high=1.2))},
    ),
    "noisy labels": (900, {"objective": TwoPlayer(), "values": {"swap": Chance(chance=0.07)}}),
    "instance noise": (900, {"objective": TwoPlayer(), "values": tricks(instance_noise=0.1)}),
    "least squares": (900, {"objective": TwoPlayer(rule=LeastSquaresLoss())}),
    "hinge": (1500, {"objective": TwoPlayer(rule=HingeLoss())}),
    "hinge with lecam": (
        1500,
        {"objective": TwoPlayer(rule=HingeLoss(), lecam=0.1), "values": tricks(lecam=True)},
    ),
    "r1": (900, {"objective": TwoPlayer(penalty=ZeroSlope(real=0.02))}),
    "feature matching": (900, {"objective": TwoPlayer(matching=1.0)}),
    "clipped critic": (
        1800,
        {
            "objective": TwoPlayer(rule=WassersteinLoss(), after=Clip(0.1), maker_turn=Every(3)),
            "optimizers": ROOT,
        },
    ),
    "one z for five critic steps": (
        800,
        {"objective": SharedNoiseObjective(after=Clip(0.1)), "optimizers": ROOT, "batch": 320},
    ),
    "gradient penalty": (
        1500,
        {
            "objective": TwoPlayer(
                rule=WassersteinLoss(), penalty=BetweenSlope(weight=0.5), maker_turn=Every(3)
            ),
            "optimizers": QUICK,
        },
    ),
    "one-sided gradient penalty": (
        1500,
        {
            "objective": TwoPlayer(
                rule=WassersteinLoss(),
                penalty=BetweenSlope(weight=0.5, one_sided=True),
                maker_turn=Every(3),
            ),
            "optimizers": QUICK,
        },
    ),
    "gate": (900, {"objective": TwoPlayer(critic_turn=Gate("G", 0.8))}),
    "boosts": (1500, {"objective": BoostedObjective(), "values": {"play": Boost()}}),
    "both from one state": (1500, {"objective": TwoPlayer(together=True)}),
    "explicit turns": (
        1200,
        {
            "objective": TwoPlayer(
                critic_turn=When("side", (0.0, 1.0)), maker_turn=When("side", (0.0, 2.0))
            ),
            "values": {"side": Explicit()},
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_objective_covers_the_ring(name: str) -> None:
    steps, settings = CASES[name]
    made = points(trained(toy_recipe(**settings), ToySource(ring()), steps))
    assert covered(made, ring()) >= 7
    assert near_share(made, ring()) > 0.25  # an even square would give 0.14


def test_most_of_a_grid_of_25_is_covered() -> None:
    plans = {
        "G": ToyPlan(inputs=4, outputs=2, width=128),
        "D": ToyPlan(inputs=2, outputs=1, width=128),
    }
    recipe = toy_recipe(TwoPlayer(penalty=ZeroSlope(real=0.1)), networks=plans)
    made = points(trained(recipe, ToySource(grid()), 1500))
    assert covered(made, grid(), near=0.1, least=0.1) >= 20


def test_counting_modes_sees_a_collapse() -> None:
    centers = ring()
    assert covered(centers.repeat(50, 1), centers) == 8
    assert covered(centers[:1].repeat(400, 1), centers) == 1
    assert covered(torch.zeros(400, 2), centers) == 0


def test_a_classifying_game_puts_each_class_at_its_own_mode() -> None:
    recipe = toy_recipe(
        AuxiliaryClassifierObjective(classes=8),
        labels=8,
        networks={"D": ToyPlan(inputs=2, outputs=9, blind=True)},
    )
    trainer = trained(recipe, ToySource(ring(), labeled=True), 900)
    asked = torch.eye(8).repeat_interleave(100, 0)
    made = points(trainer, 800, asked)
    nearest = torch.cdist(made, ring()).argmin(1)
    assert float((nearest == asked.argmax(1)).float().mean()) > 0.9


def test_few_labels_are_enough_to_name_the_modes() -> None:
    recipe = toy_recipe(
        SemiSupervisedObjective(adversarial=1.0),
        labels=8,
        networks={
            "G": ToyPlan(inputs=4, outputs=2, blind=True),
            "D": ToyPlan(inputs=2, outputs=9, blind=True),
        },
    )
    trainer = trained(recipe, ToySource(ring(), labeled=True, known=0.25), 700)
    with torch.no_grad():
        logits = trainer.networks["D"](ring())
    assert logits[:, 1:].argmax(1).tolist() == list(range(8))
