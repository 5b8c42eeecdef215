from __future__ import annotations

import math

import pytest
import torch

from lookalike.parts.losses.consistency import Consistency, contrast, unshared

SURE = 50.0


def test_readings_that_agree_are_sure_and_use_all_categories_cost_nothing() -> None:
    told = SURE * torch.eye(4)
    assert unshared(told, told).item() == pytest.approx(0.0, abs=1e-5)


def test_a_reading_that_tells_nothing_costs_log_k() -> None:
    assert unshared(torch.zeros(8, 4), SURE * torch.eye(4).repeat(2, 1)).item() == pytest.approx(
        math.log(4), abs=1e-5
    )


def test_one_category_for_all_costs_log_k_and_more_by_the_balance() -> None:
    told = SURE * torch.eye(4)[torch.zeros(8, dtype=torch.long)]
    assert unshared(told, told).item() == pytest.approx(math.log(4), abs=1e-4)
    more = math.log(4) + 2 * 0.5 * math.log(4)
    assert unshared(told, told, balance=1.5).item() == pytest.approx(more, abs=1e-4)


def test_half_of_the_pictures_read_twice_alike_by_hand() -> None:
    """Joint table of two categories [[3, 1], [1, 3]] / 8: information 0.1308 nats."""
    first = SURE * torch.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1]]
    second = SURE * torch.eye(2)[[0, 0, 0, 1, 1, 1, 1, 0]]
    told = 2 * (3 / 8) * math.log((3 / 8) / 0.25) + 2 * (1 / 8) * math.log((1 / 8) / 0.25)
    assert unshared(first, second).item() == pytest.approx(math.log(2) - told, abs=1e-5)


def test_the_contrast_by_hand() -> None:
    """Two orthogonal pictures, copies equal: one partner at 1, two others at 0."""
    rows = torch.eye(2)
    wanted = -math.log(math.exp(2) / (math.exp(2) + 2))
    assert contrast(rows, rows, 0.5).tolist() == pytest.approx([wanted, wanted])


def test_weights_scale_the_terms_and_each_is_one_number_a_sample() -> None:
    one, other = torch.randn(6, 3), torch.randn(6, 3)
    features = torch.randn(6, 5), torch.randn(6, 5)
    plain = Consistency().terms([(one, other)], features)
    double = Consistency(categories=2.0, features=3.0).terms([(one, other)], features)
    assert {name: len(term) for name, term in plain.items()} == {"apart": 6, "alike 0": 6}
    torch.testing.assert_close(double["apart"], 3 * plain["apart"])
    torch.testing.assert_close(double["alike 0"], 2 * plain["alike 0"])
