"""Ways of making pictures: a generator that paints z itself shows what each of them does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.utility.synthesis import (
    SOURCES,
    AgreedSamples,
    GeneratorHandle,
    PlainSamples,
    parse_strategy,
)
from lookalike.parts.latents.flow import Neighbors
from lookalike.parts.latents.priors import Normal


def paint(z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
    """Every pixel is the first number of z."""
    return z[:, :1].clamp(-1, 1).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)


@pytest.fixture
def desk() -> GeneratorHandle:
    """Class 0 is encoded between -1 and -0.5, class 1 between 0.5 and 1."""
    values = torch.linspace(0.5, 1, 6)
    codes = torch.cat([-values, values])[:, None]
    labels = torch.eye(2).repeat_interleave(6, 0)
    learned = {"codes": codes, "labels": labels}
    return GeneratorHandle(Sampler(paint, Neighbors(dims=1), learned, labels), (0, 1))


def bright(pictures: Pixels) -> NDArray[np.float64]:
    """A judge that finds class 1 the more probable the brighter a picture is."""
    share = pictures.reshape(len(pictures), -1).mean(1) / 255
    return np.stack([1 - share, share], 1)


def values(pictures: Pixels) -> NDArray[np.float64]:
    return pictures[:, 0, 0, 0] / 127.5 - 1


def test_between_stays_between_pictures_of_the_class(desk: GeneratorHandle) -> None:
    made = SOURCES["between"].make(desk, 0, 40, 3)
    assert made.pictures.shape == (40, 4, 4, 1)
    assert values(made.pictures).min() >= -1.01
    assert values(made.pictures).max() <= -0.49
    np.testing.assert_array_equal(made.shares, np.tile([1.0, 0.0], (40, 1)))
    assert len(np.unique(made.pictures[:, 0, 0, 0])) > 10


def test_across_mixes_labels_as_it_mixes_pictures(desk: GeneratorHandle) -> None:
    made = SOURCES["across"].make(desk, 1, 200, 0)
    np.testing.assert_allclose(made.shares.sum(1), 1, atol=1e-6)
    mixed = made.shares[:, 1] < 0.999
    assert 0.3 < mixed.mean() < 0.7
    assert np.corrcoef(values(made.pictures)[mixed], made.shares[mixed, 1])[0, 1] > 0.9


def test_the_same_seed_makes_the_same_pictures_and_another_seed_others(
    desk: GeneratorHandle,
) -> None:
    one, same, other = (SOURCES["jitter"].make(desk, 1, 20, seed).pictures for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_agreed_drops_what_the_judge_takes_for_another_class(desk: GeneratorHandle) -> None:
    wide = SOURCES["across"]
    loose = wide.make(desk, 1, 60, 1)
    kept = AgreedSamples(wide, bright).make(desk, 1, 60, 1)
    assert (bright(loose.pictures).argmax(1) == 1).mean() < 0.95
    assert (bright(kept.pictures).argmax(1) == 1).all()
    assert len(kept.pictures) == 60


def test_hard_keeps_the_right_class_with_a_smaller_margin(desk: GeneratorHandle) -> None:
    wide = SOURCES["across"]
    sure, hard = (AgreedSamples(wide, bright, hard=h).make(desk, 1, 40, 1) for h in (False, True))
    told = bright(hard.pictures)
    assert (told.argmax(1) == 1).all()
    assert told[:, 1].mean() < bright(sure.pictures)[:, 1].mean()


def test_when_nothing_is_agreed_on_the_nearest_follow(desk: GeneratorHandle) -> None:
    kept = AgreedSamples(SOURCES["between"], bright).make(desk, 1, 10, 0)
    none = AgreedSamples(SOURCES["between"], lambda x: bright(x)[:, ::-1]).make(desk, 1, 10, 0)
    assert len(kept.pictures) == len(none.pictures) == 10
    assert values(none.pictures).mean() < values(kept.pictures).mean()


def test_soft_labels_are_what_the_judge_says(desk: GeneratorHandle) -> None:
    way = parse_strategy("between+agreed+soft@0.5")
    assert (way.weight, way.judged) == (0.5, True)
    made = way.build(bright).make(desk, 1, 8, 0)
    np.testing.assert_allclose(made.shares, bright(made.pictures), atol=1e-6)


def test_plain_asks_the_sampler_for_labels_that_hold_the_class() -> None:
    def generate(z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        assert labels is not None
        return (labels[:, 1] * 2 - 1).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)

    plain = GeneratorHandle(Sampler(generate, Normal(4), {}, torch.eye(2).repeat(5, 1)), (0, 1))
    assert PlainSamples().make(plain, 0, 20, 0).pictures.max() == 0
    assert PlainSamples().make(plain, 1, 20, 0).pictures.min() == 255
    with pytest.raises(DataError, match="keeps no encodings"):
        SOURCES["between"].make(plain, 0, 4, 0)
    with pytest.raises(DataError, match="without labels"):
        PlainSamples().make(GeneratorHandle(Sampler(generate, Normal(4), {}), (0, 1)), 0, 4, 0)


@pytest.mark.parametrize("text", ["", "plane", "plain+softer", "plain@0", "plain@much"])
def test_a_way_that_is_not_known_names_those_that_are(text: str) -> None:
    with pytest.raises(DataError, match="between, beyond, jitter, across"):
        parse_strategy(text)


def test_mixes_need_a_judge_that_labels_them() -> None:
    assert parse_strategy("across+soft&") == parse_strategy("across+soft")
    with pytest.raises(DataError, match="before the &"):
        parse_strategy("across&")
