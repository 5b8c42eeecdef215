"""Evaluate: two folders, a pack, and what it says of good, flat and broken samples."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lookalike import images
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.scratch_array import gathered, scratch_array
from lookalike.data.pack.writer import PackWriter
from lookalike.errors import LookalikeError, NoImagesError
from lookalike.images import Pixels
from lookalike.metrics.scores.scores import Scores
from lookalike.settings.evaluation import EvaluateSettings
from lookalike.stages.evaluate import evaluate

pytestmark = pytest.mark.slow

QUICK = EvaluateSettings(judge="pixels")
SIZE = 16


def quarters(count: int, seed: int) -> Pixels:
    corners = np.random.default_rng(seed).integers(0, 250, (count, 4, 4, 3))
    return corners.repeat(4, 1).repeat(4, 2).astype(np.uint8)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    held = np.arange(90) % 3 == 0
    with PackWriter(tmp_path_factory.mktemp("evaluate") / "pack", size=SIZE, channels=3) as writer:
        for i, picture in enumerate(quarters(90, 0)):
            writer.append(picture, {"source": f"{i}.png"})
        return writer.finish(holdout=held, refused=[])


def folder_of(pictures: Pixels, to: Path) -> Path:
    to.mkdir(parents=True)
    for i, picture in enumerate(pictures):
        images.write_png(to / f"{i:04d}.png", picture)
    return to


def test_samples_of_a_run_are_judged_against_its_pack(pack: Pack, tmp_path: Path):
    to = tmp_path / "pairs.png"
    settings = EvaluateSettings(judge="pixels", count=40, pairs=to)
    found = evaluate(lambda count: quarters(count, 1), pack.path, settings)
    assert (found.scores.samples, found.scores.training, found.scores.holdout) == (40, 60, 30)
    assert len(found.sentences) == 3
    assert images.read(to).shape[1] > 8 * 96
    assert Scores.from_json(found.scores.as_json()) == found.scores


def test_vectors_of_real_pictures_are_kept_beside_the_pack(pack: Pack):
    evaluate(lambda count: quarters(20, 1), pack.path, QUICK)
    before = {file: file.stat().st_mtime_ns for file in (pack.path / ".features").iterdir()}
    evaluate(lambda count: quarters(20, 2), pack.path, QUICK)
    after = {file: file.stat().st_mtime_ns for file in (pack.path / ".features").iterdir()}
    assert before == after != {}


def test_two_plain_folders_of_different_sizes_are_compared(tmp_path: Path):
    real = folder_of(quarters(100, 0), tmp_path / "real")
    large = quarters(40, 1).repeat(2, axis=1).repeat(2, axis=2)
    samples = folder_of(large, tmp_path / "samples" / "nested")
    found = evaluate(samples.parent, real, QUICK)
    assert (found.scores.training, found.scores.holdout) == (80, 20)
    assert any("resized to 16 px" in text for text in found.warnings)


def test_flat_samples_warn_of_another_range(pack: Pack):
    found = evaluate(lambda count: quarters(20, 1) // 16, pack.path, QUICK)
    assert any("another range" in text for text in found.warnings)


def test_a_judge_of_the_family_that_trained_warns(pack: Pack, monkeypatch: pytest.MonkeyPatch):
    from lookalike.metrics.features.features import Pixels as PixelFeatures

    monkeypatch.setattr(PixelFeatures, "families", ("imagenet",))
    settings = EvaluateSettings(judge="pixels", trained_with=("imagenet",))
    found = evaluate(lambda count: quarters(20, 1), pack.path, settings)
    assert any("flatter" in text for text in found.warnings)


def test_an_empty_folder_and_an_unknown_judge_say_what_to_do(pack: Pack, tmp_path: Path):
    with pytest.raises(NoImagesError, match="Name a run"):
        evaluate(tmp_path, pack.path, QUICK)
    with pytest.raises(LookalikeError, match="lite0"):
        evaluate(lambda count: quarters(20, 1), pack.path, EvaluateSettings(judge="fid"))


# ---- class by class -------------------------------------------------------------------------


def tinted(count: int, seed: int, kind: int) -> Pixels:
    """Class 0 is dark, class 1 is bright."""
    return (quarters(count, seed) // 3 + 150 * kind).astype(np.uint8)


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    with PackWriter(tmp_path_factory.mktemp("labeled") / "pack", size=SIZE, channels=3) as writer:
        for i in range(160):
            row = {"source": f"{i}.png", "class": ["night", "day"][i % 2]}
            row["attributes"] = {"mood": ["sad", "glad"][i % 2]}
            writer.append(tinted(1, i, i % 2)[0], row)
        return writer.finish(holdout=np.arange(160) % 8 < 2)


SMALL = EvaluateSettings(judge="pixels", steps=30)


def test_samples_with_labels_are_scored_by_class(labeled: Pack, tmp_path: Path):
    def draw(count: int) -> Pixels:
        return np.concatenate([tinted(30, 900, 0), tinted(20, 901, 1)])

    def labels_of(count: int) -> np.ndarray:
        made_for = np.zeros((50, len(labeled.columns)), np.float32)
        made_for[:, labeled.columns.index("class=night")] = 1
        return made_for

    settings = replace(SMALL, sheet=tmp_path / "sheet.png")
    found = evaluate(draw, labeled.path, settings, labels_of=labels_of)
    assert found.classes is not None
    rows = {row.name: row for row in found.classes.rows}
    assert (rows["night"].samples, rows["day"].samples) == (50, 0)
    assert found.classes.recognized is not None
    assert found.classes.recognized.value == pytest.approx(0.6, abs=0.1)
    assert found.classes.recognized.floor == pytest.approx(1, abs=0.1)
    assert "for the class they were made for" in found.sentences[3]
    assert "No sample is of: day." in found.sentences[3]
    assert images.read(tmp_path / "sheet.png").shape[1] > 600


def test_a_folder_with_a_sub_folder_for_each_class_says_its_classes(labeled: Pack, tmp_path: Path):
    for kind, name in enumerate(("night", "day")):
        folder_of(tinted(20, 700 + kind, kind), tmp_path / "out" / name)
    found = evaluate(tmp_path / "out", labeled.path, SMALL)
    assert found.classes is not None
    assert found.classes.recognized is not None
    assert found.classes.recognized.value >= 0.9


def test_samples_without_labels_are_sorted_by_the_classifier(labeled: Pack):
    found = evaluate(lambda count: tinted(40, 5, 1), labeled.path, SMALL)
    assert found.classes is not None
    assert found.classes.recognized is None
    assert {row.name: row.samples for row in found.classes.rows}["day"] >= 36


def test_attributes_stand_for_classes_and_classes_can_be_left_out(labeled: Pack):
    draw = lambda count: tinted(40, 5, 1)  # noqa: E731
    found = evaluate(draw, labeled.path, replace(SMALL, attribute="mood"))
    assert found.classes is not None
    assert [row.name for row in found.classes.rows] == ["glad", "sad"]
    assert evaluate(draw, labeled.path, replace(SMALL, classes=False)).classes is None


def test_pictures_in_files_are_judged_as_those_in_memory(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, real = folder_of(quarters(30, 5), tmp_path / "a"), tmp_path / "b"
    folder_of(quarters(120, 6), real)
    sheet = replace(QUICK, pairs=tmp_path / "pairs.png")
    against = (pack.path, real)
    inside = [evaluate(samples, one, sheet) for one in against]
    monkeypatch.setattr(
        "lookalike.data.decode.picture_arrays.scratch_array", partial(scratch_array, most=0)
    )
    monkeypatch.setattr("lookalike.stages.evaluate.gathered", partial(gathered, most=0))
    assert [evaluate(samples, one, sheet) for one in against] == inside
