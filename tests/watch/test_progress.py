"""The estimate of the end: what is left at the speed of the moment, and what the prior learns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from lookalike.engine.budget import LEARNED
from lookalike.engine.watcher import Scene
from lookalike.metrics.scores.health_verdict import HealthFinding
from lookalike.parts.training.schedules import Tally
from lookalike.watch.health import Health
from lookalike.watch.progress import Progress, ProgressStep


def scene(images: int, learning: float) -> Scene:
    prior = SimpleNamespace(fit_time_share=learning)
    recipe = SimpleNamespace(images=1000, batch=16, prior=prior)
    return cast(
        Scene,
        SimpleNamespace(images=images, trainer=SimpleNamespace(recipe=recipe), seconds_left=None),
    )


@pytest.mark.parametrize(
    ("images", "learning", "left"),
    [(600, 0.0, 4.0), (600, 0.05, 4.5 + LEARNED / 100), (1000, 0.05, 0.0)],
)
def test_time_left(
    images: int, learning: float, left: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("lookalike.watch.progress.time.monotonic", lambda: now[0])
    told: list[ProgressStep] = []
    progress = Progress(told.append)
    progress.begin(scene(0, learning))
    now[0] += images / 100  # a hundred pictures a second
    progress.after(scene(images, learning), Tally({}, {}, {}))
    assert told[-1].rate == pytest.approx(100)
    assert told[-1].seconds_left == pytest.approx(left)


def test_before_the_last_step_a_person_hears_what_the_prior_learns() -> None:
    said: list[str] = []
    progress = Progress(lambda step: None, seconds=1e9, say=said.append)
    progress.begin(scene(0, 0.05))
    for images in (960, 976, 992, 1000):
        progress.after(scene(images, 0.05), Tally({}, {}, {}))
    assert len(said) == 1
    assert "prior learns" in said[0]
    silent = Progress(lambda step: None, say=said.append)
    silent.begin(scene(0, 0.0))
    silent.after(scene(992, 0.0), Tally({}, {}, {}))
    assert len(said) == 1  # a prior that learns nothing at the end


def test_a_light_that_asks_for_a_look_is_said_once() -> None:
    said: list[str] = []
    told: list[ProgressStep] = []
    health = SimpleNamespace(finding=None, near="")
    progress = Progress(told.append, seconds=0.0, say=said.append, health=cast(Health, health))
    progress.begin(scene(0, 0.0))
    grey = HealthFinding("grey", "learning", "Still learning.")
    amber = HealthFinding("amber", "collapse", "It may be collapsing.")
    for finding in (None, grey, amber, amber, grey):
        health.finding, health.near = finding, "nearer than 60 s ago"
        progress.after(scene(100, 0.0), Tally({}, {}, {}))
    assert [step.light for step in told] == [None, grey, amber, amber, grey]
    assert told[-1].near == "nearer than 60 s ago"
    assert said == ["It may be collapsing."]
