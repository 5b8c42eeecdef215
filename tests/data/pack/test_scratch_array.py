"""Room for pictures: the same pictures in memory and in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.data.pack import scratch_array as module
from lookalike.data.pack.scratch_array import BLOCK, gathered, scratch_array


@given(count=st.integers(0, 2 * BLOCK + 3), most=st.sampled_from([0, 1 << 30]))
def test_gathered_pictures_are_those_that_were_asked_for(count: int, most: int) -> None:
    every = np.random.default_rng(0).integers(0, 256, (1100, 2, 2, 1)).astype(np.uint8)
    rows = np.random.default_rng(count).permutation(1100)[:count]
    found = gathered(every.__getitem__, rows, most)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, every[rows])


def test_an_array_in_a_file_reads_what_was_written_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DISK", tmp_path)
    held = scratch_array((5, 2, 2, 3), most=0)
    assert isinstance(held, np.memmap)
    held[3] = 7
    assert held[2:4].sum() == 7 * 12
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("most", [0, 1 << 30])
def test_vectors_have_room_as_pictures_have(most: int) -> None:
    every = np.random.default_rng(0).normal(size=(BLOCK + 5, 7)).astype(np.float32)
    rows = np.random.default_rng(1).permutation(len(every))
    found = gathered(every.__getitem__, rows, most)
    assert found.dtype == np.float32
    assert isinstance(found, np.memmap) == (most == 0)
    np.testing.assert_array_equal(found, every[rows])


def test_many_pictures_take_little_memory_of_the_process_itself() -> None:
    def own() -> int:
        told = Path("/proc/self/status")
        if not told.exists():
            pytest.skip("the system does not say what is a file's and what is not")
        line = next(one for one in told.read_text().splitlines() if one.startswith("RssAnon"))
        return int(line.split()[1]) * 1024

    block = np.ones((BLOCK, 64, 64, 3), np.uint8)
    before = own()
    held = gathered(lambda rows: block[: len(rows)], np.arange(8 * BLOCK), most=0)
    assert held[-1].all()
    assert own() - before < held.nbytes / 4


@pytest.mark.parametrize("what", ["os.posix_fallocate", "tempfile.TemporaryFile"])
def test_a_full_or_locked_disk_leaves_the_pictures_in_memory(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(what, refuse)
    held = scratch_array((5, 2, 2, 3), most=0)
    assert not isinstance(held, np.memmap)
    assert held.shape == (5, 2, 2, 3)
