"""The classifier of a pack's labels learns them, is kept beside the pack, and is made only once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.data.pack.classes import classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.metrics.utility import label_classifier as labeljudge
from lookalike.metrics.utility.label_classifier import label_classifier


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Bright pictures are days, dark ones nights; some have no class."""
    random = np.random.default_rng(0)
    with PackWriter(tmp_path_factory.mktemp("label") / "pack", size=8, channels=1) as writer:
        for i in range(90):
            light = [30, 170, 100][i % 3]
            picture = random.integers(light, light + 60, (8, 8, 1)).astype(np.uint8)
            writer.append(picture, {"source": str(i), "class": ["night", "day", ""][i % 3]})
        return writer.finish(holdout=np.arange(90) >= 60)


@pytest.mark.slow
def test_it_learns_the_labels_and_is_judged_on_the_hold_out(pack: Pack):
    found = label_classifier(pack, classes_of(pack), steps=60)
    assert len(found.truth) == len(found.predicted) == 20
    assert found.accuracy == 1.0


def test_it_is_trained_once_and_answers_the_same_from_the_disk(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
):
    first = label_classifier(pack, classes_of(pack), steps=60)
    monkeypatch.setattr(labeljudge, "fit", lambda *_: pytest.fail("trained again"))
    again = label_classifier(pack, classes_of(pack), steps=60)
    pictures = pack.train.all_images()
    np.testing.assert_array_equal(
        first.classifier.probabilities(pictures), again.classifier.probabilities(pictures)
    )


@pytest.mark.slow
def test_other_settings_and_damaged_files_train_anew(pack: Pack):
    label_classifier(pack, classes_of(pack), steps=60)
    label_classifier(pack, classes_of(pack), steps=2)
    files = list(Path(pack.path / ".features").glob("*-classifier-*"))
    assert len(files) == 2
    for file in files:
        file.write_bytes(b"nothing")
    assert label_classifier(pack, classes_of(pack), steps=60).accuracy == 1.0
