"""Locks end with who holds them, are seen without a right to write, and are missed by nobody."""

from __future__ import annotations

import builtins
import errno
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest

from lookalike import locks
from lookalike.run import Run

fcntl = pytest.importorskip("fcntl")


def test_a_lock_has_one_holder_or_many_that_share_it(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    assert not locks.taken(place)
    with place.open("ab") as one, place.open("ab") as other:
        assert locks.take(one)
        assert locks.taken(place)
        for shared in (False, True):
            with pytest.raises(BlockingIOError):
                locks.take(other, shared=shared)
    assert not locks.taken(place)
    with place.open("rb") as one, place.open("rb") as other:
        assert locks.take(one, shared=True)
        assert locks.take(other, shared=True)
        assert not locks.taken(place), "who shares it keeps no other reader away"


def test_a_lock_that_is_waited_for_comes_when_the_other_ends(tmp_path: Path) -> None:
    place, order = tmp_path / "lock", []

    def second() -> None:
        with locks.alone(place):
            order.append("second")

    with locks.alone(place):
        waiting = Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_a_run_that_may_only_be_read_is_locked_only_while_somebody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, true = Run(tmp_path / "run"), builtins.open
    with run.writing():
        pass

    def read_only(file: Any, mode: str = "r", *more: Any, **words: Any) -> Any:
        if set(mode) & set("wa+x"):
            raise PermissionError(errno.EACCES, "Read-only", str(file))
        return true(file, mode, *more, **words)

    with run.writing(), monkeypatch.context() as patch:
        patch.setattr(builtins, "open", read_only)
        assert locks.taken(run.path / ".lock")
    monkeypatch.setattr(builtins, "open", read_only)
    assert not locks.taken(run.path / ".lock")


def test_on_a_disk_without_locks_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (tmp_path / "lock").open("ab") as file:
        assert not locks.take(file)
    run = Run(tmp_path / "run")
    with run.writing():
        assert not locks.taken(run.path / ".lock")
    with locks.alone(tmp_path / "other"):
        pass


def test_who_only_looks_whether_a_run_is_written_keeps_no_writer_away(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with run.writing():
        pass
    with (run.path / ".lock").open("rb") as looking:
        locks.take(looking, shared=True)  # as a studio does once a second
        ends = Timer(0.2, looking.close)
        ends.start()
        with run.writing():
            assert run.written
        ends.join()
