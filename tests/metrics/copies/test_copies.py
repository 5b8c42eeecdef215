from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.metrics.copies.alignment import align, shrink
from lookalike.metrics.copies.copies import c_t, measure_copies
from lookalike.metrics.copies.search import CopyFeatures, calibrate, nearness, see
from lookalike.metrics.distances.nearest import candidates
from lookalike.metrics.features.features import RandomConv

pytestmark = pytest.mark.slow

EYE = RandomConv(width=8)


def replay(picture, random, quality=75):
    """A training picture as a copying generator would show it: cropped, mirrored, compressed."""
    side = len(picture)
    part = round(side * random.uniform(0.88, 1))
    top, left = random.integers(0, side - part + 1, 2)
    if random.random() < 0.5:
        picture = picture[:, ::-1]
    cropped = Image.fromarray(picture[top : top + part, left : left + part])
    buffer = io.BytesIO()
    cropped.resize((side, side), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


@pytest.fixture(scope="module")
def sets(draw):
    """Training, held-out and fresh pictures, and replays of the first training pictures."""
    training, holdout, fresh = draw(200, 0), draw(100, 1), draw(200, 2)
    random = np.random.default_rng(3)
    copied = np.stack([replay(picture, random) for picture in training[:60]])
    return tuple(see(one, EYE) for one in (training, holdout, fresh, copied))


def joined(*parts: CopyFeatures) -> CopyFeatures:
    return CopyFeatures.joined(parts)


def test_at_least_95_of_100_replayed_training_pictures_are_recognized(sets):
    training, holdout, fresh, copied = sets
    rule = calibrate(training, holdout).rule
    near = nearness(copied, training)
    assert rule.copies(near).mean() >= 0.95
    assert (near.pixels_index == np.arange(60)).mean() >= 0.95
    assert rule.copies(nearness(fresh, training)).mean() <= 0.03


def test_a_generator_that_copies_one_in_twenty_is_caught_and_its_pairs_come_first(sets):
    training, holdout, fresh, copied = sets
    samples = joined(fresh.part(slice(0, 190)), copied.part(slice(20, 30)))
    found = measure_copies(samples, training, holdout)
    assert found.level in ("warn", "block")
    assert found.share >= 0.05
    assert found.excess.low > 1
    nearest = {pair.sample: pair.training for pair in found.pairs[:10]}
    assert sum(nearest.get(190 + i) == 20 + i for i in range(10)) >= 9


def test_a_generator_that_copies_one_in_five_is_blocked(sets):
    training, holdout, fresh, copied = sets
    found = measure_copies(
        joined(fresh.part(slice(0, 160)), copied.part(slice(0, 40))), training, holdout
    )
    assert found.level == "block"


def test_a_replay_of_held_out_pictures_passes(sets):
    training, holdout, _, _ = sets
    found = measure_copies(holdout, training, holdout)
    assert found.level == "pass"
    assert abs(found.c_t) < 1e-9
    assert found.authentic == found.natural_authentic


def test_fresh_pictures_pass(sets):
    training, holdout, fresh, _ = sets
    found = measure_copies(fresh, training, holdout)
    assert found.level == "pass"
    assert found.excess.low <= 1 <= found.excess.high + 1
    assert abs(found.authentic - found.natural_authentic) < 0.15


def test_no_copies_among_few_samples_leave_room_for_some(sets):
    """By the rule of three, none among 60 may still be 3 of 60, five times what chance gives."""
    training, holdout, fresh, _ = sets
    rule = calibrate(training, holdout).rule
    clean = fresh.part(np.flatnonzero(~rule.copies(nearness(fresh, training)))[:60])
    excess = measure_copies(clean, training, holdout).excess
    assert (excess.value, excess.low) == (0, 0)
    assert 3 < excess.high < 9


def test_exact_copies_give_a_c_t_far_below_zero_and_nothing_authentic(sets):
    training, holdout, _, _ = sets
    found = measure_copies(training.part(slice(0, 100)), training, holdout)
    assert found.c_t < -5
    assert found.authentic == 0
    assert found.share == 1


def test_duplicates_that_the_source_has_anyway_are_not_called_copying(sets):
    """A fifth of all real pictures is there twice, so a fifth of the samples may be."""
    training, holdout, fresh, _ = sets
    source = joined(training.part(slice(0, 100)), training.part(slice(0, 10)))
    held = joined(holdout.part(slice(0, 40)), training.part(slice(0, 10)))
    samples = joined(fresh.part(slice(0, 40)), training.part(slice(20, 30)))
    assert measure_copies(samples, source, held).level == "pass"
    assert measure_copies(samples, training, holdout).level == "block"


def test_c_t_is_the_normal_score_of_the_mann_whitney_test():
    from scipy.stats import mannwhitneyu

    random = np.random.default_rng(0)
    mine, theirs = random.normal(-0.3, 1, 90), random.normal(0, 1, 70)
    found = mannwhitneyu(mine, theirs, use_continuity=False, method="asymptotic")
    score = c_t(mine, theirs)
    assert score < 0
    assert 2 * (1 - _normal_cdf(abs(score))) == pytest.approx(found.pvalue, rel=1e-6)


def _normal_cdf(x: float) -> float:
    from math import erf, sqrt

    return (1 + erf(x / sqrt(2))) / 2


def test_c_t_weighs_cells_by_the_hold_outs_share():
    """Cell 0: 30 held out, all farther; cell 1: 10 held out, all nearer."""
    samples, cells = np.array([0.0] * 5 + [9.0] * 5), np.array([0] * 5 + [1] * 5)
    holdout, on = np.array([1.0] * 30 + [2.0] * 10), np.array([0] * 30 + [1] * 10)
    first = c_t(samples[:5], holdout[:30])
    second = c_t(samples[5:], holdout[30:])
    assert first < 0 < second
    assert c_t(samples, holdout, (cells, on)) == pytest.approx((30 * first + 10 * second) / 40)


def test_a_picture_aligned_with_itself_and_with_its_mirror_differs_by_nothing(draw):
    small = shrink(draw(6, 0, side=64))
    rows = np.arange(6)[:, None]
    assert align(small, small, rows).distance.max() < 1e-3
    assert align(np.ascontiguousarray(small[:, :, ::-1]), small, rows).distance.max() < 1e-3


def test_alignment_finds_crops_and_moves_and_chooses_the_source_among_candidates(draw):
    pictures = draw(8, 0, side=64)
    cropped = pictures[:, 6:62, 2:58]
    small, wanted = shrink(pictures), shrink(cropped)
    everyone = np.tile(np.arange(8), (8, 1))
    found = align(wanted, small, everyone)
    np.testing.assert_array_equal(found.index, np.arange(8))
    others = np.roll(np.arange(8), 1)[:, None]
    other = align(wanted, small, others)
    assert found.distance.max() < 0.3 * other.distance.min()
    assert found.unexplained.max() < 0.3
    assert other.unexplained.min() > 0.5


def test_candidates_are_the_nearest_rows_and_repeat_when_there_are_few(normal):
    x, y = normal(9, 4, 0), normal(20, 4, 1)
    table = np.linalg.norm(x[:, None].astype(np.float64) - y[None], axis=2)
    found = candidates(x, y, 3)
    np.testing.assert_array_equal(np.sort(found), np.sort(table.argsort(axis=1)[:, :3]))
    assert set(candidates(x[:1], y[:2], 5)[0]) == {0, 1}
    assert (candidates(y, y, 1, itself=True)[:, 0] != np.arange(20)).all()


def test_sets_seen_with_other_features_do_not_mix(sets, draw):
    training = sets[0]
    with pytest.raises(ValueError, match="same features"):
        nearness(see(draw(3, 0), RandomConv(width=4)), training)
