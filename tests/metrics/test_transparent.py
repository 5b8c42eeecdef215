"""What measures pictures measures their alpha, too, and no colors that nobody sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lookalike.data.similarity.hash import perceptual_hashes, thumbnail
from lookalike.images import Pixels
from lookalike.metrics.copies.alignment import shrink
from lookalike.metrics.copies.search import nearness, see
from lookalike.metrics.features.features import Pixels as PixelFeatures
from lookalike.metrics.features.features import RandomConv
from lookalike.metrics.scores.sample_stats import RealStats
from lookalike.metrics.utility.classifier import FitSettings, fit, known


def shapes(count: int, hidden: int = 0) -> Pixels:
    """Black shapes on nothing, uint8 ``[count, 32, 32, 4]``; all colors are ``hidden`` where clear.

    They differ in alpha alone.
    """
    corners = np.random.default_rng(0).integers(0, 2, (count, 8, 8)).astype(np.uint8)
    alpha = 255 * corners.repeat(4, 1).repeat(4, 2)
    colors = np.where(alpha == 0, hidden, 0).astype(np.uint8)
    return np.stack([colors, colors, colors, alpha], -1)


MEASURES: list[Callable[[Pixels], object]] = [
    RandomConv(),
    PixelFeatures(channels=4),
    shrink,
    lambda pictures: np.array([perceptual_hashes(one) for one in pictures]),
    lambda pictures: np.stack([thumbnail(one) for one in pictures]),
]


@pytest.mark.parametrize("measure", MEASURES)
def test_alpha_is_measured_and_colors_that_nobody_sees_are_not(
    measure: Callable[[Pixels], np.ndarray],
) -> None:
    found, other = measure(shapes(4)), measure(shapes(4, hidden=255))
    assert np.array_equal(found, other)
    assert len(np.unique(found.reshape(4, -1), axis=0)) == 4, "they differ in alpha"


def test_a_copy_of_a_transparent_picture_is_found_among_black_shapes() -> None:
    training = see(shapes(12))
    near = nearness(see(shapes(12, hidden=200)[5:6]), training)
    assert near.pixels_index.tolist() == [5]
    assert float(near.by_pixels[0]) == 0
    assert bool(near.shares_detail[0])


def test_samples_of_one_alpha_have_less_variety_than_the_real_ones() -> None:
    real = RealStats.of(shapes(64))
    assert real.look(shapes(64)).variety == pytest.approx(1)
    assert real.look(shapes(1).repeat(64, 0)).variety == 0


@pytest.mark.slow
def test_a_classifier_learns_from_alpha() -> None:
    pictures = shapes(64)
    numbers = np.arange(64) % 2
    pictures[numbers == 1, :16, :, 3] = 255
    examples = known(pictures, numbers.astype(np.int64), 2)
    classifier = fit(examples, FitSettings(steps=60, augment=True))
    assert float((classifier.classify(pictures) == numbers).mean()) > 0.9
