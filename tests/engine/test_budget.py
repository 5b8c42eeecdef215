from __future__ import annotations

from dataclasses import replace

import players
import pytest
from pictures import Discs
from players import critic, maker

from lookalike.engine import budget
from lookalike.engine.budget import RESERVE, Speed
from lookalike.engine.trainer import Trainer
from lookalike.parts.losses.base import Phase
from lookalike.parts.training import schedules
from lookalike.parts.training.triggers import Between
from lookalike.place import Place
from lookalike.watch import candidates


class Clock:
    """A clock that moves by what each step of the trainer costs."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_time_becomes_a_whole_number_of_batches_with_a_reserve() -> None:
    speed = Speed(100.0, ())
    assert speed.images(60, 64) == int(100 * 60 * (1 - RESERVE)) // 64 * 64
    assert speed.images(60, 64) % 64 == 0
    assert speed.images(0.001, 64) == 64, "never less than one batch"


def test_the_time_of_a_budget_is_the_budget_of_a_time_turned_round() -> None:
    speed = Speed(80.0, ())
    assert speed.seconds(speed.images(600, 16)) == pytest.approx(600, rel=0.01)


def test_looks_take_seconds_of_a_long_time_and_an_eighth_of_a_short_one() -> None:
    plain, looking = Speed(80.0, ()), Speed(80.0, (), looks=15.0)
    assert looking.images(600, 1) == plain.images(585, 1)
    assert looking.images(60, 1) == plain.images(52.5, 1)
    for seconds in (30, 119, 121, 900):
        assert looking.seconds(looking.images(seconds, 1)) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize(
    ("images", "seconds"),
    [(1000, budget.CLOSING), (4096, 4.0 + budget.CLOSING), (16_384, 8.0 + budget.CLOSING)],
)
def test_the_last_looks_take_as_long_as_so_many_images_once_all_are_trained(
    images: int, seconds: float
) -> None:
    speed = Speed(50.0, (), looks=400 / 50)
    time = budget.TimeBudget(1000.0, speed, clock=Clock())
    assert time.left(schedules.Clock(images, 1, images)) == pytest.approx(seconds)


def test_what_is_planned_for_the_last_looks_follows_how_many_samples_they_take() -> None:
    assert candidates.SHORT == budget.SHORT
    assert candidates.MOST * candidates.SHARE == budget.SAMPLES


def test_the_mean_speed_is_that_of_the_whole_way(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, step = Clock(), Trainer.step

    def slow_late(trainer: Trainer) -> object:
        clock.now += 1.0 if trainer.clock.done < 0.5 else 3.0
        return step(trainer)

    monkeypatch.setattr(Trainer, "step", slow_late)
    speed = budget.measure(players.recipe(), Discs(8), Place(), seconds=40, clock=clock)
    assert [rate for _, rate in speed.at] == pytest.approx([8, 8, 8 / 3, 8 / 3])
    # Half of the images at 8 a second and half at 8/3: the mean of the times is 2 of 8 images.
    assert speed.mean == pytest.approx(4.0)


def test_phases_that_come_later_are_measured_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, heard = Clock(), players.Heard(maker)

    def late(game: object, batch: object) -> object:
        clock.now += 1.0
        return heard(game, batch)  # type: ignore[arg-type]

    def early(game: object, batch: object) -> object:
        clock.now += 1.0
        return critic(game, batch)  # type: ignore[arg-type]

    recipe = players.recipe(Phase(("D",), early), Phase(("G",), late, turn=Between(0.5)))
    speed = budget.measure(recipe, Discs(8), Place(), seconds=12, clock=clock)
    assert [rate for _, rate in speed.at] == pytest.approx([8, 8, 4, 4])
    assert heard.batches


def test_each_moment_is_measured_for_its_quarter_and_two_steps_at_least() -> None:
    clock, steps = Clock(), players.Heard(maker)

    def loss(game: object, batch: object) -> object:
        clock.now += 1.0
        return steps(game, batch)  # type: ignore[arg-type]

    budget.measure(players.recipe(Phase(("G",), loss)), Discs(8), Place(), seconds=40, clock=clock)
    assert len(steps.batches) == 4 * (1 + 10)  # one to warm up, ten seconds of one-second steps
    steps.batches.clear()
    budget.measure(players.recipe(Phase(("G",), loss)), Discs(8), Place(), seconds=0, clock=clock)
    assert len(steps.batches) == 4 * (1 + 2)


def test_a_prior_that_learns_at_the_end_leaves_itself_the_time() -> None:
    plain, learning = Speed(100.0, ()), Speed(100.0, (), RESERVE + 0.05, end=0.05)
    assert learning.images(100, 1) == plain.images(100, 1) - 500
    assert learning.seconds(learning.images(100, 1)) == pytest.approx(100, rel=0.01)
    time = budget.TimeBudget(1.0, learning, clock=Clock())
    steps = schedules.Clock(0, 0, 8900)
    assert time.left(steps) == pytest.approx((500 + budget.LEARNED) / 100 + budget.CLOSING)
    assert time.left(replace(steps, images=8900)) == budget.CLOSING
