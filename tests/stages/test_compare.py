"""Compare: one judge for all, ranked, failures named, and one picture with a strip of each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lookalike import images
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.errors import RunError
from lookalike.images import Pixels
from lookalike.metrics.features.features import Pixels as PixelFeatures
from lookalike.place import Place
from lookalike.run import Run
from lookalike.stages import compare as stage
from lookalike.stages.compare import Comparison, Contender, compare

pytestmark = pytest.mark.slow


def quarters(count: int, seed: int) -> Pixels:
    corners = np.random.default_rng(seed).integers(0, 250, (count, 4, 4, 3))
    return corners.repeat(4, 1).repeat(4, 2).astype(np.uint8)


GREY = np.full((64, 16, 16, 3), 128, np.uint8)
MADE = {"alike": quarters(64, 7), "grey": GREY}


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return write_pack(tmp_path / "pack", quarters(180, 0), holdout=0.3)


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch, pack: Pack) -> None:
    """Runs of the pack whose samples are those of MADE, and a checkpoint with ten weights."""

    def opened(run: Run, place: Place) -> Any:
        made = MADE[run.path.name]
        return SimpleNamespace(pictures=lambda seed, first, count: made[:count]), None, 0

    monkeypatch.setattr(stage, "open_sampler", opened)
    monkeypatch.setattr(stage, "SAMPLES", 64)
    monkeypatch.setattr(Run, "open", staticmethod(Run))
    trained_on = {"data": {"fingerprint": pack.fingerprint}}
    monkeypatch.setattr(Run, "env", lambda self: trained_on)
    held = {"networks": {"G": np.zeros(6), "D": np.zeros(4)}}
    held = {"networks": {n: SimpleNamespace(numel=lambda w=w: w.size)
                         for n, w in held["networks"].items()}}  # fmt: skip
    monkeypatch.setattr(Run, "newest", lambda self: (held, None))


def compared(pack: Pack, to: Path, **changed: Any) -> Comparison:
    contenders = [
        replace(Contender("grey", to / "grey", 10.0, 500, 90.0), **changed),
        Contender("broken", to / "broken", failed="It has no pictures of 16 px."),
        replace(Contender("alike", to / "alike", 20.0, 400, 80.0), **changed),
    ]
    return compare(pack, contenders, to, PixelFeatures(), place=Place())


def test_recipes_are_ranked_by_their_distance_and_failures_stand_last(
    pack: Pack, tmp_path: Path
) -> None:
    done = compared(pack, tmp_path / "c")
    assert [row.recipe for row in done.rows] == ["alike", "grey", "broken"]
    good, grey, broken = done.rows
    assert (good.kid or 0) < (grey.kid or 0)
    assert grey.near_duplicates == 1.0
    assert (good.images_per_second, good.megabytes, good.parameters) == (20.0, 80, 10)
    assert (broken.kid, broken.failed) == (None, "It has no pictures of 16 px.")


def test_the_table_the_numbers_and_the_strips_are_written(pack: Pack, tmp_path: Path) -> None:
    done = compared(pack, tmp_path / "c")
    told = done.table.read_text("utf-8")
    assert told == "\n".join(done.markdown) + "\n"
    assert "| 1 | alike |" in told
    assert "failed: It has no pictures of 16 px." in told
    held = json.loads((tmp_path / "c" / "compare.json").read_text("utf-8"))
    assert [row["recipe"] for row in held["rows"]] == ["alike", "grey", "broken"]
    sheet = images.read(done.strips)
    rows = np.split(sheet, 3)  # real pictures, then the two that trained
    assert sheet.shape[1] > stage.LABEL + 10 * 64
    assert len(np.unique(rows[2][8:56, stage.LABEL + 8 : stage.LABEL + 56])) == 1  # plain grey
    assert len(np.unique(rows[1][8:56, stage.LABEL + 8 : stage.LABEL + 56])) > 8


def test_a_ranking_of_collapsed_samples_is_doubted_in_words(pack: Pack, tmp_path: Path) -> None:
    done = compared(pack, tmp_path / "c")
    assert done.doubt.startswith("Most samples of grey look alike")
    assert done.doubt in done.table.read_text("utf-8")
    fine = replace(done, rows=(done.rows[0],))
    assert fine.doubt == ""
    assert "look alike" not in "\n".join(fine.markdown)


def test_a_run_that_was_complete_keeps_the_speed_of_its_training(
    pack: Pack, tmp_path: Path
) -> None:
    first = compared(pack, tmp_path / "c")
    again = compared(pack, tmp_path / "c", seconds=0.1, resumed_at=500, megabytes=40.0)
    facts = [(row.recipe, row.images_per_second, row.megabytes) for row in first.rows]
    assert [(row.recipe, row.images_per_second, row.megabytes) for row in again.rows] == facts
    part = compared(pack, tmp_path / "d", seconds=10.0, resumed_at=300)
    assert [row.images_per_second for row in part.rows[:2]] == [10.0, 20.0]


def test_a_run_of_another_pack_is_not_ranked(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "env", lambda self: {"data": {"fingerprint": "another"}})
    with pytest.raises(RunError, match="may have seen the held-out pictures"):
        compared(pack, tmp_path / "c")
