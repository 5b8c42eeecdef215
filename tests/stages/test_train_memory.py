"""--memory: kept in the run, the same when it repeats and goes on, refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike import api
from lookalike.api.results import Trained
from lookalike.api.training import _as_chosen
from lookalike.data.decode import worker_pool
from lookalike.data.decode.memory_limits import MEMORY, ORDINARY, workers_within
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.engine.memory import DryStep
from lookalike.errors import LookalikeError, TrainingError
from lookalike.recipe import Recipe
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.memory import byte_count, memory_words
from lookalike.settings.training import StartSettings, TrainSettings
from lookalike.sizes import shape_of
from lookalike.stages.choose import Choice
from lookalike.stages.train import _smaller, _wanted, source

HERE = Device(precision="fp32", threads=1)
MB = 1 << 20


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Sixty pictures of 8 px."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    rows = [{"source": str(index)} for index in range(60)]
    return write_pack(tmp_path / "pack", pixels, rows=rows, holdout=0.2)


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A training needs 100 MB and one more for each picture at a time and each 100 of width."""
    asked: list[int] = []

    def need(self: DryStep, recipe: Recipe, pictures: int = 0) -> int:
        size = pictures or recipe.batch // recipe.micro_batches
        asked.append(size)
        width = getattr(recipe.networks["G"], "width", 0)
        return (90 + 5 * width + size) * MB

    monkeypatch.setattr(DryStep, "need", need)
    return asked


def train(pack: Pack, into: Path, memory: str | None = None, **fields: object) -> Trained:
    words = {"width": "2", "batch": "16", "images": "64"}
    wanted = {"recipe": "tiny", "changes": words, "device": HERE, "memory": memory, **fields}
    return api.train(pack.path, into, **wanted)


# ---- amounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [("4G", 4 << 30), ("4GB", 4 << 30), ("4 gib", 4 << 30), ("1.5g", 3 << 29), ("500M", 500 << 20)],
)
def test_amounts_are_read_as_people_write_them(text: str, count: int) -> None:
    assert byte_count(text) == count


@pytest.mark.parametrize("text", ["4", "much", "-4G", "0G", "4K", "", "4G4G", "nan G", "1e9G"])
def test_what_is_no_amount_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(LookalikeError, match="Write it like 4G"):
        TrainSettings(memory=text)
    with pytest.raises(LookalikeError, match="Write it like 4G"):
        StartSettings(memory=text)


def test_amounts_are_said_in_words() -> None:
    assert [memory_words(n) for n in (500 << 20, 1 << 30, 3_650_722_201)] == [
        "500 MB",
        "1.0 GB",
        "3.4 GB",
    ]


# ---- a training ------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_limit_nothing_changes_but_a_word_where_the_machine_has_less(
    pack: Pack, tmp_path: Path, needs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = train(pack, tmp_path / "quiet")
    monkeypatch.setattr("lookalike.stages.train.free_memory", lambda device: 40 * MB)
    warned = train(pack, tmp_path / "warned", time=2)
    assert needs == []
    assert not any("are free here" in note for note in quiet.notes)
    assert any("40 MB are free here" in note for note in warned.notes)
    assert {Run(run.run).recipe().micro_batches for run in (quiet, warned)} == {1}
    assert "memory" not in Run(quiet.run).env()


@pytest.mark.slow
def test_it_is_divided_said_once_and_repeats_and_goes_on(
    pack: Pack, tmp_path: Path, needs: list[int]
) -> None:
    first = train(pack, tmp_path / "run", "110M")
    run = Run(tmp_path / "run")
    assert run.recipe().micro_batches == 2
    record = {"allowed": 110 * MB, "needed": 108 * MB, "micro_batches": 2}
    assert run.env()["memory"] == record
    assert sum("parts of 8 of their 16" in note for note in first.notes) == 1
    assert "--memory 110M" in first.continue_with

    again = train(pack, tmp_path / "again", recipe=str(run.path / "recipe.json"), changes={})
    parts = train(pack, tmp_path / "parts", changes={**run_words(), "micro_batches": "2"})
    newest = [Run(path.run).newest()[0] for path in (first, again, parts)]
    assert all(states_equal(newest[0], other) for other in newest[1:])

    longer = train(pack, run.path, "110M", changes={**run_words(), "images": "96"})
    assert (longer.images, longer.resumed_at) == (96, 64)
    plain = train(pack, run.path, changes={**run_words(), "images": "128"})
    assert (plain.images, plain.resumed_at) == (128, 96)
    assert run.recipe().micro_batches == 2
    assert run.env()["memory"] == record


