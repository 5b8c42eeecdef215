"""Every loss against numbers that can be worked out by hand."""

import math

import pytest
import torch

from lookalike.parts.losses.adversarial import (
    SMOOTHING,
    HingeLoss,
    LeastSquaresLoss,
    NonSaturatingLoss,
    WassersteinLoss,
)
from lookalike.parts.losses.two_player import matched

LOGITS = torch.tensor([2.0, -1.0])
SP = [math.log1p(math.exp(v)) for v in (2.0, -1.0)]


def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_plain_cross_entropy_is_minus_log_of_the_probability() -> None:
    rule = NonSaturatingLoss()
    p = [1 / (1 + math.exp(-v)) for v in (2.0, -1.0)]
    assert rule.real(LOGITS, {}, draw()).tolist() == pytest.approx([-math.log(v) for v in p])
    assert rule.fake(LOGITS, {}, draw()).tolist() == pytest.approx([-math.log(1 - v) for v in p])
    assert rule.maker(LOGITS).tolist() == pytest.approx([-math.log(v) for v in p])


def test_smoothed_targets_are_what_their_names_say() -> None:
    one, two = SMOOTHING["one-sided"], SMOOTHING["two-sided"]
    assert one.real(LOGITS, {}, draw()).tolist() == pytest.approx([SP[0] - 1.8, SP[1] + 0.9])
    assert one.fake(LOGITS, {}, draw()).tolist() == pytest.approx(SP)
    assert one.maker(LOGITS).tolist() == pytest.approx([SP[0] - 2, SP[1] + 1])
    assert two.real(LOGITS, {}, draw()).tolist() == pytest.approx([SP[0] - 1.9, SP[1] + 0.95])
    assert two.fake(LOGITS, {}, draw()).tolist() == pytest.approx([SP[0] - 0.1, SP[1] + 0.05])
    assert two.maker(LOGITS).tolist() == pytest.approx([SP[0] - 1.9, SP[1] + 0.95])


def test_targets_above_one_count_as_one_and_leave_the_loss_bounded() -> None:
    rule = NonSaturatingLoss(real_low=0.7, real_high=1.2)
    targets = rule.targets(20_000, {}, draw(), real=True)
    assert float(targets.min()) >= 0.7
    assert float(targets.max()) == 1.0
    share = float((targets == 1).float().mean())  # U(0.7, 1.2) is above 1 with probability 0.4
    assert abs(share - 0.4) < 3.3 * math.sqrt(0.4 * 0.6 / 20_000)
    sure = torch.full((64,), 1e4)
    assert float(rule.real(sure, {}, draw()).min()) >= 0
    assert torch.equal(rule.targets(9, {}, draw(), real=False), torch.zeros(9))


def test_a_swap_exchanges_the_sides_and_flips_exchange_their_share() -> None:
    rule = NonSaturatingLoss(real_low=0.9, real_high=0.9, fake_low=0.1, fake_high=0.1)
    swapped = {"swap": 1.0}
    assert rule.targets(3, swapped, draw(), real=True).tolist() == pytest.approx([0.1] * 3)
    assert rule.targets(3, swapped, draw(), real=False).tolist() == pytest.approx([0.9] * 3)
    flipping = NonSaturatingLoss(flips=0.1)
    turned = float((flipping.targets(10_000, {}, draw(), real=True) == 0).float().mean())
    assert abs(turned - 0.1) < 3.3 * math.sqrt(0.1 * 0.9 / 10_000)


def test_least_squares_is_half_the_squared_distance() -> None:
    rule = LeastSquaresLoss()
    assert rule.real(LOGITS, {}, draw()).tolist() == [0.5, 2.0]
    assert rule.fake(LOGITS, {}, draw()).tolist() == [2.0, 0.5]
    assert rule.maker(LOGITS).tolist() == [0.5, 2.0]


def test_hinge_is_zero_beyond_the_margin() -> None:
    rule = HingeLoss()
    assert rule.real(LOGITS, {}, draw()).tolist() == [0.0, 2.0]
    assert rule.fake(LOGITS, {}, draw()).tolist() == [3.0, 0.0]
    assert rule.maker(LOGITS).tolist() == [-2.0, 1.0]


def test_wasserstein_is_the_logit_itself() -> None:
    rule = WassersteinLoss()
    assert rule.real(LOGITS, {}, draw()).tolist() == [-2.0, 1.0]
    assert rule.fake(LOGITS, {}, draw()).tolist() == [2.0, -1.0]
    assert rule.maker(LOGITS).tolist() == [-2.0, 1.0]


def test_feature_matching_is_the_squared_distance_of_the_means() -> None:
    fake = torch.tensor([[0.0, 0.0], [2.0, 4.0]])  # mean (1, 2)
    real = torch.tensor([[4.0, 6.0], [4.0, 6.0], [4.0, 6.0]])  # mean (4, 6)
    assert matched(fake, real).tolist() == [25.0, 25.0]
