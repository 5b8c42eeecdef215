"""What a discriminator sees of transparent pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lookalike import seeds
from lookalike.parts.losses.game import Game
from lookalike.parts.networks.base import Networks
from lookalike.parts.training.diffaugment import Augmentation

COLORS = Augmentation(brightness=0.5, saturation=1.0, contrast=0.5, shift=0.0, cut=0.0)


class Colors(nn.Module):
    """Features that do not look at alpha."""

    colors_only = True

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x[:, :3]]


def pictures(alpha: float) -> Tensor:
    colors = torch.rand(4, 3, 8, 8, generator=seeds.generator(0, "colors")) * 2 - 1
    return torch.cat([colors, torch.full((4, 1, 8, 8), alpha)], 1)


def seen(x: Tensor, *players: nn.Module, augment: Augmentation | None = None) -> Tensor:
    named = Networks({f"P{number}": player for number, player in enumerate(players)})
    return Game(named, {}, augment=augment).augment(x, seeds.generator(0, "augment"))


def test_features_of_colors_see_a_random_opaque_color_under_each_clear_picture() -> None:
    clear = seen(pictures(-1.0), nn.Sequential(Colors()))
    assert torch.equal(clear[:, 3], torch.ones(4, 8, 8))
    assert float(clear[:, :3].flatten(2).std(2).max()) < 1e-6, "a plain color each"
    assert float(clear[:, :3].std(0).min()) > 0, "another one for each"
    opaque = pictures(1.0)
    assert torch.allclose(seen(opaque, Colors()), opaque, atol=1e-6)


def test_a_real_picture_and_its_copy_lie_on_the_same_color() -> None:
    assert torch.equal(seen(pictures(0.0), Colors()), seen(pictures(0.0), Colors()))


def test_a_wrong_alpha_is_told_by_a_gradient() -> None:
    x = pictures(0.0).requires_grad_()
    seen(x, Colors())[:, :3].sum().backward()
    assert x.grad is not None
    assert float(x.grad[:, 3].abs().min(0).values.max()) > 0


def test_a_discriminator_of_all_four_channels_sees_them_as_they_are() -> None:
    x = pictures(0.3)
    assert torch.equal(seen(x, nn.Conv2d(4, 1, 1)), x)


@pytest.mark.parametrize("player", [Colors(), nn.Identity()])
def test_pictures_of_three_channels_are_never_put_on_a_color(player: nn.Module) -> None:
    x = pictures(0.0)[:, :3]
    assert torch.equal(seen(x, player), x)


def test_augmented_colors_are_those_without_alpha_and_alpha_stays() -> None:
    x = pictures(0.3)
    changed = seen(x, augment=COLORS)
    assert torch.equal(changed[:, 3], x[:, 3])
    assert torch.equal(changed[:, :3], seen(x[:, :3], augment=COLORS))


def test_what_moves_pixels_moves_alpha_with_them() -> None:
    x = pictures(0.0)
    x[:, 3] = x[:, 0]
    moved = seen(x, augment=Augmentation(brightness=0, saturation=0, contrast=0, shift=0.3))
    assert torch.equal(moved[:, 3], moved[:, 0])
    assert not torch.equal(moved, x)
