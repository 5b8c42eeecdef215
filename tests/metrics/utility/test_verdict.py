from __future__ import annotations

import numpy as np
import pytest

from lookalike.metrics.utility.verdict import Arm, ArmOutcome, arms, decide, paired, recall

TRUTH = np.tile(np.arange(4), 100)
REAL, CLASSICAL = Arm(name="real"), Arm(name="classical", classical=True)
ADDED = Arm(name="synthetic 1:1", synthetic=1.0)


def answers(arm: Arm, accuracy: float, seeds: int = 8, seed: int = 0) -> ArmOutcome:
    """Classifiers that are right with this probability, and otherwise one class too high."""
    random = np.random.default_rng(seed)
    wrong = random.random((seeds, len(TRUTH))) >= accuracy
    return ArmOutcome(arm, (TRUTH[None] + wrong) % 4)


def test_a_clear_gain_over_the_best_arm_without_is_recommended():
    outcomes = [answers(REAL, 0.6), answers(CLASSICAL, 0.7, seed=1), answers(ADDED, 0.8, seed=2)]
    found = decide(outcomes, TRUTH, 4)
    assert found.helps is True
    assert found.best_without == "classical"
    assert 0 < found.gain.low < 0.1 < found.gain.high < 0.2
    assert found.gain.value == pytest.approx(0.1, abs=0.04)
    assert found.sentence.startswith("Adding synthetic pictures (synthetic 1:1) raises accuracy")


def test_an_interval_that_touches_zero_is_refused():
    outcomes = [answers(CLASSICAL, 0.7, seed=1), answers(ADDED, 0.705, seed=2)]
    found = decide(outcomes, TRUTH, 4)
    assert found.helps is None
    assert found.gain.low <= 0 <= found.gain.high
    assert "No recommendation" in found.sentence
    assert "touches 0" in found.sentence


def test_harm_is_said_plainly():
    found = decide([answers(REAL, 0.8), answers(ADDED, 0.7, seed=2)], TRUTH, 4)
    assert found.helps is False
    assert found.sentence.startswith("Do not add synthetic pictures")


def test_too_few_seeds_never_recommend_even_a_large_gain():
    outcomes = [answers(REAL, 0.5, seeds=3), answers(ADDED, 0.9, seeds=3, seed=2)]
    found = decide(outcomes, TRUTH, 4)
    assert found.helps is None
    assert "3 seeds are too few" in found.sentence


def test_many_equal_arms_do_not_make_a_winner():
    """Of twelve arms of one accuracy, the best must not look better by having been chosen."""
    recommended = 0
    for trial in range(12):
        added = [Arm(name=f"synthetic {i}", synthetic=1.0) for i in range(12)]
        outcomes = [answers(REAL, 0.7, seed=1000 * trial)]
        outcomes += [answers(arm, 0.7, seed=1000 * trial + i + 1) for i, arm in enumerate(added)]
        recommended += decide(outcomes, TRUTH, 4, seed=trial, resamples=200).helps is True
    assert recommended <= 2


def test_synthetic_only_is_in_the_table_but_never_the_winner():
    only = Arm(name="synthetic only", synthetic=3.0, only=True)
    outcomes = [answers(REAL, 0.6), answers(ADDED, 0.6, seed=1), answers(only, 0.99, seed=2)]
    found = decide(outcomes, TRUTH, 4)
    assert found.best_with == "synthetic 1:1"
    assert [row.arm for row in found.table] == ["real", "synthetic 1:1", "synthetic only"]


def test_pairing_sees_a_difference_that_the_noise_of_seeds_hides():
    """Seeds differ by 20 points, but in each of them one arm is right on 5 more of 100 pictures."""
    one = np.zeros((6, 100), bool)
    for seed, right in enumerate((50, 54, 58, 62, 66, 70)):
        one[seed, : right + 5] = True
    other = np.zeros_like(one)
    for seed, right in enumerate((50, 54, 58, 62, 66, 70)):
        other[seed, :right] = True
    found = paired(one, other)
    assert found.value == pytest.approx(0.05)
    assert found.low > 0


def test_recall_counts_each_class_apart():
    said = np.array([[0, 0, 1, 1], [0, 1, 1, 1]])
    np.testing.assert_allclose(recall(said, np.array([0, 0, 1, 2]), 4), [0.75, 1, 0, np.nan])


def test_the_protocol_has_every_kind_of_arm_with_equal_training():
    chosen = arms()
    names = [arm.name for arm in chosen]
    assert len(set(names)) == len(names) == 14
    assert sum(arm.synthetic == 0 for arm in chosen) == 5
    assert {arm.synthetic for arm in chosen if arm.synthetic and not arm.only} == {0.5, 1, 2, 3}
    assert sum(arm.only for arm in chosen) == 1


def test_a_comparison_needs_both_kinds():
    with pytest.raises(ValueError, match="with and arms without"):
        decide([answers(REAL, 0.5)], TRUTH, 4)


def test_a_soft_way_brings_distillation_without_synthetic_pictures_as_its_rival():
    chosen = arms((1.0, 3.0), ("plain", "across+soft"))
    rivals = [arm.name for arm in chosen if arm.synthetic == 0]
    assert "distilled + classical" in rivals
    assert "distilled mixes + classical" in rivals
    inside = [arm.name for arm in arms((1.0,), ("plain", "between+soft"))]
    assert "distilled + classical" in inside
    assert "distilled mixes + classical" not in inside
    assert "distilled + classical" not in [arm.name for arm in arms((1.0,), ("plain", "between"))]
    assert [arm.way for arm in chosen if arm.name == "across+soft 3:1 + classical"] == [
        "across+soft"
    ]


def test_half_of_what_a_way_adds_can_be_mixes_of_real_pictures():
    chosen = arms((4.0,), ("across+soft&",))
    arm = next(arm for arm in chosen if arm.name == "across+soft& 4:1 + classical")
    assert (arm.way, arm.synthetic, arm.taught, arm.copies) == ("across+soft", 2, 2, "mixed")
    assert "distilled mixes + classical" in [one.name for one in chosen if not one.synthetic]
    assert [one.way for one in chosen if one.only] == ["across+soft"]


def test_classifiers_of_one_seed_are_one_draw_of_the_bootstrap() -> None:
    random = np.random.default_rng(0)
    base, best = Arm(name="real"), Arm(name="added", synthetic=1.0)
    said = {arm: (TRUTH[None] + (random.random((6, len(TRUTH))) < 0.2)) % 4 for arm in (base, best)}
    once = [ArmOutcome(arm, rows) for arm, rows in said.items()]
    thrice = [ArmOutcome(arm, rows.repeat(3, axis=0), 3) for arm, rows in said.items()]
    assert thrice[0].seeds == 6
    assert decide(thrice, TRUTH, 4).gain == decide(once, TRUTH, 4).gain
    few = [ArmOutcome(arm, rows, 3) for arm, rows in said.items()]
    assert few[0].correct(TRUTH).shape == (2, len(TRUTH))
    assert np.allclose(few[0].correct(TRUTH)[0], (said[base][:3] == TRUTH).mean(0))
    assert "2 seeds are too few" in decide(few, TRUTH, 4).sentence
