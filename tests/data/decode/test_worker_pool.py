from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from lookalike.data.decode.memory_limits import alone
from lookalike.data.decode.worker_pool import Lost, Workers, _chunks


def double_or_die(jobs: Sequence[int]) -> list[int]:
    """Doubles numbers; 13 kills the process, 14 sleeps for ever, 15 raises."""
    for job in jobs:
        if job == 13:
            os._exit(3)
        if job == 14:
            time.sleep(60)
        if job == 15:
            raise RuntimeError("fifteen")
    return [2 * job for job in jobs]


@pytest.mark.slow
def test_answers_come_in_the_order_of_the_jobs() -> None:
    for count in (0, 2):
        with Workers(double_or_die, count=count, chunk=3) as workers:
            assert list(workers.map(range(10))) == [(i, 2 * i) for i in range(10)]


@pytest.mark.slow
def test_a_job_that_kills_or_blocks_its_worker_costs_only_itself() -> None:
    with Workers(double_or_die, count=1, chunk=8, seconds=0.5) as workers:
        found = dict(workers.map([1, 13, 2, 14, 15, 3]))
    assert [found[i] for i in (1, 2, 3)] == [2, 4, 6]
    assert found[13] == Lost("crashed the decoder (exit code 3)")
    assert found[14] == Lost("took longer than 0.5 s to read")
    assert found[15] == Lost("RuntimeError: fifteen")


@pytest.mark.parametrize("cut", [0, 3])
def test_a_worker_whose_parent_was_killed_ends_without_a_word(cut: int) -> None:
    """It is killed while the worker reads a picture, or while it is asked to."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "lookalike.data.decode.worker_pool"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    asked = pickle.dumps((sorted, [1]))
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdout.close()
    worker.stdin.write(len(asked).to_bytes(8, "little") + asked[: len(asked) - cut])
    worker.stdin.close()
    assert worker.stderr is not None
    assert (worker.stderr.read(), worker.wait(60)) == (b"", 0)


def take_turns(jobs: Sequence[int]) -> list[int]:
    """Holds the turnstile for a while, or much memory."""
    with alone(True):
        time.sleep(0.6)
    return [len(bytes(jobs[0] << 20)) >> 20]


@pytest.mark.slow
def test_waiting_for_a_turn_does_not_count_as_taking_long() -> None:
    with Workers(take_turns, count=3, chunk=1, seconds=1.0) as workers:
        assert [answer for _, answer in workers.map([1] * 5)] == [1] * 5


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_a_job_that_wants_too_much_memory_is_told_no_and_the_worker_goes_on() -> None:
    with Workers(take_turns, count=1, chunk=4) as workers:
        found = [answer for _, answer in workers.map([1, 4000, 2])]
    assert found == [1, Lost("MemoryError: "), 2]


@pytest.mark.slow
def test_leaving_early_does_not_wait_for_all_jobs() -> None:
    with Workers(double_or_die, count=1, chunk=1) as workers:
        for job, _ in workers.map(range(10**9)):
            if job == 5:
                break
    assert job == 5


class Heavy:
    weight = 1 << 24


def test_heavy_jobs_travel_in_small_groups() -> None:
    assert [len(group) for group in _chunks([Heavy()] * 5, 16)] == [2, 2, 1]
    assert [len(group) for group in _chunks(list(range(5)), 4)] == [4, 1]
