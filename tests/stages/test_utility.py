"""Utility, end to end on pictures that a classifier learns in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lookalike.data.pack import Pack
from lookalike.data.packing import PackWriter
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.parts.priors import Normal
from lookalike.stages.utility import UtilitySettings, labeled, maker, utility

SIZE = 8


def stripes(number: int, count: int, seed: int) -> Pixels:
    """Class 0 has dark rows, class 1 dark columns, under noise."""
    noise = np.random.default_rng(seed).integers(60, 256, (count, SIZE, SIZE, 1))
    dark = noise.copy()
    dark[:, ::2] -= 60
    across = noise.copy()
    across[:, :, ::2] -= 60
    return (across if number else dark).astype(np.uint8)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    with PackWriter(tmp_path_factory.mktemp("utility") / "pack", size=SIZE, channels=1) as writer:
        for i in range(140):
            row = {"source": f"{i}.png", "class": ["rows", "columns"][i % 2]}
            picture = stripes(i % 2, 1, i)[0]
            writer.append(picture, {**row, "attributes": {"mood": ["sad", "glad"][i // 2 % 2]}})
        return writer.finish(holdout=np.arange(140) >= 80, refused=[])


def test_every_arm_and_seed_is_tested_on_the_same_held_out_pictures(pack: Pack):
    asked = []

    def make(number: int, count: int, seed: int) -> Pixels:
        asked.append((number, count))
        return stripes(number, count, 900 + seed + number)

    found = utility(pack, make, UtilitySettings(seeds=2, steps=4, batch=8, ratios=(0.5, 1.0)))
    assert (found.training, found.test) == (80, 60)
    assert len(found.verdict.table) == 5 + 4 + 1
    assert all(0 <= row.accuracy <= 1 for row in found.verdict.table)
    assert sum(count for _, count in asked) == 80
    assert found.verdict.helps is None
    assert "2 seeds are too few" in found.verdict.sentence
    assert any("one generator" in text for text in found.warnings)


def test_classes_and_attributes_become_numbers_with_their_label_columns(pack: Pack):
    by_class, by_mood = labeled(pack), labeled(pack, "mood")
    assert sorted(by_class.names) == ["columns", "rows"]
    assert sorted(by_mood.names) == ["glad", "sad"]
    assert [pack.columns[i] for i in by_mood.columns] == [f"mood={one}" for one in by_mood.names]
    shown = pack.train.labels([0, 1, 2, 3])[:, list(by_mood.columns)].argmax(1)
    np.testing.assert_array_equal(by_mood.training[1][:4], shown)


def test_an_unknown_attribute_names_those_there_are(pack: Pack):
    with pytest.raises(DataError, match="attributes are mood"):
        labeled(pack, "hat")


def test_pictures_of_another_size_are_refused(pack: Pack):
    def make(number: int, count: int, seed: int) -> Pixels:
        return np.zeros((count, 4, 4, 1), np.uint8)

    with pytest.raises(DataError, match="one size"):
        utility(pack, make, UtilitySettings(seeds=1, steps=1))


def test_a_run_makes_a_class_from_the_labels_that_hold_it(tmp_path: Path):
    def generate(z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        assert labels is not None
        return (labels[:, 1] * 2 - 1).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)

    prior = Normal(4)
    sampler = Sampler(generate, prior, {}, torch.eye(2).repeat(5, 1))
    make = maker(sampler, (0, 1))
    assert make(0, 20, 0).max() == 0
    assert make(1, 20, 0).min() == 255
    with pytest.raises(DataError, match="without labels"):
        maker(Sampler(generate, prior, {}), (0, 1))
