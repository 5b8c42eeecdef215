import numpy as np
import pytest

from lookalike.data.likeness import likeness


def noise(count: int, size: int = 32, channels: int = 3) -> np.ndarray:
    draws = np.random.default_rng(0)
    return draws.integers(0, 256, (count, size, size, channels), np.uint8)


def test_the_same_picture_again_is_alike_and_its_negative_the_opposite() -> None:
    one = noise(1)
    assert likeness(np.concatenate([one, one, one])) == pytest.approx(1)
    assert likeness(np.concatenate([one, 255 - one])) == pytest.approx(-1)


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (64, 3)])
def test_it_is_the_mean_of_numpys_correlations(size: int, channels: int) -> None:
    pictures = noise(6, size, channels)
    part = size // 16
    grey = pictures.mean(3).reshape(6, 16, part, 16, part).mean((2, 4)).reshape(6, -1)
    table = np.corrcoef(grey)
    wanted = table[~np.eye(6, dtype=bool)].mean()
    assert likeness(pictures) == pytest.approx(wanted)


def test_plain_pictures_say_nothing() -> None:
    plain = np.full((3, 32, 32, 3), 200, np.uint8)
    one = noise(1)
    assert likeness(np.concatenate([plain, one, one])) == pytest.approx(1)
    assert likeness(plain) == 1.0
