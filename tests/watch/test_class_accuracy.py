from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike import place, recipe
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.engine.batches import SplitBatches, with_few_labels
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene
from lookalike.metrics.distances.intervals import share_interval
from lookalike.report import sections
from lookalike.report.facts import RunFacts
from lookalike.run import Run
from lookalike.watch.class_accuracy import ClassAccuracy, class_accuracy_of, comparison

SIZE = 28


@pytest.fixture
def classes(tmp_path: Path) -> Pack:
    """Dark and light pictures: two classes that two labels each tell apart."""
    draw = np.random.default_rng(0)
    with PackWriter(tmp_path / "pack", size=SIZE, channels=1) as writer:
        for index in range(40):
            level = 40 if index % 2 else 200
            pixels = draw.integers(level - 30, level + 30, (SIZE, SIZE, 1), np.uint8)
            writer.append(pixels, {"class": "dark" if index % 2 else "light"})
        return writer.finish(holdout=np.arange(40) >= 28)


def trainer_on(pack: Pack, name: str) -> Trainer:
    frame = {"size": SIZE, "channels": 1, "labels": 2, "classes": 2}
    settings = {"labelled": 2, "width": 4} if name == "ssgan" else {"width": 4}
    made = recipe.make(recipe.find(name), settings, frame)
    made = replace(made, images=48, batch=16)
    source = SplitBatches(pack.train, 0, labeled=True)
    few = made.objective.labeled
    return Trainer(
        made, with_few_labels(source, few) if few else source, place.choose("cpu", "fp32")
    )


def test_a_semi_supervised_run_ends_with_both_accuracies(classes: Pack, run: Run) -> None:
    trainer, said = trainer_on(classes, "ssgan"), []
    watcher, scene = ClassAccuracy(classes, said.append), Scene(trainer, run)
    watcher.end(scene)
    assert class_accuracy_of(run) == {}, "an interrupted run has no such end"
    while trainer.clock.images < 48:
        trainer.step()
    watcher.end(scene)
    told = class_accuracy_of(run)
    assert told["count"] == 12
    assert told["labelled"] == 2
    assert told["accuracy_low"] <= told["accuracy"] <= told["accuracy_high"]
    assert told["baseline_low"] <= told["baseline"] <= told["baseline_high"]
    assert "2 labels a class: test accuracy" in told["sentence"]
    watcher.end(scene)
    assert len(said) == 1, "the same command again does not train the baseline again"
    run.write_recipe(trainer.recipe)
    assert "12 held-out pictures" in sections.class_accuracy(RunFacts.of(run, classes))


def test_other_runs_have_no_such_end(classes: Pack, run: Run) -> None:
    trainer = trainer_on(classes, "acgan")
    trainer.clock = trainer.clock.plus(48)
    ClassAccuracy(classes).end(Scene(trainer, run))
    assert class_accuracy_of(run) == {}
    run.write_recipe(trainer.recipe)
    assert sections.class_accuracy(RunFacts.of(run, classes)) == ""


def test_the_sentence_has_both_accuracies_with_their_intervals() -> None:
    ours, alone = share_interval(0.75, 1000), share_interval(0.7, 1000)
    sentence = comparison(ours, alone, 1000, 20)["sentence"]
    assert sentence.startswith("With 20 labels a class: test accuracy 75.0 % (72.2 to 77.6)")
    assert "70.0 %" in sentence
