from __future__ import annotations

import math

import pytest
import torch

from lookalike.parts.codes import Codes
from lookalike.parts.information import (
    InfoGAN,
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
    terms = InfoGAN(prior=PRIOR, categorical=2.0, continuous=0.5).code_terms(predicted, z)
    assert terms["categories"].tolist() == pytest.approx([2 * math.log(4)] * 5)
    values = PRIOR.split(PRIOR.coded(z))[1]
    assert torch.allclose(terms["codes"], 0.5 * values.square().mean(1))
    assert terms["~information"].abs().max() < 1e-6
    total = terms["categories"].mean() + terms["codes"].mean()
    assert terms.total().item() == pytest.approx(total.item())


def test_a_prior_without_codes_has_no_code_terms() -> None:
    plain = Codes(dims=3)
    assert not InfoGAN(prior=plain).code_terms(torch.zeros(2, 0), torch.zeros(2, 3))


def test_the_gradient_reaches_logits_and_values() -> None:
    z = PRIOR.draw(torch.Generator().manual_seed(0), 3, {}).double()
    logits = torch.randn(3, PRIOR.codes, dtype=torch.float64, requires_grad=True)
    blocks, _ = PRIOR.split(PRIOR.coded(z))
    # The losses compute in float32 whatever they are given, so the check is a loose one.
    assert torch.autograd.gradcheck(
        lambda v: categorical_loss(PRIOR.split(v)[0][0], blocks[0]).double(),
        (logits,), eps=1e-2, atol=1e-2,
    )
