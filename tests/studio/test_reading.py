"""What is read of folders and runs: once, again when it changes, and nobody is held up by it."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from case_tools import fill
from PIL import Image
from studio_client import Client, let_in, serving

from lookalike.data.pack.pack import Pack
from lookalike.report.facts import RunFacts
from lookalike.studio.events import Events
from lookalike.studio.library import Library
from lookalike.studio.server.server import Served


@pytest.fixture
def moving(home: Path, tmp_path: Path) -> Path:
    """A folder of one's own, whose run may be changed and moved."""
    return Path(shutil.copytree(home / "runs", tmp_path / "moving" / "runs")).parent


@pytest.fixture
def asker(moving: Path) -> Iterator[Client]:
    with serving(moving) as served:
        yield let_in(served)


class Heard(logging.Handler):
    """What is logged as a fault."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.faults.append(record.getMessage())


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What we and the server log as faults."""
    heard = Heard()
    logs = [logging.getLogger(name) for name in ("lookalike", "uvicorn.error")]
    for log in logs:
        log.addHandler(heard)
    yield heard.faults
    for log in logs:
        log.removeHandler(heard)


def pixels(body: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(body)) as picture:
        return np.asarray(picture.convert("RGB"))


# ---- once, and again when it has changed --------------------------------------------------------


def test_a_grid_that_is_written_anew_is_shown_anew(asker: Client, moving: Path) -> None:
    run = asker.ids("run")["runs/first"]
    seen = asker.get(f"/api/train/{run}").json["grids"][-1]
    first = asker.get(f"/picture/{run}/grid/{seen}")
    again = asker.get(f"/picture/{run}/grid/{seen}", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    (file,) = moving.glob(f"runs/first/samples/*{seen}*.png")
    Image.new("RGB", Image.open(file).size, (9, 9, 9)).save(file)
    other = asker.get(f"/picture/{run}/grid/{seen}", if_none_match=first.headers["etag"])
    assert other.status == 200
    assert pixels(other.body).max() < 30
    assert "immutable" not in other.headers["cache-control"]


def test_a_run_is_read_once_for_every_page(
    asker: Client, moving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    of = RunFacts.of
    monkeypatch.setattr(RunFacts, "of", lambda run, *more: read.append(run.path) or of(run, *more))
    run, first = asker.ids("run")["runs/first"], moving / "runs" / "first"
    pages = ("/api/runs", "/api/judge", f"/api/train/{run}", f"/api/train/{run}/series")
    for path in pages * 2:
        assert asker.get(path).status == 200
    # Runs that other tests left in the folder are read, too.
    assert read.count(first) == 1
    stats = first / "stats.jsonl"
    os.utime(stats, ns=(time.time_ns(), stats.stat().st_mtime_ns + 1))
    assert asker.get("/api/runs").status == 200
    assert read.count(first) == 2


def test_a_folder_is_looked_into_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "all" / "a", 3)
    fill(tmp_path / "all" / "b", 3, 10)
    looked: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looked.append(str(path)) or scandir(path))
    (found,) = (one for one in Library(tmp_path).entries("folder") if one.name == "all")
    assert found.classes == 2
    assert sorted(looked) == sorted(set(looked))


def test_a_pack_stays_open_until_it_changes(edited_run: Path, tmp_path: Path) -> None:
    (source,) = (one for one in Library(edited_run).entries("pack"))
    shutil.copytree(source.path, tmp_path / "pack")
    library = Library(tmp_path)
    (entry,) = library.entries("pack")
    first = library.pack(entry)
    assert library.pack(entry) is first
    os.utime(entry.path / "pack.json", ns=(0, 1))
    assert library.pack(entry) is not first
    assert isinstance(library.pack(entry), Pack)


