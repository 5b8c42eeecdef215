from __future__ import annotations

import json
import math
import random

import pytest
import torch

from lookalike.parts.training.adaptive import SignStatistic
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Clock, Constant, Tally
from lookalike.recipes.stylegan2.objective import PathMean, lazy_adam, path_lengths, path_weight


def told(name: str, number: float) -> Tally:
    return Tally({}, {name: number}, {})


def test_adam_remembers_as_long_as_without_the_extra_steps() -> None:
    """With a step more every 16, c = 16/17: 0.99^c each over 17 steps is 0.99 over 16."""
    plan = lazy_adam(2e-3, (0.0, 0.99), 16)
    assert plan.betas[0] == 0.0
    assert plan.betas[1] ** 17 == pytest.approx(0.99**16)
    assert plan.rate.at(Clock(), {}) * 17 == pytest.approx(2e-3 * 16)
    assert lazy_adam(2e-3, (0.0, 0.99), 0) == Adam(rate=Constant(2e-3), betas=(0.0, 0.99))


def test_the_path_weight_by_hand() -> None:
    """ln 64 - ln 2 = 5 ln 2, so at 64 px the weight is 1 / (5 * 64^2)."""
    assert path_weight(64) == pytest.approx(1 / (5 * 64**2))


def test_path_lengths_of_a_linear_generator_by_hand() -> None:
    """A picture A w has J = A, so the length is |A^T y|."""
    a = torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
    code = torch.zeros(3, 2, requires_grad=True)
    pictures = (code @ a.T).view(3, 1, 2, 2)
    y = torch.tensor([[1.0, 1.0, 5.0, 5.0], [1.0, 0.0, 5.0, 5.0], [0.0, 2.0, 0.0, 0.0]])
    assert path_lengths(pictures, code, y.view(3, 1, 2, 2)).tolist() == pytest.approx([5, 3, 8])


def test_path_lengths_can_be_differentiated_again() -> None:
    torch.manual_seed(0)
    code = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    y = torch.randn(2, 1, 2, 2, dtype=torch.float64)

    def lengths(weight: torch.Tensor) -> torch.Tensor:
        return path_lengths(torch.tanh(code @ weight).view(2, 1, 2, 2), code, y)

    assert torch.autograd.gradcheck(lengths, (torch.randn(3, 4).double().requires_grad_(),))


def test_the_path_mean_is_plain_at_first_then_moves_slowly_and_goes_through_json() -> None:
    """10 and 20 have the mean 15; after ten lengths each further one counts for a tenth."""
    mean, state, clock = PathMean(keep=0.9), PathMean().start(), Clock()
    for length in (10.0, 20.0):
        state = json.loads(json.dumps(mean.after(clock, state, told("G/length", length), 0.0)))
    assert mean.at(clock, state) == pytest.approx(15.0)
    for _ in range(8):
        state = mean.after(clock, state, told("G/length", 15.0), 0.0)
    state = mean.after(clock, state, told("G/length", 25.0), 0.0)
    assert mean.at(clock, state) == pytest.approx(16.0)
    assert mean.after(clock, state, told("G/adversarial", 10.0), 0.0) == state


def test_the_share_moves_by_the_pictures_of_its_interval() -> None:
    """Four steps of 32 pictures at 1000 pictures for the whole way are 0.128."""
    value, clock = SignStatistic(images=1000), Clock(budget=10**6)
    state = value.start()
    for _ in range(4):
        assert value.at(clock, state) == 0.0
        state = json.loads(json.dumps(value.after(clock, state, told("D/sign", 0.9), 0.0)))
        clock = clock.plus(32)
    assert value.at(clock, state) == pytest.approx(0.128)
    for _ in range(4):
        state = value.after(clock, state, told("D/sign", 0.2), 0.0)
        clock = clock.plus(32)
    assert value.at(clock, state) == pytest.approx(0.0)


def test_the_mean_over_the_interval_decides_not_the_last_step() -> None:
    value, clock, state = SignStatistic(images=1000), Clock(budget=10**6), SignStatistic().start()
    for sign in (1.0, 1.0, 1.0, 0.0):
        state = value.after(clock, state, told("D/sign", sign), 0.0)
        clock = clock.plus(32)
    assert value.at(clock, state) > 0


def test_the_share_finds_the_augmentation_that_holds_the_sign_at_its_target() -> None:
    """D's sign falls with the share as 0.95 - 0.7 p, plus noise: 0.6 is held at p = 0.5."""
    value, clock, state = SignStatistic(images=20_000), Clock(budget=10**7), SignStatistic().start()
    noise, late = random.Random(0), []
    for step in range(6_000):
        p = value.at(clock, state)
        sign = 0.95 - 0.7 * p + noise.gauss(0, 0.15)
        state = value.after(clock, state, told("D/sign", sign), 0.0)
        clock = clock.plus(32)
        if step > 3_000:
            late.append(p)
    assert sum(late) / len(late) == pytest.approx(0.5, abs=0.02)
    assert max(late) - min(late) < 0.3


def test_the_share_stays_between_0_and_its_limit() -> None:
    clock, high = Clock(320, 10, 10**6), SignStatistic(images=10, every=1, most=0.8)
    assert high.at(clock, high.after(clock, high.start(), told("D/sign", 1.0), 0.0)) == 0.8
    assert high.at(clock, high.after(clock, high.start(), told("D/sign", -1.0), 0.0)) == 0.0
    assert math.isclose(
        high.at(
            clock, high.after(clock, {"p": 0.3, "sum": 0.0, "count": 0}, told("D/sign", 0.6), 0.0)
        ),
        0.3,
    )
