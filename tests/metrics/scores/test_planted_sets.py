"""Sets of samples that are wrong in one way each never have a green light; real pictures do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lookalike.images import Pixels
from lookalike.metrics.distances.kernel import kid, kid_of_few
from lookalike.metrics.distances.manifold import manifold
from lookalike.metrics.features.features import Features, Vectors, choose
from lookalike.metrics.scores.health_verdict import FEW, Evidence, ScoreLook, verdict
from lookalike.metrics.scores.sample_stats import RealStats

SIZE, COUNT, REAL = 32, 64, 160


def scenes(count: int, seed: int) -> Pixels:
    """Up to three discs and squares of all colors on a ground, uint8 ``[N, 32, 32, 3]``."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    made = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for picture in made:
        picture[:] = random.integers(0, 256, 3)
        for _ in range(random.integers(1, 4)):
            (row, column), radius = random.uniform(6, 26, 2), random.uniform(4, 11)
            away = np.stack([abs(y - row), abs(x - column)])
            inside = (away.max(0) if random.random() < 0.5 else np.hypot(*away)) < radius
            picture[inside] = random.integers(0, 256, 3)
    return made


def noisy(pictures: Pixels, by: float) -> Pixels:
    noise = np.random.default_rng(5).normal(0, by, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def blurred(pictures: Pixels, by: float) -> Pixels:
    soft = ImageFilter.GaussianBlur(by)
    return np.stack([np.asarray(Image.fromarray(picture).filter(soft)) for picture in pictures])


def plaid(strength: float, under: Pixels) -> Pixels:
    random = np.random.default_rng(6)
    y, x = np.mgrid[:SIZE, :SIZE]
    waves = np.empty((len(under), SIZE, SIZE))
    for wave in waves:
        wide, high = random.uniform(0.6, 2, 2)
        wave[:] = np.sin(x / wide + random.uniform(0, 6)) * np.sin(y / high)
    return np.clip(under + strength * 255 * waves[..., None], 0, 255).astype(np.uint8)


GOOD = scenes(COUNT, 3)
GREY = np.full_like(GOOD, 128)
PLANTED = {
    "one shape": noisy(np.repeat(GOOD[:1], COUNT, 0), 4),
    "four shapes": noisy(GOOD[np.arange(COUNT) % 4], 2),
    "plaid": plaid(0.5, GREY),
    "real with a plaid": plaid(0.25, GOOD),
    "blur": blurred(GOOD, 2),
    "noise": np.random.default_rng(7).integers(0, 256, GOOD.shape).astype(np.uint8),
    "mean picture": noisy(np.repeat(GOOD.mean(0)[None], COUNT, 0), 2),
}


@pytest.fixture(scope="module")
def judge() -> Features:
    return choose(3, SIZE)


@pytest.fixture(scope="module")
def real(judge: Features) -> Vectors:
    return judge(scenes(REAL, 0))


def light(samples: Pixels, judge: Features, real: Vectors) -> str:
    """The light at the end of a run that drew these samples."""
    vectors, others = judge(samples), judge(scenes(COUNT, 1))
    score = ScoreLook(
        1000,
        kid(vectors, real),
        kid_of_few(real, FEW),
        manifold(vectors, real).coverage,
        manifold(others, real).coverage,
    )
    look = RealStats.of(scenes(200, 2)).look(samples)
    return verdict(Evidence(1.0, True, [look], scores=[score])).light


@pytest.mark.slow
def test_real_pictures_are_green(judge: Features, real: Vectors) -> None:
    assert light(GOOD, judge, real) == "green"


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_planted_sets_are_never_green(name: str, judge: Features, real: Vectors) -> None:
    assert light(PLANTED[name], judge, real) in {"amber", "red"}
