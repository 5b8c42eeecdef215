"""A pack without some of its pictures: labels and what is held out stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.subset import without_rows
from lookalike.data.pack.writer import write_pack
from lookalike.errors import DataError


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
