from __future__ import annotations

import pytest

from lookalike.parts.training.schedules import (
    Clock,
    Consecutive,
    Constant,
    Cosine,
    Decay,
    Linear,
    Value,
)


def at(value: Value, done: float) -> float:
    return value.at(Clock(round(done * 1000), 0, 1000), {})


def test_a_constant_is_constant() -> None:
    assert [at(Constant(3.5), done) for done in (0, 0.5, 1, 2)] == [3.5] * 4


@pytest.mark.parametrize(
    ("done", "wanted"), [(0.0, 1.0), (0.2, 1.0), (0.3, 1.5), (0.4, 2.0), (0.6, 3.0), (1.0, 3.0)]
)
def test_linear_by_hand(done: float, wanted: float) -> None:
    line = Linear(start_value=1.0, end_value=3.0, begin=0.2, end=0.6)
    assert at(line, done) == pytest.approx(wanted)


def test_linear_between_one_moment_and_itself_is_a_step() -> None:
    step = Linear(start_value=0.0, end_value=1.0, begin=0.5, end=0.5)
    assert [at(step, done) for done in (0.4, 0.5, 0.501, 1)] == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("done", "wanted"), [(0.0, 2.0), (0.25, 1 + 0.5**0.5), (0.5, 1.0), (1.0, 0.0), (3.0, 0.0)]
)
def test_cosine_by_hand(done: float, wanted: float) -> None:
    assert at(Cosine(peak=2.0), done) == pytest.approx(wanted)


def test_cosine_warms_up_from_above_zero_to_its_peak_without_a_jump() -> None:
    wave = Cosine(peak=1.0, end_value=0.1, warmup=0.2)
    assert 0 < at(wave, 0.0) < 0.01
    assert at(wave, 0.1) == pytest.approx(0.5, abs=0.01)
    assert at(wave, 0.199) == pytest.approx(1.0, abs=0.01)
    assert at(wave, 0.2) == pytest.approx(1.0)
    assert at(wave, 0.6) == pytest.approx(0.55)
    assert at(wave, 1.0) == pytest.approx(0.1)


@pytest.mark.parametrize(("done", "wanted"), [(0.0, 4.0), (0.5, 4.0), (0.75, 2.0), (1.0, 0.0)])
def test_decay_by_hand(done: float, wanted: float) -> None:
    assert at(Decay(value=4.0), done) == pytest.approx(wanted)


def test_the_clock_counts_images_and_steps() -> None:
    clock = Clock(budget=100).plus(30).plus(30)
    assert clock == Clock(60, 2, 100)
    assert clock.done == 0.6
    assert clock.plus(100).done == 1.0


def test_a_part_of_the_budget_counts_from_nothing_to_all() -> None:
    shares = [Clock(images, 7, 100).within(0.2, 0.6).done for images in (0, 20, 30, 60, 90)]
    assert shares == pytest.approx([0.0, 0.0, 0.25, 1.0, 1.0])
    assert Clock(30, 7, 100).within(0.2, 0.6).images == 30
    assert Clock(30, 7, 100).within(0.2, 0.6).step == 7


def test_consecutive_schedules_each_have_a_budget_of_their_own() -> None:
    both = Consecutive(
        first=Cosine(peak=2.0), second=Linear(start_value=5, end_value=9), at_share=0.5
    )
    assert [at(both, done) for done in (0, 0.25, 0.499, 0.5, 0.75, 1)] == pytest.approx(
        [2.0, 1.0, 0.0, 5.0, 7.0, 9.0], abs=1e-3
    )
