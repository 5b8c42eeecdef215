from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lookalike import seeds
from lookalike.metrics import classifier
from lookalike.metrics.classifier import FitSettings, fit

QUICK = FitSettings(steps=25, batch=16, width=4, rate=1e-2)


@pytest.fixture(scope="module")
def bright():
    """Dark and bright noise: two classes that anything learns."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 80).astype(np.int64)
    pictures = random.integers(0, 100, (80, 12, 12, 1)) + 140 * labels[:, None, None, None]
    return pictures.astype(np.uint8), labels


@pytest.mark.parametrize(
    "settings",
    [QUICK, replace(QUICK, classical=True, mirror=True), replace(QUICK, balance="weight")],
    ids=["plain", "classical", "weight"],
)
def test_it_learns_what_can_be_learned(bright, settings):
    pictures, labels = bright
    found = fit(pictures, labels, 2, settings)
    assert (found.classify(pictures) == labels).mean() > 0.95
    np.testing.assert_allclose(found.probabilities(pictures[:5]).sum(1), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_classifier_and_another_seed_another(bright):
    pictures, labels = bright
    short = replace(QUICK, steps=3)
    one, same, other = (
        fit(pictures, labels, 2, how).probabilities(pictures)
        for how in (short, short, replace(short, seed=1))
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-6


def test_every_training_takes_the_same_steps_whatever_the_number_of_pictures():
    for count in (5, 100):
        labels = np.arange(count) % 2
        batches = list(classifier._batches(labels, QUICK))
        assert len(batches) == 25
        assert {len(rows) for rows in batches} == {16}


def test_without_oversampling_every_pass_shows_every_picture_once():
    labels = np.zeros(48, np.int64)
    rows = np.concatenate(list(classifier._batches(labels, replace(QUICK, steps=3))))
    assert sorted(rows) == list(range(48))


def test_oversampling_shows_rare_classes_as_often():
    labels = np.array([0] * 90 + [1] * 10)
    how = replace(QUICK, steps=100, balance="oversample")
    shown = labels[np.concatenate(list(classifier._batches(labels, how)))]
    assert shown.mean() == pytest.approx(0.5, abs=0.05)


def test_weights_make_classes_count_the_same_in_all():
    weights = classifier._weights(np.array([0] * 90 + [1] * 10), 2, "weight")
    np.testing.assert_allclose(weights * [90, 10], [50, 50])


def test_augmentation_stays_in_range_and_depends_on_the_step():
    batch = torch.rand(4, 3, 16, 16, generator=seeds.generator(0, "test")) * 2 - 1
    one, again, next_ = (classifier._augmented(batch, QUICK, step) for step in (0, 0, 1))
    assert one.abs().max() <= 1
    assert torch.equal(one, again)
    assert not torch.equal(one, next_)


def test_one_step_is_a_training_too(bright):
    pictures, labels = bright
    assert fit(pictures, labels, 2, replace(QUICK, steps=1)).classes == 2
    rates = [classifier._rate(step, 100) for step in range(100)]
    assert max(rates) <= 1
    assert rates[0] < rates[9] > rates[50] > rates[99] > 0
