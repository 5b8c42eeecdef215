from __future__ import annotations

import pytest
import torch

from lookalike.parts.training.warp import Warp, thicker

STILL = Warp(turn=0, zoom=0, stretch=0, shear=0, shift=0, stroke=0)


def draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_without_strengths_nothing_changes() -> None:
    x = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(STILL(x, draws()), x, atol=1e-5, rtol=0)


def test_a_quarter_turn_by_hand() -> None:
    turn = Warp(turn=90, zoom=0, stretch=0, shear=0, shift=0, stroke=0)
    first = torch.zeros(1, 6)
    first[0, 0] = 1.0
    assert turn.maps(first)[0] == pytest.approx(torch.tensor([[0.0, -1, 0], [1, 0, 0]]), abs=1e-6)


def test_a_shift_by_hand() -> None:
    """affine_grid counts in halves of the side: a quarter of the side is half of its unit."""
    moved = Warp(turn=0, zoom=0, stretch=0, shear=0, shift=0.25, stroke=0)
    last = torch.tensor([[0.0, 0, 0, 0, 1, -1]])
    assert moved.maps(last)[0].tolist() == [[1, 0, 0.5], [0, 1, -0.5]]


def test_the_same_draws_give_the_same_pictures_and_others_give_others() -> None:
    x = torch.randn(2, 1, 12, 12)
    generator = draws()
    first = Warp()(x, generator)
    assert torch.equal(first, Warp()(x, draws()))
    assert not torch.allclose(first, Warp()(x, generator))


def test_a_dot_becomes_a_square_and_a_thin_line_vanishes() -> None:
    x = torch.full((2, 1, 5, 5), -1.0)
    x[:, 0, 2, 2] = 1.0
    grown, shrunk = thicker(x, torch.tensor([1.0, -1.0]))
    assert (grown[0, 1:4, 1:4] == 1).all()
    assert grown.eq(1).sum() == 9
    assert (shrunk == -1).all()
    assert torch.equal(thicker(x, torch.zeros(2)), x)


def test_gradients_reach_the_picture() -> None:
    x = torch.randn(2, 1, 8, 8, requires_grad=True)
    Warp()(x, draws()).sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).any()
