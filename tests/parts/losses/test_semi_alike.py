from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lookalike.parts.losses.class_losses import SemiSupervisedObjective
from lookalike.parts.losses.consistency import ClassConsistency, agreed
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.networks.strided import StridedDiscriminator


def test_a_copy_is_held_to_what_is_sure_and_sharpened_by_hand() -> None:
    first = torch.tensor([[math.log(9.0), 0.0], [math.log(2.0), 0.0]])
    second = torch.zeros(2, 2)
    assert agreed(first, second, sure=0.8).tolist() == pytest.approx([math.log(2), 0.0])
    second = torch.tensor([[math.log(3.0), 0.0]] * 2)
    sharp = 81 / 82  # of 9 : 1, squared
    wanted = -(sharp * math.log(3 / 4) + (1 - sharp) * math.log(1 / 4))
    assert agreed(first, second, sure=0.8).tolist() == pytest.approx([wanted, 0.0])


def test_the_sure_reading_gets_no_gradient() -> None:
    first = torch.tensor([[5.0, 0.0]], requires_grad=True)
    second = torch.zeros(1, 2, requires_grad=True)
    agreed(first, second, sure=0.5).sum().backward()
    assert first.grad is None
    assert second.grad is not None


def game() -> Game:
    plan = StridedDiscriminator(widths=(4,), strides=(2,), classify=True, normed=False, views=3)
    frame = Frame(8, 1, 2)
    networks = Networks({"D": plan.build(frame), "G": nn.Identity()})
    return Game(networks, {})


def test_d_learns_without_fakes_until_the_opening_ends() -> None:
    alike = SemiSupervisedObjective(alike=ClassConsistency(opening=0.25))
    first, *rest = alike.phases()
    assert first.players == ("D",)
    assert [phase.players for phase in rest] == [("D",), ("G",)]
    batch = Batch(
        images=torch.randn(4, 1, 8, 8),
        z=torch.zeros(4, 1),
        labels=torch.eye(2)[[0, 1, 0, 0]] * torch.tensor([[1.0], [1], [0], [0]]),
        known=torch.tensor([True, True, False, False]),
        noise=lambda purpose: torch.Generator().manual_seed(len(purpose)),
    )
    terms = first.loss(game(), batch)
    assert set(terms) == {"alike", "apart", "named"}
    assert terms["apart"][:2].tolist() == [0.0, 0.0]  # a picture with a label is not compared
    assert terms["named"][2:].tolist() == [0.0, 0.0]
    assert len(SemiSupervisedObjective().phases()) == 2
