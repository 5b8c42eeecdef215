"""Trials: equal for every arm, kept as they end, tuned without the test pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.metrics.utility import trials
from lookalike.metrics.utility.classifier import Examples, known
from lookalike.metrics.utility.instruments import Small
from lookalike.metrics.utility.trials import (
    Protocol,
    TrialPictures,
    TrialStore,
    run_trials,
    training_set,
)
from lookalike.metrics.utility.verdict import Arm, arms

QUICK = Protocol(seeds=2, steps=3, batch=8, rates=(1e-3, 1e-2), instrument=Small(width=4))
REAL, ADDED = Arm(name="real"), Arm(name="synthetic 1:1", synthetic=1.0)


def stripes(count: int, seed: int) -> Examples:
    """Two classes under noise."""
    numbers = np.arange(count) % 2
    noise = np.random.default_rng(seed).integers(0, 200, (count, 8, 8, 1))
    noise[numbers == 1, ::2] += 55
    return known(noise.astype(np.uint8), numbers.astype(np.int64), 2)


@pytest.fixture
def made() -> TrialPictures:
    return TrialPictures(
        stripes(20, 0),
        {"plain": stripes(60, 1)},
        {"moved": stripes(60, 2), "mixed": stripes(60, 4)},
        stripes(12, 3).pictures,
    )


def test_an_arm_adds_what_its_name_says(made: TrialPictures) -> None:
    sizes = {arm.name: len(training_set(arm, made.real, made)) for arm in arms((0.5, 3.0))}
    assert sizes["classical"] == 20
    assert sizes["synthetic 0.5:1"] == 30
    assert sizes["synthetic 3:1 + classical"] == 80
    assert sizes["synthetic only"] == 60
    taught = Arm(name="distilled", taught=1.0)
    assert len(training_set(taught, made.real, made)) == 40
    mixes = Arm(name="mixes", taught=1.0, copies="mixed")
    added = training_set(mixes, made.real, made).pictures[20:]
    np.testing.assert_array_equal(added, made.copies["mixed"].pictures[:20])


def test_every_arm_answers_for_every_test_picture_and_seed(made: TrialPictures) -> None:
    found = run_trials((REAL, ADDED), made, QUICK, TrialStore(), workers=2)
    assert [one.said.shape for one in found.outcomes] == [(2, 12), (2, 12)]
    assert set(found.rates) == {"real", "synthetic 1:1"}
    assert set(found.rates.values()) <= {1e-3, 1e-2}


def test_what_was_done_is_not_done_again(
    made: TrialPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "deep" / "trials.jsonl"
    first = run_trials((REAL, ADDED), made, QUICK, TrialStore(file))
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:9])  # killed while writing
    calls = []
    real_fit = trials.fit
    monkeypatch.setattr(trials, "fit", lambda *a: calls.append(1) or real_fit(*a))
    again = run_trials((REAL, ADDED), made, QUICK, TrialStore(file))
    assert len(calls) == 1
    for one, other in zip(first.outcomes, again.outcomes, strict=True):
        np.testing.assert_array_equal(one.said, other.said)
    run_trials((REAL,), replace(made, name="other pictures"), QUICK, TrialStore(file))
    assert len(calls) == 1 + 2 + 2


def test_two_workers_answer_as_one_does(made: TrialPictures) -> None:
    one, two = (run_trials((REAL, ADDED), made, QUICK, TrialStore(), workers=n) for n in (1, 2))
    assert one.rates == two.rates
    for left, right in zip(one.outcomes, two.outcomes, strict=True):
        np.testing.assert_array_equal(left.said, right.said)


def test_a_quarter_of_every_class_is_left_out_for_tuning() -> None:
    numbers = np.array([0] * 40 + [1] * 8 + [2] * 2 + [3])
    left = trials._left_out(numbers, 0)
    assert [int(left[numbers == n].sum()) for n in range(4)] == [10, 2, 1, 0]


@pytest.mark.slow
def test_the_rate_that_learns_is_chosen() -> None:
    real = known(
        np.repeat(np.array([0, 255], np.uint8), 20)[:, None, None, None]
        * np.ones((1, 8, 8, 1), np.uint8),
        np.repeat([0, 1], 20),
        2,
    )
    made = TrialPictures(real, {}, None, real.pictures)
    how = Protocol(seeds=1, steps=30, batch=8, rates=(1e-7, 1e-2), instrument=Small(width=4))
    assert run_trials((REAL,), made, how, TrialStore()).rates == {"real": 1e-2}


@pytest.mark.parametrize("line", ["[1, 2]", "null", "[" * 100_000, '{"a": ', "\udcff"])
def test_a_damaged_line_of_kept_trials_costs_itself_alone(tmp_path: Path, line: str) -> None:
    file = tmp_path / "trials.jsonl"
    file.write_bytes(f'{{"a": 1}}\n{line}\n{{"b": 2}}\n'.encode("utf-8", "surrogateescape"))
    store = TrialStore(file)
    assert "a" in store
    assert "b" in store
