"""What a machine refuses becomes a sentence with a cure, whoever found it out."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lookalike.cli.main import main
from lookalike.errors import StorageError
from lookalike.storage_errors import guarded, storage_errors


def test_a_thread_that_cannot_be_started_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading, "_start_new_thread", refuse)
    with pytest.raises(StorageError, match=r"no more processes or threads.*ulimit -u"):
        with storage_errors():
            threading.Thread(target=print).start()


def test_a_process_that_cannot_be_started_names_the_limit() -> None:
    with pytest.raises(StorageError, match=r"no more processes or threads.*ulimit -u"):
        with storage_errors():
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def test_a_full_pipe_is_no_matter_of_processes() -> None:
    with pytest.raises(StorageError, match=r"could not be read or written: .*without blocking"):
        with storage_errors():
            raise BlockingIOError(errno.EAGAIN, "write could not complete without blocking")


def test_memory_that_torch_cannot_have_is_a_memory_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MemoryError, match="allocate"):
        with storage_errors():
            torch.empty(1 << 55, dtype=torch.uint8)
    monkeypatch.setattr("lookalike.cli.main.app", lambda *_, **__: torch.empty(1 << 55))
    with pytest.raises(SystemExit):
        main(["recipes"])
    said = capsys.readouterr().err
    assert "There is not enough memory (" in said
    assert "Close other programs" in said


@pytest.mark.parametrize(
    "problem",
    [
        RuntimeError("could not create a primitive"),
        ImportError("/lib/x.so: failed to map segment from shared object"),
    ],
)
def test_memory_that_libraries_cannot_have_is_a_memory_error(problem: Exception) -> None:
    with pytest.raises(MemoryError, match=re.escape(str(problem))):
        with storage_errors():
            raise problem


def test_other_errors_of_torch_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        with storage_errors():
            torch.zeros(2).reshape(3)
    with pytest.raises(ImportError, match="not permitted"):
        with storage_errors():
            raise ImportError("x.so: failed to map segment from shared object: not permitted")


def _fails(to: Any = None, settings: Any = None) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def _fails_with_fields(settings: Any = None, **fields: Any) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        (_fails, {"to": "useful"}),
        (_fails, {"settings": SimpleNamespace(to=Path("useful"))}),
        (_fails_with_fields, {"to": "useful"}),
    ],
)
def test_a_failing_write_without_a_name_names_where_the_verb_writes(
    verb: Callable[..., None], given: dict[str, Any]
) -> None:
    with pytest.raises(StorageError, match=r"^useful could not be .* Check the disk"):
        guarded(verb)(**given)
