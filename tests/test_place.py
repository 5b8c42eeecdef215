"""What a place does to the process."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from lookalike import place
from lookalike.errors import StorageError
from lookalike.storage_errors import storage_errors

PROGRAM = """
import resource
import numpy as np
from lookalike.place import keep_memory

def work():
    for _ in range(5):
        first = np.ones((24, 64, 64, 64), np.float32)
        second = first * 2
        del first, second

kept = keep_memory()
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")
def test_memory_that_a_step_frees_is_used_again_without_page_faults() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    kept, faults = map(int, run.stdout.split())
    if not kept:
        pytest.skip("this C library has no mallopt")
    assert faults < 100  # 24 MB taken ten times over are 61,440 pages


def test_threads_that_the_system_does_not_start_are_said_before_openmp_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    before = set(threading.enumerate())  # those of other tests may end meanwhile
    assert place.choose("cpu", "fp32", threads=3).threads == 3
    assert set(threading.enumerate()) <= before
    monkeypatch.setattr(threading, "_start_new_thread", refuse)
    assert place.choose("cpu", "fp32", threads=1).threads == 1
    with pytest.raises(StorageError, match="raise the limit"), storage_errors():
        place.choose("cpu", "fp32", threads=2)
