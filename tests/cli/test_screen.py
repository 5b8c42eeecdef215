"""The terminal speaks words while it trains, and names one next step when it is done."""

from __future__ import annotations

import inspect
import pkgutil
from dataclasses import replace
from importlib import import_module

import pytest

import lookalike
from lookalike.cli.output import Screen
from lookalike.metrics.scores.health_verdict import HealthFinding
from lookalike.results import Result
from lookalike.watch.progress import ProgressStep

LIGHT = HealthFinding("grey", "learning", "Still learning, and getting nearer.")
STEP = ProgressStep(250, 1000, 24.0, 192.0, {"G": 0.963, "E": 0.5}, "nearer than 60 s ago", LIGHT)


def shown(capsys: pytest.CaptureFixture[str], step: ProgressStep, *, verbose: bool) -> str:
    Screen(seconds=0.0, verbose=verbose).step(step)
    return capsys.readouterr().err.strip()


def test_words_come_first_and_numbers_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    words = "training:  25 %  3 min 12 s left  nearer than 60 s ago  still learning"
    assert shown(capsys, STEP, verbose=False) == words
    assert shown(capsys, STEP, verbose=True) == f"{words}  24 images/s  G 0.963  E 0.500"


def test_near_the_end_time_left_is_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    step = replace(STEP, images=950, seconds_left=11.0)
    assert "95 %  less than a minute left  " in shown(capsys, step, verbose=False)


def test_what_is_not_known_yet_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    step = ProgressStep(1, 1000, 0.0, float("inf"), {"G": 1.0})
    assert shown(capsys, step, verbose=False) == "training:   0 %"


def answers() -> list[type[Result]]:
    """Every kind of answer that a verb gives."""
    kinds = []
    for module in pkgutil.walk_packages(lookalike.__path__, "lookalike."):
        if module.name.split(".")[1] in {"api", "stages", "data", "sources"}:
            opened = import_module(module.name)
            kinds += [kind for _, kind in inspect.getmembers(opened, inspect.isclass)]
    return sorted({k for k in kinds if issubclass(k, Result) and k is not Result}, key=str)


def test_every_answer_of_a_verb_names_its_next_step() -> None:
    kinds = answers()
    assert len(kinds) > 15
    assert [kind.__name__ for kind in kinds if inspect.isabstract(kind)] == []
