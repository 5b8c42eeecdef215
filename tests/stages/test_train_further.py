"""A finished run is trained further: its budget grows, and everything else stays as it was."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lookalike import api
from lookalike.api.results import Trained
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.engine.trainer import Trainer
from lookalike.errors import RunError
from lookalike.parts.training.schedules import Tally
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.training import TrainSettings

HERE = Device(precision="fp32", threads=1)


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Sixty pictures of 8 px."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    rows = [{"source": str(index)} for index in range(60)]
    return write_pack(tmp_path / "pack", pixels, rows=rows, holdout=0.2)


def train(
    pack: Pack, into: Path, images: int, more: float | None = None, stop_at: int = 0
) -> Trained:
    """Train with a budget in images; ``stop_at`` asks for an end as Ctrl-C does."""
    play = Trainer.step

    def step(self: Trainer) -> Tally:
        tally = play(self)
        if self.clock.images == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        return tally

    words = {"width": "2", "batch": "16", "images": str(images)}
    wanted = TrainSettings(recipe="tiny", changes=words, device=HERE, more=more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        return api.train(pack.path, into, wanted)


def a_known_speed(patch: pytest.MonkeyPatch) -> None:
    """400 images a second on one thread, whatever machine this is."""
    rates = lambda trainer, seconds, shares, clock: [(400.0, 0.0025)] * len(shares)  # noqa: E731
    patch.setattr("lookalike.engine.budget.settle", lambda *_: 1)
    patch.setattr("lookalike.engine.budget._rates", rates)


def state(run: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((run / "checkpoints").glob("0*.safetensors"))[-1])


@pytest.mark.slow
def test_more_images_than_a_run_has_train_it_further(pack: Pack, tmp_path: Path) -> None:
    first = train(pack, tmp_path / "run", 64)
    assert first.finished
    assert first.budget == 64
    second = train(pack, tmp_path / "run", 128)
    assert (second.images, second.budget, second.resumed_at) == (128, 128, 64)
    assert any("grows from 64 to 128" in note for note in second.notes)
    run = Run.open(tmp_path / "run")
    assert run.recipe_values()["images"] == 128
    assert run.env()["budgets"] == [64, 128]
    assert "grows from 64 to 128" in (run.path / "log.txt").read_text()
    again = train(pack, tmp_path / "run", 128)
    assert (again.images, again.resumed_at, again.notes) == (128, 128, ())
    assert run.env()["budgets"] == [64, 128]


@pytest.mark.slow
def test_the_longer_run_is_the_same_bit_for_bit_when_it_is_interrupted(
    pack: Pack, tmp_path: Path
) -> None:
    for name in "ab":
        train(pack, tmp_path / name, 64)
    assert train(pack, tmp_path / "a", 160).finished
    stopped = train(pack, tmp_path / "b", 160, stop_at=96)
    assert not stopped.finished
    assert stopped.images == 96
    assert train(pack, tmp_path / "b", 160).finished
    one, other = state(tmp_path / "a"), state(tmp_path / "b")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert Run.open(tmp_path / "b").env()["budgets"] == [64, 160]


@pytest.mark.slow
def test_a_budget_does_not_shrink(pack: Pack, tmp_path: Path) -> None:
    train(pack, tmp_path / "run", 64)
    with pytest.raises(RunError, match="images: 64 there, 32 now"):
        train(pack, tmp_path / "run", 32)


@pytest.mark.slow
def test_more_time_is_added_to_what_a_finished_run_had(pack: Pack, tmp_path: Path) -> None:
    train(pack, tmp_path / "run", 64)
    longer = train(pack, tmp_path / "run", 64, more=0.5)
    assert longer.finished
    assert longer.resumed_at == 64
    assert longer.images == longer.budget >= 80
    run = Run.open(tmp_path / "run")
    assert run.env()["budgets"] == [64, longer.budget]
    once_more = train(pack, tmp_path / "run", 64, more=0.5)
    assert run.env()["budgets"] == [64, longer.budget, once_more.budget]


@pytest.mark.slow
def test_more_time_for_an_unfinished_run_finishes_it_first(pack: Pack, tmp_path: Path) -> None:
    train(pack, tmp_path / "run", 128, stop_at=32)
    finished = train(pack, tmp_path / "run", 128, more=60)
    assert finished.finished
    assert finished.images == 128
    assert any("not finished (32 of 128 images)" in note for note in finished.notes)


def test_more_time_needs_a_run(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run in .* to train further.*--for instead of --more"):
        train(pack, tmp_path / "run", 64, more=60)
    assert not (tmp_path / "run" / "recipe.json").exists()


@pytest.mark.slow
def test_a_dry_run_tells_the_time_that_is_left(pack: Pack, tmp_path: Path) -> None:
    train(pack, tmp_path / "run", 64)
    words = {"width": "2", "batch": "16"}
    wanted = TrainSettings(recipe="tiny", changes=words, device=HERE, more=600)
    with pytest.MonkeyPatch.context() as patch:
        a_known_speed(patch)
        planned = api.plan(pack.path, tmp_path / "run", wanted)
    assert planned.continues
    assert planned.images > 64
    assert planned.seconds == pytest.approx(600, rel=0.05)
    assert Run.open(tmp_path / "run").recipe_values()["images"] == 64


@pytest.mark.slow
def test_report_and_show_tell_of_both_budgets(pack: Pack, tmp_path: Path) -> None:
    train(pack, tmp_path / "run", 64)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "--more 30m" in page
    assert "Trained in parts" not in page
    told = train(pack, tmp_path / "run", 128)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Trained in parts: to 64, then to 128 images" in page
    assert api.show(tmp_path / "run")["budgets"] == [64, 128]
    assert told.longer_with.endswith(" --more 10m")
    assert shlex.split(told.longer_with)[1] == "train"


@pytest.mark.slow
def test_the_command_that_continues_asks_for_labels_as_it_was_asked(
    pack: Pack, tmp_path: Path
) -> None:
    words = {"width": "2", "batch": "16", "images": "32"}
    wanted = TrainSettings(recipe="tiny", changes=words, device=HERE, labels=False)
    assert "--no-labels" in api.train(pack.path, tmp_path / "run", wanted).continue_with


@pytest.mark.slow
def test_a_saved_recipe_brings_its_plan_and_gives_the_same_bits(pack: Pack, tmp_path: Path) -> None:
    words = TrainSettings(recipe="tiny", time=2.0, changes={"width": 2, "batch": 16}, device=HERE)
    first = api.train(pack.path, tmp_path / "a", words)
    assert first.images == first.budget == Run(tmp_path / "a").recipe().images
    saved = TrainSettings(recipe=str(tmp_path / "a" / "recipe.json"), device=HERE)
    again = api.train(pack.path, tmp_path / "b", saved)
    assert any("plan of" in note for note in again.notes)
    one, other = state(tmp_path / "a"), state(tmp_path / "b")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_a_time_that_was_interrupted_goes_on_with_what_is_left_of_it(
    pack: Pack, tmp_path: Path
) -> None:
    play = Trainer.step

    def step(self: Trainer) -> Tally:
        tally = play(self)
        if self.clock.step == 3 and self.recipe.fits == ():
            os.kill(os.getpid(), signal.SIGINT)
        return tally

    words = TrainSettings(recipe="tiny", time=6.0, changes={"width": 2, "batch": 16}, device=HERE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lookalike.engine.session.Trainer.step", step)
        a_known_speed(patch)
        stopped = api.train(pack.path, tmp_path / "a", words)
    assert not stopped.finished
    kept = Run(tmp_path / "a").plan()
    assert kept["seconds"] == 6.0
    assert 0 < kept["spent"] < 6.0
    ended = api.train(pack.path, tmp_path / "a", words)
    assert ended.finished
    assert Run(tmp_path / "a").plan()["spent"] > kept["spent"]


def test_a_run_of_ranks_that_knew_their_own_rows_alone_says_once_that_they_know_all(
    pack: Pack, tmp_path: Path
) -> None:
    train(pack, tmp_path / "run", 64)
    run = Run.open(tmp_path / "run")
    log = run.path / "log.txt"
    assert not log.exists() or "statistics" not in log.read_text()
    place = run.env()["place"]
    del place["shared_batches"]
    run.write_env({**run.env(), "place": {**place, "processes": 2}})  # as an earlier version did
    train(pack, tmp_path / "run", 80)
    train(pack, tmp_path / "run", 96)
    assert log.read_text().count("each computed batch statistics over its own rows") == 1
