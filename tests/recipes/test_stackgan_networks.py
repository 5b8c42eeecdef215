from __future__ import annotations

import math

import pytest
import torch
from pictures import Discs
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike import recipe
from lookalike.engine.trainer import Trainer
from lookalike.errors import RecipeError
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.place import Place
from lookalike.recipes.stackgan import StackedGenerator, StackGANObjective


class ByLabel(nn.Module):
    """The logit is the first entry of the label: it listens to nothing else."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return labels[:, 0]


def stacked_run(steps: int, labels: int = 0) -> Trainer:
    chosen = recipe.make(
        recipe.find("stackgan"),
        {"width": 4, "first_width": 4, "batch": 4, "images": 16},
        {"size": 32, "channels": 1, "labels": labels},
    )
    trainer = Trainer(chosen, Discs(32, 1, labeled=labels > 0), Place(threads=1))
    for _ in range(steps):
        trainer.step()
    return trainer


def weights(trainer: Trainer, part: str) -> list[Tensor]:
    network = getattr(trainer.networks["G"], part)
    return [weight.detach().clone() for weight in network.parameters()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_before_stage_two_has_learned_the_picture_is_stage_ones_enlarged() -> None:
    torch.manual_seed(0)
    network = StackedGenerator(dims=8, width=4, first_width=4, times=4).build(Frame(64, 3)).eval()
    z = torch.randn(2, 8)
    small, large = network(z, None, 1), network(z)
    assert small.shape == (2, 3, 16, 16)
    assert large.shape == (2, 3, 64, 64)
    wanted = F.interpolate(small, scale_factor=4.0, mode="bilinear")
    assert torch.allclose(large, wanted, atol=1e-3)


def test_stage_one_learns_first_and_is_frozen_while_stage_two_learns() -> None:
    trainer = stacked_run(0)
    first, second = weights(trainer, "first"), weights(trainer, "second")
    for _ in range(2):
        assert set(trainer.step().totals) == {"C", "G"}
    assert not same(first, weights(trainer, "first"))
    assert same(second, weights(trainer, "second"))
    first = weights(trainer, "first")
    for _ in range(2):
        assert set(trainer.step().totals) == {"D", "G"}
    assert same(first, weights(trainer, "first"))
    assert not same(second, weights(trainer, "second"))


def test_a_real_picture_with_a_wrong_label_counts_as_half_a_fake() -> None:
    """Row 0 is given the label that it has; rows 1 and 2 are given a wrong one."""
    labels = torch.tensor([[0.0], [1.0], [0.0]])
    game = Game(Networks({"C": ByLabel()}), {})
    batch = Batch(torch.zeros(3, 1, 4, 4), torch.zeros(3, 2), labels)
    terms = StackGANObjective()._critic_loss(game, "C", batch, batch.images, batch.images)
    off, on = math.log(2), math.log1p(math.e)
    assert labels.roll(1, 0)[:, 0].tolist() == [0.0, 0.0, 1.0]
    assert terms["mismatched"].tolist() == pytest.approx([0.0, 0.5 * off, 0.5 * on])


def test_with_labels_both_stages_train_on_mismatched_pairs() -> None:
    trainer = stacked_run(0, labels=3)
    assert "C/mismatched" in trainer.step().terms
    trainer.step()
    assert "D/mismatched" in trainer.step().terms


def test_a_stage_one_that_would_be_too_small_is_refused() -> None:
    with pytest.raises(RecipeError, match="at least 8 px"):
        StackedGenerator(times=8).build(Frame(32))
    with pytest.raises(RecipeError, match="2, 4 or 8"):
        StackedGenerator(times=3).build(Frame(48))
