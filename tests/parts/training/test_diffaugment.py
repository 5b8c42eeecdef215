import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.parts.training.diffaugment import Augmentation, outside, translated


def test_translation_moves_whole_pixels_and_repeats_the_edge():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    moved = translated(x, torch.tensor([[0.0, 1 / 3]]))
    assert moved[0, 0].tolist() == [[0, 0, 1], [3, 3, 4], [6, 6, 7]]


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_translation_invents_no_value(seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(3, 2, 8, 8, generator=g)
    moved = translated(x, torch.rand(3, 2, generator=g) * 2 - 1)
    assert moved.shape == x.shape
    for one, other in zip(moved, x, strict=True):
        assert torch.isin(one, other).all()


def test_a_cut_in_the_middle_covers_its_share():
    mask = outside(torch.zeros(1, 2), 0.5, 8, 8)
    assert mask.sum() == 64 - 16
    assert outside(torch.full((1, 2), 9.0), 0.5, 8, 8).min() == 1


def test_chance_zero_changes_nothing_and_chance_one_changes_all():
    x = torch.rand(8, 3, 16, 16)
    generator = torch.Generator().manual_seed(0)
    torch.testing.assert_close(Augmentation(chance=0.0)(x, generator), x)
    changed = Augmentation(chance=1.0)(x, generator)
    assert all(not torch.allclose(a, b) for a, b in zip(changed, x, strict=True))


def test_the_same_draws_change_a_pair_alike():
    augment = Augmentation(brightness=0.3, saturation=0, contrast=0, shift=0.2, cut=0)
    draws = augment.draw(4, torch.Generator().manual_seed(3))
    x, y = torch.rand(4, 1, 16, 16), torch.zeros(4, 1, 16, 16)
    lifted = augment.change(y, draws)
    moved = augment.change(x + 1, draws) - augment.change(x, draws)
    torch.testing.assert_close(moved, torch.ones_like(x))
    assert (lifted.flatten(1).std(1) < 1e-6).all()
