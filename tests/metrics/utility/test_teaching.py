"""Teachers made from real pictures alone, and what they teach without a generator."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.metrics.features.blocks import LiteBlocks
from lookalike.metrics.features.features import Lite, Pixels
from lookalike.metrics.utility.classifier import Examples, FitSettings, known
from lookalike.metrics.utility.instruments import Small
from lookalike.metrics.utility.teaching import (
    kernel_teacher,
    labeled,
    mixed,
    moved,
    network_teacher,
)

EYE = Pixels(side=16, channels=1)


def halves(count: int, seed: int, noise: int = 60) -> Examples:
    """Class 0 is bright above, class 1 below, class 2 on the left."""
    numbers = np.arange(count) % 3
    pictures = np.random.default_rng(seed).integers(0, noise, (count, 16, 16, 1))
    pictures[numbers == 0, :8] += 120
    pictures[numbers == 1, 8:] += 120
    pictures[numbers == 2, :, :8] += 120
    return known(pictures.astype(np.uint8), numbers.astype(np.int64), 3)


def test_a_kernel_teacher_knows_new_pictures_of_its_classes() -> None:
    says = kernel_teacher(halves(30, 0), EYE)(halves(60, 1).pictures)
    np.testing.assert_allclose(says.sum(1), 1)
    assert (says.argmax(1) == halves(60, 1).numbers).mean() > 0.95
    assert says.max(1).mean() > 0.8


def test_a_kernel_teacher_is_unsure_of_a_mix_of_two_classes() -> None:
    teacher, new = kernel_teacher(halves(30, 0), EYE), halves(60, 1)
    both = (new.pictures[0::3] // 2 + new.pictures[1::3] // 2).astype(np.uint8)
    said = teacher(both)
    assert said.max(1).mean() < teacher(new.pictures).max(1).mean() - 0.1
    assert (said[:, 2] < 0.5).all()


def test_a_teacher_of_one_picture_a_class_needs_no_left_out_ones() -> None:
    says = kernel_teacher(halves(3, 0), EYE)(halves(30, 1).pictures)
    assert (says.argmax(1) == halves(30, 1).numbers).mean() > 0.8


@pytest.mark.slow
def test_networks_agree_with_labels_they_were_trained_on() -> None:
    how = FitSettings(steps=40, batch=16, rate=1e-2, instrument=Small(width=4))
    teacher = network_teacher(halves(48, 0), how)
    assert (teacher(halves(30, 1).pictures).argmax(1) == halves(30, 1).numbers).mean() > 0.9


def test_copies_are_labeled_by_the_teacher_and_depend_on_the_seed_only() -> None:
    real = halves(12, 0)
    teacher = kernel_teacher(real, EYE)
    one, two = (moved(real, teacher, 30, 5) for _ in range(2))
    np.testing.assert_array_equal(one.pictures, two.pictures)
    assert (moved(real, teacher, 30, 6).pictures != one.pictures).any()
    assert len(one) == 30
    np.testing.assert_allclose(one.targets, teacher(one.pictures), atol=1e-6)


def test_mixes_lie_between_two_copies() -> None:
    real = halves(12, 0)
    teacher = kernel_teacher(real, EYE)
    found = mixed(real, teacher, 40, 5)
    plain = moved(real, teacher, 40, 5).pictures
    lowest = plain.min(0).astype(int)
    assert (found.pictures >= lowest - 1).all()
    assert found.targets.max(1).mean() < labeled(plain, teacher).targets.max(1).mean()


@pytest.mark.skipif(not Lite.installed(1), reason="needs the extra features")
def test_layers_have_the_length_they_promise_and_see_grey_as_color() -> None:
    eye = LiteBlocks()
    grey = halves(4, 0).pictures
    vectors = eye(grey)
    assert vectors.shape == (4, eye.dim)
    np.testing.assert_allclose(eye(grey.repeat(3, 3)), vectors, atol=1e-4)
    assert eye.hash != LiteBlocks(side=96).hash
