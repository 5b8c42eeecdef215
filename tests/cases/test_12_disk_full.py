"""A disk that refuses: one sentence with place and cure, and nothing half-written stays behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from case_tools import QUICK, files_of, fill, lookalike

from lookalike import storage_errors as edge
from lookalike.data.pack.atomic_folder import replace, staging
from lookalike.data.pack.pack import Pack
from lookalike.errors import StorageError

resource = pytest.importorskip("resource")


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Every write beyond this many bytes of a file is refused, as by a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("disk")
    fill(home / "in", 60)
    assert (
        lookalike(
            "prepare", home / "in", "--to", home / "p", "--size", "16", "--holdout", "0.4"
        ).status
        == 0
    )
    assert lookalike("train", home / "p", *QUICK, "--into", home / "r").status == 0
    return home


WRITING = {
    "prepare": ("prepare", "{in}", "--to", "{to}/x", "--size", "64"),
    "generate": ("generate", "{r}", "-n", "3", "--keep-copies", "--to", "{to}/x"),
    "train": ("train", "{p}", *QUICK, "--into", "{to}/x"),
    "export": ("export", "{p}", "--to", "{to}/x"),
    "doctor": ("doctor", "{in}", "--quick", "--page", "{to}/x.html"),
    "expand": ("expand", "{p}", "--run", "{r}", "--to", "{to}/x", "--judge", "pixels",
               "--steps", "2", "--tries", "1"),
    "evaluate": ("evaluate", "{r}", "-n", "20", "--judge", "pixels", "--no-classes",
                 "--pairs", "{to}/x.png"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("verb", WRITING)
def test_every_verb_says_place_and_cure_and_leaves_nothing_half_written(
    home: Path, tmp_path: Path, verb: str
) -> None:
    places = {name: home / name for name in ("in", "p", "r")}
    words = [word.format(to=tmp_path, **places) for word in WRITING[verb]]
    with no_file_above(64):
        ended = lookalike(*words)
    assert ended.status == 1
    (message,) = [line for line in ended.err.splitlines() if line.startswith("Error:")]
    assert str(tmp_path) in message
    assert "place" in message or "Make room" in message
    assert not [name for name in files_of(tmp_path) if ".part" in name]
    empty = [name for name, (size, _) in files_of(tmp_path).items() if size == 0]
    assert [name for name in empty if not name.endswith(".lock")] == []
    again = lookalike(*words)
    assert again.status == 0, again.err


@pytest.mark.slow
def test_transform_that_could_write_nothing_has_failed(home: Path, tmp_path: Path) -> None:
    with no_file_above(64):
        ended = lookalike("transform", home / "in", "fliph", "--to", tmp_path / "t")
    assert ended.status == 1
    assert "error" in ended.out
    assert lookalike("transform", home / "in", "fliph", "--to", tmp_path / "t").status == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(home: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    ended = lookalike("prepare", home / "in", "--to", tmp_path / "x")
    tmp_path.chmod(0o700)
    assert ended.status == 1
    assert "permission was denied" in ended.err


@pytest.mark.parametrize("code", sorted(edge._CAUSES))
def test_every_refusal_of_a_system_has_words(code: int, tmp_path: Path) -> None:
    place = tmp_path / ".pack.abcdefgh.part" / "rows.jsonl"
    with (
        pytest.raises(StorageError, match="could not be read or written: ") as raised,
        edge.storage_errors(),
    ):
        raise OSError(code, os.strerror(code), str(place))
    assert str(tmp_path / "pack" / "rows.jsonl") in str(raised.value)


def test_a_full_folder_for_temporary_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, other = tmp_path / "scratch", tmp_path / "other"
    monkeypatch.setattr(edge.tempfile, "gettempdir", lambda: str(scratch))
    monkeypatch.setattr(edge, "_free", lambda place: 0 if place == scratch else 1 << 30)
    with pytest.raises(StorageError, match=r"scratch.*TMPDIR"), edge.storage_errors([other]):
        raise OSError(errno.ENOSPC, "No space left on device")


KILLED = """
import sys, time
from pathlib import Path
from lookalike.data.pack.atomic_folder import staging
with staging(Path(sys.argv[1])) as part:
    (part / "half").write_text("half")
    print("there", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_what_a_killed_process_left_goes_at_the_next_call_and_a_living_one_is_left_alone(
    home: Path, tmp_path: Path
) -> None:
    to = tmp_path / "p"
    command = [sys.executable, "-c", KILLED, str(to)]
    working = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert working.stdout is not None
    assert working.stdout.readline() == b"there\n"
    with staging(to):
        assert len(list(tmp_path.glob(".p.*.part"))) == 2
    assert len(list(tmp_path.glob(".p.*.part"))) == 1
    working.send_signal(signal.SIGKILL)
    working.wait()
    time.sleep(0.05)
    assert lookalike("prepare", home / "in", "--to", to, "--size", "16").status == 0
    assert [file.name for file in tmp_path.iterdir()] == ["p"]


@pytest.mark.slow
def test_a_pack_that_was_moved_aside_by_a_killed_process_comes_back(
    home: Path, tmp_path: Path
) -> None:
    to = tmp_path / "p"
    assert lookalike("prepare", home / "in", "--to", to, "--size", "16").status == 0
    aside = tmp_path / ".p.abcdefgh.old"
    aside.mkdir()
    to.rename(aside / "pack")
    with staging(to):
        assert Pack.is_pack(to)
        assert not aside.exists()


def test_a_replacement_that_fails_leaves_the_old(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "old").touch()
    with pytest.raises(OSError, match="missing"):
        replace(tmp_path / "missing", tmp_path / "p")
    assert [file.name for file in tmp_path.rglob("*")] == ["p", "old"]
