from __future__ import annotations

import pytest

from lookalike.parts.schedules import Clock
from lookalike.parts.turns import (
    After,
    Always,
    Before,
    Between,
    Both,
    Every,
    Gate,
    Moment,
    Turn,
    When,
)


def moment(images: int = 0, step: int = 0, budget: int = 100, **past: float) -> Moment:
    return Moment(Clock(images, step, budget), {"mode": 2.0}, past)


def plays(turn: Turn, **told: float) -> bool:
    return turn.plays(moment(**told))


def test_every_third_step_begins_with_the_first() -> None:
    assert [plays(Every(3), step=s) for s in range(7)] == [True, False, False] * 2 + [True]
    assert all(plays(Always(), step=s) for s in range(7))


def test_between_counts_its_beginning_and_not_its_end() -> None:
    turn = Between(0.25, 0.5)
    assert [plays(turn, images=i) for i in (0, 24, 25, 49, 50, 99)] == [
        False, False, True, True, False, False]
    assert plays(Between(0.5), images=100), "a phase without an end plays beyond the budget"


def test_before_and_after_part_at_the_same_picture() -> None:
    for images in (0, 9, 10, 11):
        assert plays(Before(10), images=images) is (images < 10)
        assert plays(After(10), images=images) is (images >= 10)


@pytest.mark.parametrize(
    ("past", "wanted"),
    [({}, True), ({"D": 0.0}, True), ({"G": 5.0}, True), ({"D": 0.81, "G": 1.0}, True),
     ({"D": 0.79, "G": 1.0}, False), ({"D": 0.5, "G": 1.0}, False), ({"D": 1.0, "G": 1.0}, True)],
)
def test_the_gate_plays_while_its_player_lags(past: dict[str, float], wanted: bool) -> None:
    assert plays(Gate("D", "G", 0.8), **past) is wanted


def test_the_gate_rests_at_exactly_its_factor() -> None:
    assert not plays(Gate("D", "G", 0.5), D=0.5, G=1.0)


def test_when_reads_a_value_and_both_needs_both() -> None:
    assert plays(When("mode", (1.0, 2.0)))
    assert not plays(When("mode", (1.0,)))
    assert plays(Both(Every(2), Before(50)), step=2, images=49)
    assert not plays(Both(Every(2), Before(50)), step=3, images=49)
    assert not plays(Both(Every(2), Before(50)), step=2, images=50)
