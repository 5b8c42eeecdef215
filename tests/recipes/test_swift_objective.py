import pytest
import torch
from torch import nn

from lookalike.parts.losses.features import feature_distance, normalized
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Networks
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.recipes.swift.objective import SwiftObjective, paired


def test_a_map_against_itself_is_at_distance_zero_and_loudness_hardly_matters():
    x = torch.randn(3, 8, 4, 4, generator=torch.Generator().manual_seed(0)) * 10
    assert feature_distance([x], [x]).abs().max() == 0
    assert feature_distance([x], [x * 2]).max() < 1e-3


def test_opposite_maps_are_at_distance_four_per_map():
    x = torch.full((2, 5, 3, 3), 7.0)
    distance = feature_distance([x, x], [-x, -x])
    torch.testing.assert_close(distance, torch.full((2,), 8.0), atol=1e-2, rtol=0)


def test_normalised_maps_have_unit_mean_square_over_channels():
    x = normalized(torch.randn(2, 16, 3, 3) * 5)
    torch.testing.assert_close(x.square().mean(1), torch.ones(2, 3, 3), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("further", [0, 1, 4])
def test_paired_numbers_keep_their_mean(further):
    values = torch.arange(4.0 + further)
    found = paired(values, 4)
    assert found.shape == (4,)
    torch.testing.assert_close(found.mean(), values.mean())


class Judge(nn.Module):
    def forward(self, maps):
        return torch.stack([m.mean((1, 2, 3)) for m in maps], 1)


class Recorder(Game):
    """A game whose players are toys, and which remembers what the features saw."""

    def __init__(self, augment):
        networks = Networks({"G": nn.Identity(), "D": Judge()})
        super().__init__(networks, {"adversarial": 0.5}, augment=augment)
        self.seen = []

    def encode(self, pictures, labels=None):
        return torch.zeros(len(pictures), 2), torch.full((len(pictures), 2), -30.0)

    def generate(self, z, labels=None):
        return torch.zeros(len(z), 3, 8, 8)

    def features(self, pictures):
        self.seen.append(pictures)
        return [pictures]


def test_real_and_rebuilt_pictures_are_changed_alike_before_they_are_compared():
    game = Recorder(Augmentation(brightness=0.5, saturation=0, contrast=0, shift=0, cut=0))
    batch = Batch(
        images=torch.zeros(4, 3, 8, 8),
        z=torch.zeros(4, 2),
        noise=lambda purpose: torch.Generator().manual_seed(len(purpose)),
    )
    terms = SwiftObjective(mixed=0).rebuild_and_discriminate(game, batch)
    real, rebuilt = game.seen
    assert real.abs().max() > 0.01
    assert torch.equal(real, rebuilt)
    assert terms["feature"].abs().max() == 0
    assert terms["pixel"].shape == (4,)
