"""Naming classes: losses by hand, and what is done about labels that are not known."""

import math

import pytest
import torch
from torch import Tensor, nn

from lookalike.parts.losses.class_losses import (
    AuxiliaryClassifierObjective,
    NamedOnly,
    SemiSupervisedObjective,
    fake_among,
    known_rows,
    named,
    named_right,
    over_known,
    real_among,
)
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Networks

EVEN = math.log(4)


class Table(nn.Module):
    """D(x) = x W, whatever the labels."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor, labels: Tensor | None = None, describe: bool = False) -> object:
        return (x @ self.weight, x) if describe else x @ self.weight


class Same(nn.Module):
    """G(z) = z."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return z + self.shift


def game(weight: Tensor) -> Game:
    return Game(Networks({"G": Same(), "D": Table(weight)}), {})


def test_naming_evenly_among_four_costs_log_four_and_surely_nothing() -> None:
    labels = torch.eye(4)[:2]
    assert named(torch.zeros(2, 4), labels, 4).tolist() == pytest.approx([EVEN, EVEN])
    assert named(50 * labels, labels, 4).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_columns_behind_the_classes_are_attributes_of_their_own() -> None:
    labels = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    logits = torch.tensor([[0.0, 0.0, 0.0, 50.0]])
    assert named(logits, labels, 2).tolist() == pytest.approx([math.log(2) + math.log(2) / 2])
    assert named(logits, labels, 0).tolist() == pytest.approx([3 * math.log(2) / 4])


def test_fake_and_real_among_k_plus_one_are_minus_log_probabilities() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [math.log(3), 0.0, 0.0, 0.0]])
    assert fake_among(logits).tolist() == pytest.approx([EVEN, -math.log(0.5)])
    assert real_among(logits).tolist() == pytest.approx([-math.log(0.75), -math.log(0.5)])


def test_a_term_over_known_rows_has_their_mean() -> None:
    known = torch.tensor([1.0, 0.0, 1.0, 0.0])
    term = torch.tensor([2.0, 100.0, 4.0, 100.0])
    assert over_known(term, known).tolist() == [4.0, 0.0, 8.0, 0.0]
    assert float(over_known(term, known).mean()) == 3.0


def batch(known: Tensor | None) -> Batch:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    return Batch(x, -x, torch.eye(2), known, noise=lambda purpose: torch.Generator())


def test_ac_gan_adds_naming_of_real_and_fake() -> None:
    terms = AuxiliaryClassifierObjective(classes=2).d_loss(game(torch.zeros(2, 3)), batch(None))
    assert {n: t.tolist() for n, t in terms.items()} == {
        name: pytest.approx([math.log(2)] * 2) for name in ("real", "fake", "named", "named fakes")
    }
    maker = AuxiliaryClassifierObjective(classes=2, weight=2.0).g_loss(
        game(torch.zeros(2, 3)), batch(None)
    )
    assert maker["named"].tolist() == pytest.approx([2 * math.log(2)] * 2)


def test_ac_gan_with_attributes_alone_tells_the_share_that_it_names_rightly() -> None:
    logits = torch.tensor([[1.0, -1.0, 2.0, -2.0], [1.0, 1.0, 1.0, 1.0]])
    attributes = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    assert named_right(logits, attributes, 0).tolist() == [0.75, 0.0]
    assert named_right(logits, attributes, 2).tolist() == [1.0, 1.0]
    playing = game(torch.zeros(2, 3))
    terms = AuxiliaryClassifierObjective(classes=0).d_loss(playing, batch(None))
    assert terms["named"].tolist() == pytest.approx([math.log(2)] * 2)
    assert playing.facts["named right"] == 0.5


def test_an_unknown_label_changes_no_term() -> None:
    weight = torch.tensor([[0.0, 1.0, 2.0], [1.0, -1.0, 0.5]])
    known = torch.tensor([True, False])
    right, wrong = batch(known), batch(known)
    assert wrong.labels is not None
    wrong.labels[1] = torch.tensor([1.0, 0.0])
    terms = [SemiSupervisedObjective().d_loss(game(weight), b) for b in (right, wrong)]
    assert all(torch.equal(terms[0][name], terms[1][name]) for name in terms[0])
    assert terms[0]["named"][1] == 0  # only the known row is named
    assert terms[0]["real"][0] == 0  # and only the other stands for all pictures


def test_where_all_labels_are_known_every_row_is_named_and_real() -> None:
    terms = SemiSupervisedObjective().d_loss(game(torch.zeros(2, 3)), batch(None))
    assert terms["named"].tolist() == pytest.approx([math.log(2)] * 2)
    assert terms["real"].tolist() == pytest.approx([math.log(1.5)] * 2)
    assert terms["fake"].tolist() == pytest.approx([math.log(3)] * 2)
    assert known_rows(batch(None)).tolist() == [1.0, 1.0]


def test_g_matches_the_mean_features_of_the_unlabelled_pictures() -> None:
    terms = SemiSupervisedObjective().g_loss(
        game(torch.zeros(2, 3)), batch(torch.tensor([True, False]))
    )
    # mean of the fakes is (-1/2, -1/2), the unlabelled picture is (0, 1)
    assert terms["matching"].tolist() == pytest.approx([0.25 + 2.25] * 2)


def test_the_baseline_sees_known_rows_only() -> None:
    weight = torch.tensor([[0.0, 3.0, 0.0], [0.0, 3.0, 0.0]])
    terms = NamedOnly().d_loss(game(weight), batch(torch.tensor([True, False])))
    assert terms["named"].tolist() == pytest.approx([math.log(1 + math.exp(-3))])
    nobody = NamedOnly().d_loss(game(weight), batch(torch.tensor([False, False])))
    assert float(nobody["named"].detach().sum()) == 0.0
