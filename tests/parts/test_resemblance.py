import pytest
import torch

from lookalike.parts.resemblance import feature_distance, normalized, paired


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