def run_words() -> dict[str, str]:
    return {"width": "2", "batch": "16", "images": "64"}


def states_equal(one: object, other: object) -> bool:
    from pictures import differences

    watched = {"watchers"}
    first, second = (
        {name: value for name, value in tree.items() if name not in watched}  # type: ignore[attr-defined]
        for tree in (one, other)
    )
    return differences(first, second) == []


@pytest.mark.slow
def test_a_run_that_goes_on_is_measured_only_for_a_limit_and_never_divided(
    pack: Pack, tmp_path: Path, needs: list[int]
) -> None:
    train(pack, tmp_path / "run")
    needs.clear()
    train(pack, tmp_path / "run", changes={**run_words(), "images": "96"})
    assert needs == []
    with pytest.raises(TrainingError, match="begin a new run"):
        train(pack, tmp_path / "run", "110M", changes={**run_words(), "images": "128"})
    assert Run(tmp_path / "run").progress() == 96


def test_what_cannot_fit_is_refused_before_there_is_a_run(
    pack: Pack, tmp_path: Path, needs: list[int]
) -> None:
    with pytest.raises(TrainingError, match=r"needs 104 MB with 4.*--set width=1 \(99 MB\)"):
        train(pack, tmp_path / "run", "100M")
    assert not (tmp_path / "run").exists()


def test_several_processes_take_no_limit(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="kept by one process"):
        api.plan(pack.path, tmp_path / "run", recipe="tiny", memory="4G", device=HERE)


@pytest.mark.slow
def test_an_honest_dry_step_of_a_whole_training(pack: Pack, tmp_path: Path) -> None:
    done = train(pack, tmp_path / "run", "8G")
    needed = Run(tmp_path / "run").env()["memory"]["needed"]
    assert 50 * MB < needed < 4096 * MB
    assert any("of the 8.0 GB that --memory allows" in note for note in done.notes)


# ---- preparing -------------------------------------------------------------------------------


def test_fewer_workers_decode_where_less_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [workers_within(limit) for limit in (0, 500 * MB, 1 << 30, 4 << 30)] == [1, 1, 2, 21]
    assert workers_within(8 << 30) * ORDINARY + MEMORY < 8 << 30
    monkeypatch.setattr(worker_pool, "cores", lambda: 16)
    choice = Choice(64, 3, "swift", 10, 100, ())
    assert _as_chosen(choice).workers is None
    assert _as_chosen(choice, memory="1G").workers == 2
    assert _as_chosen(choice, memory="64G").workers == 16


@pytest.mark.slow
def test_half_of_a_rectangle_is_tried_as_a_rectangle(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 24, 16, 3), np.uint8)
    rows = [{"source": str(index)} for index in range(40)]
    pack = write_pack(tmp_path / "pack", pixels, rows=rows, holdout=0.2)
    settings = TrainSettings(recipe="tiny")
    whole = source(pack, _wanted(pack, settings)[0])
    how, smaller, pictures = list(_smaller(pack, settings, whole))[-1]
    assert how == "pictures of 8x12 px (prepare --size 8x12)"
    assert tuple(pictures.take(0, 2).images.shape[2:]) == shape_of(smaller.size) == (12, 8)
    with pytest.raises(TrainingError, match="8x12"):
        api.train(pack.path, tmp_path / "run", settings, memory="20M", device=HERE)
