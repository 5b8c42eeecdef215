"""A share of the campaign of faults; ``./scripts/bench faults`` tries all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from benchmarks import common
from benchmarks.faults import CAMPAIGNS, bound, collect, jobs, reader, report, run, storage
from benchmarks.faults.commands import Fault, Nursery, UntriedError
from benchmarks.faults.jobs import JOBS, Workshop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and POSIX signals"),
]
KILLED = [number for number in range(36) if number % len(JOBS) != list(JOBS).index("utility")]
QUICK = [number for number, name in enumerate(JOBS) if name in {"prepare", "generate", "merge"}]
TROUBLED = [len(JOBS) * kind + QUICK[kind % len(QUICK)] for kind in range(len(storage.PLANS))]
"""One trial of every kind of trouble, of commands that take no seconds."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    root = tmp_path_factory.mktemp("faults")
    with Nursery(root / "log.txt") as nursery:
        yield Workshop(root, nursery)


@pytest.mark.parametrize("number", KILLED[:15])
def test_a_kill_loses_nothing(workshop: Workshop, number: int) -> None:
    what, wrong = CAMPAIGNS["kill"].trial(workshop, number)
    assert not wrong, what


@pytest.mark.parametrize("number", TROUBLED)
def test_trouble_of_every_kind_loses_nothing(workshop: Workshop, number: int) -> None:
    try:
        what, wrong = storage.trial(workshop, number)
    except UntriedError as problem:
        pytest.skip(str(problem))
    assert not wrong, what


@pytest.mark.parametrize("tens", range(5))
def test_damage_is_said_and_runs_no_code(workshop: Workshop, tens: int) -> None:
    for number in range(10 * tens, 10 * tens + 10):
        what, wrong = CAMPAIGNS["damage"].trial(workshop, number)
        assert not wrong, what


@pytest.mark.parametrize("number", range(0, collect.COUNT, 4))
def test_a_site_that_means_harm_is_refused(workshop: Workshop, number: int) -> None:
    what, wrong = collect.trial(workshop, number)
    assert not wrong, what


@pytest.mark.parametrize(
    "words", [w for w in reader.ARCHIVES if w not in {"a million entries", "a bomb of zeros"}]
)
def test_an_archive_that_means_harm_costs_itself_alone(workshop: Workshop, words: str) -> None:
    what, wrong = reader.trial(workshop, list(reader.ARCHIVES).index(words))
    assert not wrong, what


def test_the_campaign_sees_what_it_looks_for(workshop: Workshop) -> None:
    """A kill that is not made good, a file that is left over and another result are all seen."""
    job = JOBS["prepare"]
    calm = workshop.undisturbed(job)
    workshop.begin(job)
    ended = workshop.run(job, fault=Fault(kind="kill", at=calm.ended.writes // 2, writes=True))
    assert ended.status == -9
    assert jobs.results(workshop.place, job.makes) != calm.results
    assert workshop.finish(job) == ""
    (workshop.place / ".left.12345678.part").mkdir()
    assert "left over" in workshop.finish(job)
    (workshop.place / "pack" / "classes.npy").unlink()
    assert jobs.results(workshop.place, job.makes) != calm.results


def test_a_fuzzing_child_that_ends_by_itself_is_no_crash_of_the_decoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "SECONDS", "unknown")
    _, wrong = reader.trial(None, len(reader.ARCHIVES))
    assert wrong.startswith("exit status 1: ")
    assert "NameError" in wrong


def test_a_trial_that_is_right_after_something_was_mended_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workshop: Workshop
) -> None:
    outcomes = iter(["lost", ""])
    campaign = SimpleNamespace(COUNT=1, trial=lambda workshop, number: ("it", next(outcomes)))
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    monkeypatch.setitem(CAMPAIGNS, "kill", campaign)
    run("kill", 1, workshop)
    run("kill", 1, workshop)
    assert "| kill | 1 | 1 | 1 | 0 | 100.0 % |" in report(["kill"])
    run("kill", 1, workshop, again=True)
    assert "| kill | 1 | 1 | 0 | 1 | < 300.0 % |" in report(["kill"])


def test_the_bound_of_three_over_n() -> None:
    assert bound(0, 300) == "< 1.0 %"
    assert bound(3, 300) == "1.0 %"
