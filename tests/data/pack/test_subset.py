"""A pack without some of its pictures: labels and what is held out stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.subset import without_rows
from lookalike.data.pack.writer import PackWriter, write_pack
from lookalike.errors import DataError
from lookalike.settings.data import PrepareSettings
from lookalike.stages.prepare import prepare


@pytest.fixture
def whole(tmp_path: Path) -> Pack:
    pixels = np.arange(20, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 8, 8, 3), np.uint8)
    rows = [
        {"source": str(i), "class": "ab"[i % 2], "attributes": {"mood": "xy"[i % 3 == 0]}}
        for i in range(20)
    ]
    return write_pack(tmp_path / "whole", pixels, rows=rows, holdout=0.25)


def test_the_others_stay_with_labels_and_split(whole: Pack, tmp_path: Path) -> None:
    gone = whole.train.pack_rows([0, 1, 5])
    made = without_rows(whole, tmp_path / "fewer", gone)
    assert (len(made.train), len(made.holdout)) == (12, 5)
    assert (made.holdout.all_images() == whole.holdout.all_images()).all()
    kept = [at for at in range(15) if at not in (0, 1, 5)]
    assert (made.train.all_images() == whole.train.images(kept)).all()
    assert (made.train.labels(range(12)) == whole.train.labels(kept)).all()
    assert made.columns == whole.columns


def test_nothing_left_to_train_on_is_refused_and_leaves_nothing(
    whole: Pack, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="Nothing would be left"):
        without_rows(whole, tmp_path / "none", whole.train.pack_rows(np.arange(15)))
    assert not (tmp_path / "none").exists()


def test_changed_copies_go_with_their_picture_and_name_their_original(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 8, 8, 3), np.uint8)
    held = np.arange(12) == 5
    with PackWriter(tmp_path / "whole", size=8, channels=3) as writer:
        for number in range(6):
            writer.append(pixels[number], {"source": f"{number}.png", "class": "ab"[number % 2]})
        for number in range(6, 12):
            origin = {"source": f"{number - 6}.png", "class": "ab"[number % 2]}
            more = {"augment": "fliph", "of": number - 6}
            writer.append(pixels[number], {**origin, **more}, counts=False)
        info = {"augment": {"codes": ["fliph"], "copies": 6}, "copies": 0, "near": 0}
        whole = writer.finish(holdout=held, info=info)
    made = without_rows(whole, tmp_path / "fewer", np.array([0, 2]))
    rows = list(made.manifest())
    assert [row["source"] for row in rows] == [f"{n}.png" for n in (1, 3, 4, 5, 1, 3, 4, 5)]
    assert [row.get("of") for row in rows] == [None] * 4 + [0, 1, 2, 3]
    assert made.info["class_counts"] == {"a": 1, "b": 3}, "copies are not counted"
    assert made.info["augment"] == {"codes": ["fliph"], "copies": 4}
    assert made.holdout.rows([0])[0]["source"] == "5.png"


def test_a_pack_without_some_pictures_can_be_made_smaller(whole: Pack, tmp_path: Path) -> None:
    made = without_rows(whole, tmp_path / "fewer", whole.train.pack_rows([0]))
    smaller = prepare(made.path, tmp_path / "smaller", PrepareSettings(size=4, workers=0))
    assert smaller.count == 19
