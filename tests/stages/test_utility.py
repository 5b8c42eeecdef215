"""Utility, end to end on pictures that a classifier learns in seconds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.utility.instruments import Small
from lookalike.metrics.utility.synthesis import GeneratorHandle
from lookalike.metrics.utility.trials import Protocol
from lookalike.parts.latents.flow import Neighbors
from lookalike.settings.evaluation import UtilitySettings
from lookalike.stages.utility import (
    Experiment,
    Labeled,
    Opened,
    columns_of,
    labeled,
    utility,
    write_part,
)

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


PROTOCOL = Protocol(seeds=2, steps=2, batch=8, rates=(1e-3, 1e-2), instrument=Small(width=4))
QUICK = UtilitySettings(ratios=(0.5, 1.0), ways=("plain", "between", "across+soft@0.5"))


def experiment(**changes: Any) -> Experiment:
    """The quick settings with changes, under the quick protocol."""
    settings = replace(QUICK, **changes)
    return replace(Experiment.of(settings, SIZE), protocol=PROTOCOL)


def opened(data: Labeled, each: int | None = None, side: int = SIZE) -> Opened:
    """A generator that paints z: its encodings are the part's own pictures."""
    pictures = torch.from_numpy(data.training[0]).float().flatten(1) / 127.5 - 1
    labels = torch.zeros(len(pictures), 2)
    labels[torch.arange(len(pictures)), torch.from_numpy(data.training[1])] = 1
    prior = Neighbors(dims=pictures.shape[1])
    learned = prior.fit(pictures, torch.Generator().manual_seed(0), labels)

    def generate(z: torch.Tensor, told: torch.Tensor | None) -> torch.Tensor:
        return z.view(-1, 1, SIZE, SIZE)[:, :, :side, :side]

    return Opened(
        f"of {each}", GeneratorHandle(Sampler(generate, prior, dict(learned), labels), (0, 1))
    )


@pytest.mark.slow
def test_every_arm_and_seed_is_tested_on_the_same_held_out_pictures(pack: Pack, tmp_path: Path):
    found = utility(pack, opened, experiment(to=tmp_path, per_class=(5, 10)))
    assert (found.test, [one.training for one in found.answers]) == (60, [10, 20])
    for one in found.answers:
        assert len(one.verdict.table) == 7 + 4 + 2 + 1
        assert all(0 <= row.accuracy <= 1 for row in one.verdict.table)
        assert len(one.rates) == len(one.verdict.table)
        assert len(one.verdict.recalls) == 2
        assert one.verdict.helps is None
        assert "2 seeds are too few" in one.verdict.sentence
    assert any("one generator" in text for text in found.warnings)
    kept = json.loads((tmp_path / "utility.json").read_text())
    assert [one["per_class"] for one in kept["answers"]] == [5, 10]
    page = (tmp_path / "utility.html").read_text()
    assert page.count("<svg") == 2 * 2 + 1
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.slow
def test_the_same_call_again_trains_no_arm(pack: Pack, tmp_path: Path):
    how = experiment(to=tmp_path, ways=("plain",))
    first = utility(pack, opened, how)
    before = (tmp_path / "trials.jsonl").read_bytes()
    assert utility(pack, opened, how) == first
    assert (tmp_path / "trials.jsonl").read_bytes() == before


def test_parts_are_nested_equal_for_every_class_and_seeded(pack: Pack):
    data = labeled(pack)
    small, large, other = data.part(4, 0), data.part(9, 0), data.part(4, 1)
    assert set(small.rows) < set(large.rows)
    np.testing.assert_array_equal(np.bincount(large.training[1]), [9, 9])
    assert set(small.rows) != set(other.rows)
    np.testing.assert_array_equal(pack.train.images(small.rows), small.training[0])
    with pytest.raises(DataError, match="ask for fewer"):
        data.part(1000, 0)


def test_a_part_becomes_a_pack_with_nothing_of_the_hold_out(pack: Pack, tmp_path: Path):
    data = labeled(pack, "mood").part(6, 0)
    part = write_part(pack, data, tmp_path / "part")
    assert (len(part.train), len(part.holdout)) == (12, 0)
    held = {one.tobytes() for one in pack.holdout.all_images()}
    assert not held & {one.tobytes() for one in part.train.all_images()}
    columns = columns_of(part, data.names)
    shown = part.train.labels(np.arange(12))[:, list(columns)].argmax(1)
    np.testing.assert_array_equal(shown, data.training[1])


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
    with pytest.raises(DataError, match="one size"):
        utility(pack, lambda data, each: opened(data, each, side=4), experiment(ways=("plain",)))
