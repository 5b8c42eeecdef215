"""The image contract for pictures with alpha: grounds, checkerboards, and Pillow there and back."""

from __future__ import annotations

import numpy as np
import torch

from lookalike import images


def test_on_a_ground_clear_pixels_are_the_ground_and_opaque_ones_their_color() -> None:
    x = torch.zeros(2, 4, 1, 3)
    x[:, :3] = 0.5
    x[:, 3, 0] = torch.tensor([-1.0, 0.0, 1.0])
    ground = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    seen = images.on_ground(x, ground)
    assert seen.shape == (2, 3, 1, 3)
    assert torch.allclose(seen[0, :, 0], torch.tensor([-1.0, -0.25, 0.5]).expand(3, 3))
    assert torch.allclose(seen[1, :, 0], torch.tensor([1.0, 0.75, 0.5]).expand(3, 3))


def test_both_kinds_of_pictures_lie_on_the_same_ground() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 4)).astype(np.uint8)
    floats = images.to_pixels(images.on_ground(images.to_network(pixels)))
    assert np.abs(floats.astype(int) - images.measurable(pixels)).max() <= 1
    clear = np.zeros((1, 2, 2, 4), np.uint8)
    assert (images.measurable(clear) == images.GROUND).all()


def test_pictures_without_alpha_are_given_back_as_they_are() -> None:
    pixels = np.zeros((2, 4, 4, 3), np.uint8)
    assert images.measurable(pixels) is pixels
    assert images.visible(pixels) is pixels
    floats = images.to_network(pixels)
    assert images.on_ground(floats) is floats


def test_a_person_sees_transparent_pictures_on_squares_of_two_greys() -> None:
    pixels = np.zeros((1, 16, 16, 4), np.uint8)
    pixels[:, 8:, :, 3] = 255
    seen = images.visible(pixels)[0]
    assert set(np.unique(seen[:8])) == {images.DARK, images.LIGHT}
    assert (seen[8:] == 0).all()
    assert images.grid(pixels).shape == (16, 16, 3)


def test_pillow_keeps_alpha_there_and_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 4)).astype(np.uint8)
    assert images.to_pillow(pixels).mode == "RGBA"
    assert (images.from_pillow(images.to_pillow(pixels), 4) == pixels).all()
