"""What a place does to the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
