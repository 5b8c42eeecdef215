"""Samples beside real pictures, by a look that costs milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lookalike.images import Pixels, measurable
from lookalike.metrics.features.features import Pixels as PixelFeatures
from lookalike.metrics.scores.sample_stats import RealStats, rough, small

Blobs = Callable[..., Pixels]


def test_more_pictures_of_the_same_kind_look_like_the_data(blobs: Blobs) -> None:
    looks = RealStats.of(blobs(512)).look(blobs(64, seed=1))
    assert looks.variety == pytest.approx(1, abs=0.15)
    assert looks.distance == pytest.approx(1, abs=0.3)
    assert looks.roughness == pytest.approx(1, abs=0.15)
    assert looks.twins < 0.1


def test_one_picture_repeated_has_no_variety_and_only_twins(blobs: Blobs) -> None:
    looks = RealStats.of(blobs(512)).look(blobs(1, seed=1).repeat(64, 0))
    assert looks.variety == 0
    assert looks.twins == 1


def test_two_pictures_repeated_have_variety_but_only_twins(blobs: Blobs) -> None:
    looks = RealStats.of(blobs(512)).look(blobs(2, seed=1).repeat(32, 0))
    assert looks.twins == 1


def test_noise_is_rough(blobs: Blobs) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
    looks = RealStats.of(blobs(256, size=32)).look(noise)
    assert looks.roughness > 3


def test_a_data_set_of_twins_does_not_make_healthy_samples_look_collapsed(blobs: Blobs) -> None:
    twice = blobs(128).repeat(2, 0)
    assert RealStats.of(twice).look(twice[:64]).twins == pytest.approx(0, abs=0.05)


def test_one_single_real_picture_repeated_gives_finite_numbers() -> None:
    real, made = np.full((32, 8, 8, 1), 7, np.uint8), np.full((64, 8, 8, 1), 9, np.uint8)
    looks = RealStats.of(real).look(made)
    assert np.isfinite([looks.variety, looks.twins, looks.distance, looks.roughness]).all()


def test_roughness_of_stripes_is_known_by_hand() -> None:
    stripes = np.zeros((1, 4, 4, 1), np.uint8)
    stripes[:, :, ::2] = 100  # every step to the right is 100, every step down is 0
    assert rough(stripes) == 50


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("count", [2, 64, 130])
def test_in_blocks_it_is_what_it_is_of_all_at_once(count: int, channels: int) -> None:
    """Bit for bit: what a training keeps of its looks decides whether it goes back."""
    pictures = np.random.default_rng(0).integers(0, 256, (count, 9, 9, channels), np.uint8)
    wide = measurable(pictures).astype(np.int16)
    down, across = (np.abs(np.diff(wide, axis=axis)).mean() for axis in (1, 2))
    assert rough(pictures) == float(down + across) / 2
    rows = PixelFeatures(side=8, channels=channels)(pictures)
    apart = np.sqrt(((rows[:, None].astype(np.float64) - rows[None]) ** 2).sum(-1))
    assert (small(pictures) == rows).all()
    assert RealStats.of(pictures).spread == float(np.median(apart[np.triu_indices(count, 1)]))