def test_the_pack_of_a_judged_run_is_opened_once_until_it_changes(
    asker: Client, moving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    real = Pack.open
    monkeypatch.setattr(Pack, "open", lambda path: opened.append(path) or real(path))
    run = asker.ids("run")["runs/first"]
    assert asker.get(f"/api/judge/{run}").json["missing"] == ""
    first = len(opened)
    assert asker.get(f"/api/judge/{run}").json["missing"] == ""
    assert len(opened) == first > 0
    for note in {place / "pack.json" for place in opened if (place / "pack.json").is_file()}:
        os.utime(note, ns=(0, note.stat().st_mtime_ns + 1))
    assert asker.get(f"/api/judge/{run}").json["missing"] == ""
    assert len(opened) > first


# ---- nobody is held up --------------------------------------------------------------------------


@pytest.mark.slow
def test_a_slow_disk_holds_no_other_page_up(
    client: Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    find = served.studio.library.find
    monkeypatch.setattr(
        served.studio.library, "find", lambda *asked: go_on.wait(60) and find(*asked)
    )
    nothing = "0123456789abcdef"
    gets = [
        f"/api/explore/{nothing}",
        f"/api/explore/{nothing}/learning",
        f"/page/{nothing}/report",
    ]
    posts = [f"/api/explore/{nothing}/learn", f"/api/edit/{nothing}/save", "/api/gallery/keep"]
    with ThreadPoolExecutor(8) as others:
        waiting = [others.submit(client.get, path) for path in gets]
        given: Any = {"run": nothing, "start": {"seed": 0}, "photo": nothing}
        waiting += [others.submit(client.change, path, given) for path in posts]
        time.sleep(0.5)
        begun = time.monotonic()
        assert client.get("/api/about").status == 200
        assert time.monotonic() - begun < 5
        assert not any(one.done() for one in waiting)
        go_on.set()
        assert {one.result().status for one in waiting} == {404}


# ---- what goes wrong is said once, in words -----------------------------------------------------


@pytest.mark.slow
def test_a_run_that_is_moved_ends_its_stream_without_a_fault(
    asker: Client, moving: Path, faults: list[str]
) -> None:
    run = asker.ids("run")["runs/first"]
    request = f"GET /api/train/{run}/live HTTP/1.1\r\nHost: {asker.host}\r\n"
    with socket.create_connection(("127.0.0.1", asker.served.port), timeout=30) as line:
        line.sendall(f"{request}Cookie: {asker.cookie}\r\nConnection: close\r\n\r\n".encode())
        assert b"data: " in line.recv(1 << 16) + line.recv(1 << 16)
        shutil.rmtree(moving / "runs" / "first")
        while line.recv(1 << 16):
            pass
    assert asker.get(f"/api/train/{run}").status == 404
    assert faults == []


def test_a_stream_whose_disk_fails_ends_and_is_not_counted_any_more() -> None:
    events = Events(most=1)
    looks: Iterator[int | OSError] = iter((1, OSError(5, "read")))

    def look() -> int:
        found = next(looks)
        if isinstance(found, OSError):
            raise found
        return found

    async def heard() -> list[Any]:
        return [part async for part in events.watch(look, 0.01).body_iterator]

    with ThreadPoolExecutor(1) as beside:  # the browser of other tests has a loop in this thread
        assert beside.submit(lambda: asyncio.run(heard())).result() == ["data: 1\n\n"]
    events.watch(look)


def test_a_disk_that_refuses_is_told_with_its_place_and_cure(
    client: Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/some/place")

    monkeypatch.setattr(served.studio.library, "entries", full)
    answer = client.get("/api/judge")
    assert answer.status == 400
    assert "/some/place" in answer.json["message"]
    assert "the disk is full" in answer.json["message"]


@pytest.mark.slow
def test_who_leaves_during_an_upload_is_no_fault(client: Client, faults: list[str]) -> None:
    upload = client.change("/api/upload", {"name": "left"}).json["id"]
    head = (
        f"PUT /api/upload/{upload} HTTP/1.1\r\nHost: {client.host}\r\n"
        f"Origin: http://{client.host}\r\nCookie: {client.cookie}\r\nX-Lookalike: 1\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\nhalf"
    )
    with socket.create_connection(("127.0.0.1", client.served.port), timeout=30) as line:
        line.sendall(head.encode())
        time.sleep(0.3)
    time.sleep(0.5)
    assert client.get("/api/about").status == 200
    assert faults == []


@pytest.mark.slow
def test_a_fault_of_ours_is_logged_once(
    client: Client,
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    faults: list[str],
) -> None:
    monkeypatch.setattr(served.studio.jobs, "all", lambda: 1 / 0)
    answer = client.get("/api/runs")
    assert answer.status == 500
    assert "ZeroDivisionError" in answer.json["message"]
    time.sleep(0.5)  # it is answered first, and logged then
    assert len(faults) == 1
