from __future__ import annotations

import pytest

from lookalike.parts.training.schedules import Clock
from lookalike.parts.training.triggers import (
    After,
    Always,
    Before,
    Between,
    Both,
    Every,
    Gate,
    Moment,
    Trigger,
    When,
    Within,
)


def moment(images: int = 0, step: int = 0, budget: int = 100, **past: float) -> Moment:
    return Moment(Clock(images, step, budget), {"mode": 2.0}, past)


def plays(turn: Trigger, **told: float) -> bool:
    return turn.plays(moment(**told))


def test_every_third_step_begins_with_the_first() -> None:
    assert [plays(Every(3), step=s) for s in range(7)] == [True, False, False] * 2 + [True]
    assert all(plays(Always(), step=s) for s in range(7))


def test_between_counts_its_beginning_and_not_its_end() -> None:
    turn = Between(0.25, 0.5)
    assert [plays(turn, images=i) for i in (0, 24, 25, 49, 50, 99)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert plays(Between(0.5), images=100), "a phase without an end plays beyond the budget"


def test_before_and_after_part_at_the_same_picture() -> None:
    for images in (0, 9, 10, 11):
        assert plays(Before(10), images=images) is (images < 10)
        assert plays(After(10), images=images) is (images >= 10)


@pytest.mark.parametrize(
    ("total", "past", "wanted"),
    [
        (0.0, {}, True),
        (0.0, {"D": 5.0}, True),
        (0.81, {"G": 1.0}, True),
        (0.79, {"G": 1.0}, False),
        (0.79, {"D": 9.0, "G": 1.0}, False),
        (-1.0, {"G": -2.0}, True),
    ],
)
def test_the_gate_moves_its_player_while_that_lags(
    total: float, past: dict[str, float], wanted: bool
) -> None:
    assert plays(Gate("G", 0.8), **past)
    assert Gate("G", 0.8).moves(moment(**past), lambda: total) is wanted


def test_the_gate_rests_at_exactly_its_factor() -> None:
    assert not Gate("G", 0.5).moves(moment(G=1.0), lambda: 0.5)


def test_both_move_only_together() -> None:
    both = Both(Gate("G", 0.5), Gate("D", 2.0))
    assert both.moves(moment(G=1.0, D=0.2), lambda: 0.6)
    assert not both.moves(moment(G=1.0, D=0.4), lambda: 0.6)
    assert Both(Every(2), Always()).moves(moment(), lambda: 0.0)


def test_when_reads_a_value_and_both_needs_both() -> None:
    assert plays(When("mode", (1.0, 2.0)))
    assert not plays(When("mode", (1.0,)))
    assert plays(Both(Every(2), Before(50)), step=2, images=49)
    assert not plays(Both(Every(2), Before(50)), step=3, images=49)
    assert not plays(Both(Every(2), Before(50)), step=2, images=50)


def test_a_turn_within_a_part_of_the_budget_takes_it_for_the_whole() -> None:
    turn = Within(Between(0.5), 0.2, 0.6)
    assert [plays(turn, images=i) for i in (0, 20, 39, 40, 59, 60, 99)] == [
        False,
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_a_gate_within_a_part_still_asks_for_the_loss() -> None:
    turn = Within(Gate("G", 0.8), 0.0, 0.5)
    assert turn.moves(moment(G=1.0), lambda: 0.9)
    assert not turn.moves(moment(G=1.0), lambda: 0.7)
