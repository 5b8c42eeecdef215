"""Scores class by class: a class that collapses, copies or is missing shows in its own row only."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.metrics.copies.search import see
from lookalike.metrics.features.features import RandomConv
from lookalike.metrics.scores.per_class import ClassifiedPictures, by_class, recognized
from lookalike.metrics.scores.scores import Measure
from lookalike.metrics.scores.verdicts import class_sentence

EYE = RandomConv(width=8)
NAMES = ("cat", "dog", "owl")


def side(parts: list[np.ndarray], told: list[int] | None = None) -> ClassifiedPictures:
    numbers = np.concatenate([np.full(len(part), i) for i, part in enumerate(parts)])
    guessed = None if told is None else np.array(told)[numbers]
    return ClassifiedPictures(see(np.concatenate(parts), EYE), numbers.astype(np.int64), guessed)


@pytest.fixture(scope="module")
def real(draw) -> tuple[ClassifiedPictures, ClassifiedPictures]:
    train = side([draw(60, 10 + i, (i,), edges=15) for i in range(3)])
    return train, side([draw(40, 20 + i, (i,), edges=15) for i in range(3)], [0, 1, 2])


@pytest.fixture(scope="module")
def rows(draw, real):
    """Cats are good but taken for dogs, dogs are replayed, owls are missing but for five."""
    replayed = draw(60, 11, (1,), edges=15)[:40, :, ::-1].copy()
    made = [draw(40, 30, (0,), edges=15), replayed, draw(5, 31, (2,), edges=15)]
    return by_class(side(made, [1, 1, 2]), *real, NAMES), side(made, [1, 1, 2])


@pytest.mark.slow
def test_each_class_is_counted_and_scored_on_its_own(rows):
    cat, dog, owl = rows[0]
    assert [one.name for one in rows[0]] == list(NAMES)
    assert [(one.samples, one.training, one.holdout) for one in rows[0]] == [
        (40, 60, 40),
        (40, 60, 40),
        (5, 60, 40),
    ]
    assert cat.kid is not None
    assert cat.coverage is not None
    assert cat.coverage.ratio == pytest.approx(1, abs=0.25)
    assert (owl.kid, owl.coverage, owl.near_duplicates) == (None, None, None)
    assert dog.kid is not None


@pytest.mark.slow
def test_copies_are_seen_in_the_class_that_copies(rows):
    cat, dog, _ = rows[0]
    assert dog.copies == pytest.approx(1, abs=0.1)
    assert cat.copies is not None
    assert cat.copies <= 0.15


def test_what_the_classifier_takes_samples_for(rows, real):
    found, samples = rows
    assert [one.recognized.value for one in found if one.recognized] == [0, 1, 1]
    whole = recognized(samples, real[1])
    assert whole is not None
    assert (whole.value, whole.floor) == (pytest.approx(45 / 85), 1)
    sentence = class_sentence(found, whole)
    assert "53%" in (sentence or "")
    assert "'cat' with 0%" in (sentence or "")


def test_samples_of_unknown_classes_are_not_said_to_be_recognized(draw, real):
    guessed = ClassifiedPictures(see(draw(20, 40), EYE), np.zeros(20, np.int64))
    rows = by_class(guessed, *real, NAMES)
    assert all(one.recognized is None for one in rows)
    assert recognized(guessed, real[1]) is None
    assert class_sentence(rows, None) == "No sample is of: dog, owl."


def test_a_sentence_names_missing_classes_beside_the_weakest(rows):
    found, _ = rows
    gone = (*found[:2], type(found[2])("owl", 0, 60, 40, None, None, None, None, None))
    told = class_sentence(gone, Measure(0.5, 1.0, 0.5))
    assert (told or "").endswith("No sample is of: owl.")
