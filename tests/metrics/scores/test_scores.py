from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lookalike.errors import TooFewImagesError
from lookalike.metrics.copies.search import see
from lookalike.metrics.distances.kernel import kid
from lookalike.metrics.features.features import RandomConv
from lookalike.metrics.scores.scores import Scores, ScoreSettings, score_samples

EYE = RandomConv(width=8)
QUICK = ScoreSettings(resamples=40, chunks=1)


@pytest.fixture(scope="module")
def real(draw):
    return see(draw(160, 0, edges=15), EYE), see(draw(100, 1, edges=15), EYE)


@pytest.fixture(scope="module")
def good(draw, real) -> Scores:
    return score_samples(draw(160, 2, edges=15), *real, EYE, QUICK)


def blurred(pictures, radius):
    blur = ImageFilter.GaussianBlur(radius)
    return np.stack([np.asarray(Image.fromarray(one).filter(blur)) for one in pictures])


def noisy(pictures, deviation):
    noise = np.random.default_rng(0).normal(0, deviation, pictures.shape)
    return (pictures + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.slow
def test_fresh_pictures_of_the_same_source_score_like_the_floor(good):
    assert good.kid.low <= 0.5 * good.kid.high
    assert good.kid.ratio < 2.5
    for shares in (good.precision, good.recall, good.coverage):
        assert shares.ratio == pytest.approx(1, abs=0.15)
    assert good.frechet.ratio == pytest.approx(1, abs=0.25)
    assert good.copies.level == "pass"


@pytest.mark.slow
def test_scores_survive_json(good):
    text = json.dumps(good.as_json(), allow_nan=False)
    again = Scores.from_json(json.loads(text))
    assert again == good
    assert json.loads(text)["copies"]["level"] == "pass"


def test_the_floor_is_training_against_the_hold_out(good, real):
    training, holdout = real
    assert good.kid.floor == pytest.approx(kid(training.vectors, holdout.vectors), abs=1e-9)
    assert (good.samples, good.training, good.holdout) == (160, 160, 100)


@pytest.mark.slow
def test_collapsed_samples_are_precise_and_forgetful_and_repeat_themselves(draw, real):
    collapsed = draw(160, 2, edges=15)[np.arange(160) % 5]
    found = score_samples(collapsed, *real, EYE, QUICK)
    assert found.precision.value > 0.7
    assert found.recall.value < 0.2
    assert found.coverage.value < 0.5
    assert found.near_duplicates.value == 1
    assert found.copies.level == "pass"


@pytest.mark.slow
@pytest.mark.parametrize(
    "worse",
    [
        lambda draw: [blurred(draw(160, 2, edges=15), radius) for radius in (0.01, 2, 6)],
        lambda draw: [noisy(draw(160, 2, edges=15), deviation) for deviation in (0, 30, 80)],
        lambda draw: [draw(160, 2, kept, edges=15) for kept in ((0, 1, 2, 3), (0, 1), (1,))],
    ],
    ids=["blur", "noise", "dropped classes"],
)
def test_scores_fall_with_blur_noise_and_dropped_classes(draw, real, worse):
    training, holdout = real
    found = [score_samples(one, training, holdout, EYE, QUICK) for one in worse(draw)]
    for name in ("kid", "kid_training", "frechet"):
        values = [getattr(one, name).value for one in found]
        assert values[0] < values[1] < values[2], (name, values)
    coverage = [one.coverage.value for one in found]
    assert coverage[0] > coverage[2]


@pytest.mark.slow
def test_few_pictures_come_with_warnings(draw, real):
    training, holdout = real
    found = score_samples(draw(40, 2, edges=15), training, holdout.part(slice(0, 30)), EYE, QUICK)
    assert any("30 held-out" in text for text in found.warnings)
    assert any("biased upwards" in text for text in found.warnings)


def test_too_few_samples_are_refused(draw, real):
    with pytest.raises(TooFewImagesError, match="3 samples"):
        score_samples(draw(3, 2), *real, EYE)


def test_extrapolation_is_there_on_request(draw, real):
    training, holdout = real
    found = score_samples(
        draw(60, 2, edges=15), training, holdout, EYE, ScoreSettings(resamples=10, infinity=True)
    )
    assert found.frechet_infinity is not None
    assert found.frechet_infinity < found.frechet.value
