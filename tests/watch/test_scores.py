"""Scores within a share of the time, on a clock that only moves when told."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene
from lookalike.errors import CheckpointError
from lookalike.images import Pixels
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.kernel import kid
from lookalike.metrics.features.features import Features
from lookalike.parts.training.schedules import Tally
from lookalike.run import Run
from lookalike.watch import scores
from lookalike.watch.scores import SMALL, ScoreWatcher, reason, sides, taken

NOTHING = Tally({}, {}, {})
Make = Callable[..., Features]


class Ready:
    """A stand-in sampler that gives pictures made beforehand."""

    def __init__(self, made: Pixels) -> None:
        self.made = made

    def pictures(self, seed: int, first: int, count: int) -> Pixels:
        return np.resize(self.made, (count, *self.made.shape[1:]))


def play(watcher: ScoreWatcher, scene: Scene, clock: Any, steps: int, seconds: float) -> None:
    for _ in range(steps):
        clock.now += seconds
        scene.trainer.clock = scene.trainer.clock.plus(scene.trainer.recipe.batch)
        watcher.after(scene, NOTHING)


@pytest.mark.slow
@pytest.mark.parametrize("each", [1e-4, 1e-3, 1e-2, 5e-2])
def test_scores_cost_at_most_their_share_of_the_time(
    pack: Pack, trainer: Trainer, run: Run, clock: Any, costly: Make, each: float
) -> None:
    watcher = ScoreWatcher(pack, costly(each=each), share=0.05, clock=clock)
    scene = Scene(trainer, run)
    watcher.begin(scene)
    play(watcher, scene, clock, 100, 3.0)
    watcher.end(scene)
    piece = 32 * 2 * each  # the very first look is the one whose cost nobody knows
    assert watcher.pace.spent <= 0.05 * watcher.pace.elapsed + piece
    if each <= 1e-2:
        assert len(lines(run)) >= 3


def lines(run: Run) -> list[dict[str, Any]]:
    return [line for line in run.stats() if "score/kid" in line]


def test_nothing_is_measured_before_there_is_time_for_it(
    pack: Pack, trainer: Trainer, run: Run, clock: Any, costly: Make
) -> None:
    watcher, scene = ScoreWatcher(pack, costly(), clock=clock), Scene(trainer, run)
    watcher.begin(scene)
    watcher.after(scene, NOTHING)
    assert watcher.pace.spent == 0
    assert not lines(run)


@pytest.mark.slow
def test_the_number_is_the_kernel_distance_to_the_held_out_pictures(
    pack: Pack,
    trainer: Trainer,
    run: Run,
    clock: Any,
    costly: Make,
    blobs: Callable[..., Pixels],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = blobs(500, seed=5) // 2
    monkeypatch.setattr(trainer, "sampler", lambda: Ready(made))
    watcher, scene = ScoreWatcher(pack, costly(), clock=clock), Scene(trainer, run)
    watcher.begin(scene)
    play(watcher, scene, clock, 100, 3.0)
    held = json.loads((run.path / "scores.json").read_text())
    assert held["holdout_only"]
    assert held["real"] == len(pack.holdout)
    look = costly()
    wanted = kid(look(made[: held["samples"]]), look(pack.holdout.all_images()))
    line = lines(run)[-1]
    assert line["score/kid"] == pytest.approx(wanted, rel=1e-6)
    assert line["score/kid_low"] < line["score/kid"] < line["score/kid_high"]
    assert line["score/floor_low"] < 0 < line["score/floor_high"]
    assert line["score/coverage"] < line["score/coverage_floor"]
    assert all(key == "images" or key.startswith("score/") for key in line)


@pytest.mark.slow
def test_the_state_with_the_lowest_distance_is_kept(
    pack: Pack,
    trainer: Trainer,
    run: Run,
    clock: Any,
    costly: Make,
    blobs: Callable[..., Pixels],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = [blobs(500, seed=7) // 2]
    monkeypatch.setattr(trainer, "sampler", lambda: Ready(shown[-1]))
    watcher, scene = ScoreWatcher(pack, costly(), clock=clock), Scene(trainer, run)
    watcher.begin(scene)
    play(watcher, scene, clock, 30, 3.0)
    shown.append(blobs(500, seed=8))
    play(watcher, scene, clock, 30, 3.0)
    best_until = trainer.clock.images
    shown.append(blobs(500, seed=8) // 4)
    play(watcher, scene, clock, 30, 3.0)
    told = lines(run)
    lowest = min(told, key=lambda line: line["score/kid"])
    state = run.state("best")
    assert state["score"]["kid"] == lowest["score/kid"]
    assert 30 * 16 < state["score"]["images"] == lowest["images"] <= best_until
    assert state["clock"][0] == lowest["images"]
    assert "G" in state["averages"]


@pytest.mark.slow
def test_the_three_best_states_are_kept_in_their_order(
    pack: Pack, trainer: Trainer, run: Run, clock: Any, costly: Make, monkeypatch: Any,
    blobs: Callable[..., Pixels],
) -> None:  # fmt: skip
    watcher, scene = ScoreWatcher(pack, costly(), clock=clock, keep=3), Scene(trainer, run)
    good = blobs(500, seed=8)
    changing = (Ready(good // divisor) for divisor in (4, 2, 3, 1, 5, 4, 3, 2) for _ in range(40))
    monkeypatch.setattr(trainer, "sampler", lambda: next(changing))
    watcher.begin(scene)
    play(watcher, scene, clock, 120, 3.0)
    told = sorted(lines(run), key=lambda line: line["score/kid"])
    assert len(told) > 3
    kept = [run.state(name) for name in ("best", "best-2", "best-3")]
    assert [one["score"]["kid"] for one in kept] == [line["score/kid"] for line in told[:3]]
    assert [one["clock"][0] for one in kept] == [line["images"] for line in told[:3]]
    assert len(run.bests()) == 3
    held = json.loads((run.path / "scores.json").read_text())
    assert [one["images"] for one in held["bests"]] == [line["images"] for line in told[:3]]
    assert held["newest"]["images"] == lines(run)[-1]["images"]
    with pytest.raises(CheckpointError, match="auto, last, best, best-2, best-3"):
        run.state("best-4")

    fewer = ScoreWatcher(pack, costly(), clock=clock, keep=1)
    fewer.begin(scene)
    assert fewer.bests == watcher.bests[:1]
    assert [path.name for path in run.bests()] == ["best.safetensors"]


def test_pictures_come_from_the_last_state_unless_the_best_is_better_by_more_than_chance() -> None:
    def score(value: float, half: float) -> dict[str, float]:
        return {"kid": value, "kid_low": value - half, "kid_high": value + half}

    assert taken(score(1.0, 0.3), score(1.3, 0.4)) == "last"  # 0.3 apart, chance is 0.5
    assert taken(score(1.0, 0.3), score(1.6, 0.4)) == "best"
    assert taken(score(1.0, 0.3), score(1.0, 0.3)) == "last"
    assert taken({}, score(1.0, 0.3)) == "best"  # no best was kept: whatever there is


def test_the_same_z_at_two_moments_tell_more_than_two_intervals() -> None:
    best, last = ({"kid": kid, "kid_low": kid - 0.3, "kid_high": kid + 0.3} for kid in (0.7, 1.0))
    assert taken(best, last) == "last"
    assert taken(best, last, Interval(-0.3, -0.45, -0.15)) == "best"
    chosen_by_them = Interval(-0.3, -0.5, -0.1)  # the best of many: luck is part of it
    assert taken(best, last, chosen_by_them) == "last"
    assert taken(best, last, chosen_by_them, 1.0) == "best"


def test_the_sentence_of_the_choice_names_both_states_and_what_decided() -> None:
    best = {"kid": 0.67, "images": 3832.0}
    last = {"kid": 0.99, "images": 6112.0}
    for take, words in (("best", "farther than chance"), ("last", "no more than chance")):
        sentence = reason(take, best, last)
        assert {"3,832", "6,112", "0.67", "0.99"} <= set(re.findall(r"[\d.,]*\d", sentence))
        assert words in sentence
        assert f"the {take} state" in sentence
    assert "scored best" in reason("last", last, last)
    assert reason("best", {}, last) == ""


@pytest.mark.slow
def test_at_the_end_best_and_last_meet_again_on_new_samples(
    pack: Pack, trainer: Trainer, run: Run, clock: Any, costly: Make, monkeypatch: Any,
    blobs: Callable[..., Pixels],
) -> None:  # fmt: skip
    good = blobs(500, seed=8)
    shown = [Ready(good)]
    monkeypatch.setattr(trainer, "sampler", lambda: shown[-1])
    monkeypatch.setattr(scores, "sampler_of", lambda trainer, state: Ready(good))
    monkeypatch.setattr(scores, "CAREFUL", 1e9)
    watcher, scene = ScoreWatcher(pack, costly(), clock=clock), Scene(trainer, run)
    watcher.begin(scene)
    play(watcher, scene, clock, 100, 3.0)
    shown.append(Ready((good * 0.9).astype(np.uint8)))
    play(watcher, scene, clock, 100, 3.0)
    assert watcher.take == "last", "nothing is sure while it trains"
    watcher.end(scene)
    written = json.loads((run.path / "scores.json").read_text())
    assert watcher.take == written["take"] == "best"
    assert written["difference"]["high"] < 0
    assert written["why"] == reason("best", watcher.best, watcher.newest)
    assert run.takes_best


@pytest.mark.slow
def test_after_a_restart_the_best_is_still_the_one_on_the_disk(
    pack: Pack,
    trainer: Trainer,
    run: Run,
    clock: Any,
    costly: Make,
    blobs: Callable[..., Pixels],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, bad = blobs(500, seed=8), blobs(500, seed=8) // 4
    monkeypatch.setattr(trainer, "sampler", lambda: Ready(good))
    first, scene = ScoreWatcher(pack, costly(), clock=clock), Scene(trainer, run)
    first.begin(scene)
    play(first, scene, clock, 40, 3.0)
    before = (run.checkpoints / "best.safetensors").read_bytes()

    monkeypatch.setattr(trainer, "sampler", lambda: Ready(bad))
    again = ScoreWatcher(pack, costly(), clock=clock)
    again.load(json.loads(json.dumps(first.state())))
    again.begin(scene)
    assert again.best == first.best
    play(again, scene, clock, 40, 3.0)
    assert (run.checkpoints / "best.safetensors").read_bytes() == before

    other = ScoreWatcher(pack, costly(tag="another judge"), clock=clock)
    other.load(again.state())
    other.begin(scene)
    assert other.best == {}  # scores of two judges are two scales


@pytest.mark.slow
def test_real_pictures_are_looked_at_once_for_all_runs_of_a_pack(
    pack: Pack, trainer: Trainer, run: Run, clock: Any, costly: Make
) -> None:
    scene = Scene(trainer, run)
    spent = []
    for _ in range(2):
        watcher = ScoreWatcher(pack, costly(each=0.01), clock=clock)
        watcher.begin(scene)
        play(watcher, scene, clock, 60, 3.0)
        watcher.end(scene)
        spent.append(len(lines(run)))
    assert list((pack.path / ".features").glob("*.npz"))
    assert spent[1] - spent[0] > spent[0]  # the time for real pictures went to samples


def test_sides_never_share_a_picture_and_hold_the_hold_out_first(pack: Pack) -> None:
    both = sides(pack)
    assert len(pack.holdout) >= SMALL
    assert set(both.reference) == set(pack.holdout.pack_rows(range(len(pack.holdout))))
    assert not set(both.reference) & set(both.floor)
    assert sorted(both.both) == sorted([*both.reference, *both.floor])


def test_a_small_hold_out_gets_help_from_training_pictures(
    tmp_path: Any, blobs: Callable[..., Pixels]
) -> None:
    small = write_pack(tmp_path / "small", blobs(60), holdout=0.1)
    both = sides(small)
    assert len(both.reference) == 6 + 27
    assert len(both.floor) == 27
    assert not set(both.reference) & set(both.floor)


@pytest.mark.slow
def test_scoring_leaves_the_training_as_it_is(
    pack: Pack, trainer: Trainer, run: Run, clock: Any, costly: Make
) -> None:
    alone = copy.deepcopy(trainer)
    watcher, scene = ScoreWatcher(pack, costly(), clock=clock, gap=0.0), Scene(trainer, run)
    watcher.begin(scene)
    for _ in range(12):
        clock.now += 30
        watcher.after(scene, trainer.step())
        alone.step()
    assert lines(run)
    for watched, free in zip(
        trainer.networks.parameters(), alone.networks.parameters(), strict=True
    ):
        assert torch.equal(watched, free)
