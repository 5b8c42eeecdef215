"""One sentence and a light, made of what is seen."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene
from lookalike.metrics.scores.health_verdict import (
    Evidence,
    ScoreLook,
    nearness,
    shown,
    verdict,
)
from lookalike.metrics.scores.sample_stats import SampleStats
from lookalike.parts.training.schedules import Tally
from lookalike.recipe import find, make
from lookalike.run import Run
from lookalike.watch.health import Health, falls, thinned

GOOD = SampleStats(variety=0.95, twins=0.0, distance=1.1, roughness=1.0)
WON = {"D(real)": 0.99, "D(fake)": 0.01, "G": 5.0}
EVEN = {"D(real)": 0.6, "D(fake)": 0.4, "G": 1.0}
NEAR = ScoreLook(50_000, kid=0.5, chance=0.16, coverage=0.4, reachable=0.6)
SEEN = Evidence(done=0.4, warm=True, looks=[GOOD], facts=[EVEN] * 4, scores=[NEAR])


def scored(*kids: float) -> list[ScoreLook]:
    """Scores of these distances, oldest first, every 1,000 images."""
    return [replace(NEAR, images=1000 * i, kid=kid) for i, kid in enumerate(kids)]


def kind(**changes: Any) -> tuple[str, str]:
    found = verdict(replace(SEEN, **changes))
    assert found.sentence
    return found.light, found.kind


def test_varied_samples_among_the_real_ones_are_healthy() -> None:
    assert kind() == ("green", "fine")


def test_the_first_noise_of_a_run_is_no_alarm() -> None:
    noise = SampleStats(variety=0.01, twins=1.0, distance=9.0, roughness=5.0)
    assert kind(looks=[noise], warm=False) == ("grey", "begun")


def test_green_needs_a_distance_and_a_coverage_that_were_measured() -> None:
    assert kind(scores=[]) == ("grey", "unmeasured")
    assert kind(scores=[], done=1.0) == ("grey", "unmeasured")
    for bad in (replace(NEAR, kid=9 * 0.16), replace(NEAR, coverage=0.29)):
        assert kind(scores=[bad]) == ("grey", "learning")
        assert kind(scores=[bad], done=1.0) == ("amber", "far")
    for lost in (replace(NEAR, kid=25 * 0.16), replace(NEAR, coverage=0.0)):
        assert kind(scores=[lost]) == ("grey", "learning")
        assert kind(scores=[lost], done=1.0) == ("red", "far")
    assert kind(scores=scored(*[4.0] * 9), done=0.4) == ("amber", "far")
    assert kind(scores=scored(*[4.0] * 9), done=0.6) == ("red", "far")
    assert kind(scores=scored(9, 9, 9, 8, 8, 7, 6, 5, 4), done=0.6) == ("grey", "learning")


def test_nothing_is_red_in_the_first_fifth_of_a_run() -> None:
    collapsed = replace(GOOD, variety=0.1)
    assert kind(looks=[collapsed], done=0.15) == ("amber", "collapse")
    assert kind(looks=[collapsed], done=0.25) == ("red", "collapse")


@pytest.mark.parametrize(
    ("looks", "light"),
    [
        (replace(GOOD, variety=0.4), "amber"),
        (replace(GOOD, variety=0.1), "red"),
        (replace(GOOD, twins=0.5), "amber"),
        (replace(GOOD, twins=0.9), "red"),
    ],
)
def test_samples_alike_are_called_a_collapse(looks: SampleStats, light: str) -> None:
    assert kind(looks=[looks]) == (light, "collapse")


def test_a_discriminator_that_is_always_right_for_three_looks_has_won() -> None:
    assert kind(facts=[WON] * 2) == ("green", "fine")
    assert kind(facts=[WON] * 3) == ("amber", "d-won")
    assert kind(facts=[WON, EVEN, WON, WON]) == ("green", "fine")
    assert kind(facts=[WON] * 3, looks=[replace(GOOD, distance=2.2)]) == ("red", "d-won")


def test_a_discriminator_whose_generator_still_gains_has_not_won() -> None:
    falling = [{**WON, "G": loss} for loss in (5.0, 4.5, 4.0)]
    assert kind(facts=falling) == ("green", "fine")


def test_a_discriminator_whose_hinge_is_beyond_its_margin_has_won() -> None:
    assert kind(facts=[{"D(settled)": 1.0}] * 3) == ("amber", "d-won")
    assert kind(facts=[{"D(settled)": 0.5}] * 3) == ("green", "fine")
    lost = replace(NEAR, coverage=0.0)
    assert kind(facts=[{"D(settled)": 1.0}] * 3, scores=[lost]) == ("red", "d-won")


def test_noise_late_in_the_run_is_worse_than_early() -> None:
    far = replace(GOOD, distance=3.0)
    assert kind(looks=[far]) == ("amber", "noise")
    assert kind(looks=[far], done=0.9) == ("red", "noise")
    assert kind(looks=[replace(GOOD, roughness=4.0)]) == ("amber", "noise")


def test_a_best_state_that_pictures_come_from_is_named_and_one_that_they_do_not_is_not() -> None:
    scores = scored(2.0, 0.6, 0.9)
    assert kind(scores=scores, take="best") == ("amber", "worse")
    sentence = verdict(replace(SEEN, scores=scores, take="best")).sentence
    assert "0.60 at 1,000 images" in sentence
    assert "0.90 now" in sentence
    assert "'generate'" in sentence
    assert kind(scores=scores, take="last") == ("green", "fine")


def test_scores_without_gain_for_a_third_of_the_run_are_a_plateau() -> None:
    falling = scored(*[3 / (i + 1) for i in range(12)])
    level = [*falling[:6], *(replace(NEAR, images=1000 * i) for i in range(6, 12))]
    assert kind(scores=falling) == ("green", "fine")
    assert kind(scores=level) == ("green", "plateau")
    assert "Ctrl-C" in verdict(replace(SEEN, scores=level)).sentence
    assert "Ctrl-C" not in verdict(replace(SEEN, scores=level, done=1.0)).sentence


def test_a_plateau_says_nothing_while_learning_rates_still_have_to_fall() -> None:
    level = scored(*[max(0.5, 3 / (i + 1)) for i in range(12)])
    seen = replace(SEEN, scores=level, falling=True)
    assert verdict(seen).kind == "fine"
    ended = verdict(replace(seen, done=1.0))
    assert ended.kind == "plateau"
    assert "--more" in ended.sentence
    assert "gain little" not in ended.sentence


def test_how_near_is_said_beside_an_hour_ago_or_the_middle_of_a_shorter_training() -> None:
    def near(*kids: float, apart: float = 60.0, high: float = 0.0) -> str:
        scores = [replace(score, high=score.kid + high) for score in scored(*kids)]
        return nearness([(apart * i, score) for i, score in enumerate(scores)])

    assert near() == near(1.0) == near(2.0, 1.0, apart=1.0) == ""
    assert near(3, 2, 1.5, 1.2, 0.8) == "nearer than 2 min ago"
    assert near(3, 2, 0.8, 1.2, 0.8) == "as near as 2 min ago"
    assert near(3, 2, 0.8, 0.8, 1.2) == "farther than 2 min ago"
    assert near(3, 2, 1.5, 1.2, 0.8, apart=3600) == "nearer than an hour ago"
    assert near(2, 1, apart=2 * 86400) == "nearer than 48 h ago"


def test_only_what_is_beyond_the_intervals_is_called_a_change() -> None:
    def near(before: float, now: float, high: float) -> str:
        scores = [replace(score, high=score.kid + high) for score in scored(before, now)]
        return nearness([(60.0 * i, score) for i, score in enumerate(scores)])

    assert near(1.5, 1.0, 0.4) == "nearer than 60 s ago"
    assert near(1.5, 1.0, 0.6) == near(1.0, 1.5, 0.6) == "as near as 60 s ago"
    assert near(1.0, 0.98, 0.0) == "as near as 60 s ago"


def test_what_evaluate_found_is_said_where_it_is_worse_than_what_training_saw() -> None:
    health = {"light": "green", "kind": "fine", "sentence": "Healthy."}
    poor = {"coverage": {"value": 0.1, "floor": 0.8}}
    copies = {"copies": {"level": "block"}}
    assert shown({}, {}) is None
    for evaluation, light in (({}, "green"), (poor, "amber"), (copies, "red")):
        finding = shown(health, evaluation)
        assert finding is not None
        assert finding.light == light
    red = shown({**health, "light": "red"}, poor)
    assert red is not None
    assert (red.light, red.sentence) == ("red", "Healthy.")
    further = shown({**health, "images": 2000}, {**copies, "trained": 1000})
    assert further is not None
    assert further.light == "green", "it was trained further since"


def test_an_evaluation_that_found_nothing_wrong_says_what_training_did_not_measure() -> None:
    health = {"light": "grey", "kind": "unmeasured", "sentence": "Not measured.", "images": 1000}
    well = {name: {"value": 0.6, "floor": 0.8} for name in ("precision", "coverage")}
    finding = shown(health, {**well, "trained": 1000})
    assert finding is not None
    assert (finding.light, finding.kind) == ("green", "evaluated")
    assert "60% of the samples look like real pictures (real ones: 80%)" in finding.sentence
    for poor in ({}, {"precision": well["precision"]}, {**well, "trained": 900}):
        finding = shown(health, poor)
        assert finding is not None
        assert finding.kind == "unmeasured"
    learning = shown({**health, "kind": "learning"}, well)
    assert learning is not None
    assert learning.kind == "learning", "scores of the training are not overruled"
    copied = shown(health, {**well, "copies": {"level": "warn"}})
    assert copied is not None
    assert copied.light == "amber"


@pytest.mark.parametrize("found", ["1000", None, [1000], {}])
def test_a_number_of_another_type_in_a_file_is_no_number(found: Any) -> None:
    copies = {"copies": {"level": "block"}}
    for health, evaluation in ((1000, found), (found, 1000), (found, found)):
        finding = shown({"images": health}, {**copies, "trained": evaluation})
        assert finding is not None
        assert finding.light == "red"


def test_rates_fall_in_swift_and_stay_in_dcgan() -> None:
    frame = {"size": 32, "channels": 3, "labels": 0}
    assert falls(make(find("swift"), {}, frame))
    assert not falls(make(find("dcgan"), {}, frame))


def test_every_sentence_says_what_is_seen_and_what_to_try() -> None:
    alarms = [
        replace(SEEN, looks=[replace(GOOD, variety=0.1)]),
        replace(SEEN, facts=[WON] * 3),
        replace(SEEN, looks=[replace(GOOD, distance=3.0)]),
    ]
    for seen in alarms:
        sentence = verdict(seen).sentence
        assert any(char.isdigit() for char in sentence)
        assert "swift" in sentence
        assert "swift" not in verdict(replace(seen, recipe="swift")).sentence
        assert "recipe cascade" in verdict(replace(seen, size=128)).sentence


@pytest.mark.slow
def test_the_watcher_writes_its_finding_and_logs_changes_only(
    trainer: Trainer, run: Run, clock: Any
) -> None:
    scene, health = Scene(trainer, run), Health(clock=clock)
    health.begin(scene)
    for _ in range(20):
        clock.now += 30
        health.after(scene, trainer.step())
    health.end(scene)
    held = json.loads((run.path / "health.json").read_text())
    assert held["light"] in {"grey", "amber", "red"}, "nothing was measured, so nothing is well"
    assert held["images"] == trainer.clock.images
    assert held["seconds"] == 600
    assert len(held["history"]) == 20
    assert {"variety", "twins", "distance", "roughness"} <= set(held["history"][-1])
    kinds = [line.split("]")[0] for line in (run.path / "log.txt").read_text().splitlines()]
    assert 1 <= len(kinds) < 20
    assert not (run.path / "stats.jsonl").exists()


@pytest.mark.slow
def test_samples_are_not_judged_before_g_has_begun(trainer: Trainer, run: Run, clock: Any) -> None:
    scene, health = Scene(trainer, run), Health(clock=clock)
    health.begin(scene)
    for waits in (True, False):
        for _ in range(20):
            clock.now += 30
            told = trainer.step()
            if waits:
                del told.totals["G"]
            health.after(scene, told)
        assert (health.kind == "begun") == waits


def test_watching_leaves_the_training_as_it_is(trainer: Trainer, run: Run, clock: Any) -> None:
    alone = copy.deepcopy(trainer)
    scene, health = Scene(trainer, run), Health(clock=clock)
    health.begin(scene)
    for _ in range(4):
        clock.now += 30
        health.after(scene, trainer.step())
        alone.step()
    for watched, free in zip(
        trainer.networks.parameters(), alone.networks.parameters(), strict=True
    ):
        assert torch.equal(watched, free)


def test_what_health_remembers_survives_a_restart(trainer: Trainer, run: Run, clock: Any) -> None:
    scene, health = Scene(trainer, run), Health(clock=clock)
    health.begin(scene)
    clock.now += 30
    health.after(scene, trainer.step())
    again = Health(clock=clock)
    again.load(json.loads(json.dumps(health.state())))
    again.begin(scene)
    assert again.history == health.history
    clock.now += 12
    assert again.state()["trained"] == 42


def test_what_steps_told_before_the_training_went_back_is_forgotten(
    trainer: Trainer, run: Run, clock: Any
) -> None:
    scene, health = Scene(trainer, run), Health(clock=clock)
    health.begin(scene)
    health.after(scene, Tally({"G": 100.0}, {}, {"D(settled)": 1.0}))
    health.rewound(scene, health.state())
    health.after(scene, Tally({"G": 2.0}, {}, {}))
    health.end(scene)
    assert health.history[-1]["facts"] == {"G": 2.0}


def test_health_looks_less_often_when_looking_is_dear(
    trainer: Trainer, run: Run, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler: Callable[[], Any] = trainer.sampler

    def dear() -> Any:
        clock.now += 5.0
        return sampler()

    monkeypatch.setattr(trainer, "sampler", dear)
    scene, health = Scene(trainer, run), Health(clock=clock, share=0.01)
    health.begin(scene)
    for _ in range(200):
        clock.now += 10
        health.after(scene, Tally({}, {}, {}))
    assert 2 <= len(health.history) <= 5
    assert health.pace.spent <= 0.01 * health.pace.elapsed + 5


def test_a_long_history_is_thinned_where_it_is_old() -> None:
    lines = [{"images": i} for i in range(401)]
    kept = thinned(lines)
    assert len(kept) == 301
    assert kept[-201:] == lines[-201:]
    assert kept[0] == lines[0]
