"""The server, the training and the browser are killed in turn: nothing is lost, and it is said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from benchmarks.studio import program
from case_tools import fill, until
from studio_client import Client, let_in

from lookalike.settings.studio import StudioSettings
from lookalike.studio import jobs as studio_jobs
from lookalike.studio.errors import OverloadedError
from lookalike.studio.guard import Doors
from lookalike.studio.jobs import Jobs
from lookalike.studio.server.server import Served

LONG = 90_000


@dataclass
class Program:
    """``lookalike studio`` as somebody starts it."""

    process: subprocess.Popen[str]
    link: str
    port: int

    def client(self) -> Client:
        settings = StudioSettings(port=self.port)
        unused: Any = None
        return let_in(
            Served(unused, unused, Doors(self.port), unused, settings.host, self.port), self.link
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def eventually(look: Callable[[], Any]) -> Any:
    return until(look, LONG / 1000, pause=0.2)


def in_state(client: Client, run: str, state: str) -> Any:
    """What the page of a run says, as soon as the run is in this state."""

    def look() -> Any:
        told = client.get(f"/api/train/{run}").json
        return told if told["state"] == state else None

    return eventually(look)


def kill_process_of(folder: Path) -> None:
    """Kill what works on the jobs in this folder, as the system does when memory runs out."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "lookalike.studio.job_process" in words and str(folder) in " ".join(words):
            os.kill(int(place.name), signal.SIGKILL)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield fill(tmp_path / "all" / "blots", 40).parent
    kill_process_of(tmp_path)


@pytest.fixture
def studio(folder: Path) -> Iterator[Callable[..., Program]]:
    """``studio(port=0)`` starts a program in the folder; none outlives the test."""
    with ExitStack() as programs:

        def start(port: int = 0) -> Program:
            process, told = programs.enter_context(program(folder, port))
            return Program(process, told["link"], told["port"])

        yield start


def begin(client: Client, minutes: float) -> str:
    source = client.ids("folder")["blots"]
    asked = {"minutes": minutes, "recipe": "tiny", "size": 32}
    begun = client.change(f"/api/start/{source}/begin", asked)
    assert begun.status == 200, begun.body
    return str(begun.json["run"])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_server_training_and_browser_are_killed_in_turn(
    folder: Path, studio: Callable[..., Program], chromium: Any
) -> None:
    server = studio()
    client = server.client()
    run = begin(client, 5)
    context = chromium.new_context()
    page = context.new_page()
    page.goto(server.link)  # our client has used it: it lets nobody in
    assert "Open the link that 'lookalike studio' printed" in page.inner_text("body")
    assert context.cookies() == []
    in_state(client, run, "training")

    # A second training is refused, whoever asks.
    source = client.ids("folder")["blots"]
    second = client.change(f"/api/start/{source}/begin", {"minutes": 1})
    assert second.status == 503
    assert "Wait for its end, or stop it" in second.json["message"]

    # The server is killed: the training goes on, and another server finds it.
    server.kill()
    before = len((folder / "runs/blots/stats.jsonl").read_text().splitlines())
    server = studio(server.port)
    client = server.client()
    assert in_state(client, run, "training")["name"] == "blots"
    eventually(lambda: len((folder / "runs/blots/stats.jsonl").read_text().splitlines()) > before)

    # Stopped from the page of a server that has not started it: saved, not lost.
    assert client.change(f"/api/train/{run}/stop").status == 200
    told = in_state(client, run, "stopped")
    assert list((folder / "runs/blots/checkpoints").glob("*.safetensors"))

    # Gone on, and the training is killed: it is said, and it goes on from its checkpoint.
    assert client.change(f"/api/train/{run}/on").status == 200
    in_state(client, run, "training")
    kill_process_of(folder)
    killed = in_state(client, run, "killed")
    assert "Nothing that was saved is lost" in killed["message"]
    assert killed["images"] >= told["images"] > 0
    assert client.change(f"/api/train/{run}/on").status == 200
    in_state(client, run, "training")

    # The browser is closed and another one opens: the training is where it is.
    context.close()
    context = chromium.new_context()
    page = context.new_page()
    name = client.cookie.partition("=")
    address = {"name": name[0], "value": name[2], "url": f"http://127.0.0.1:{server.port}"}
    context.add_cookies([address])
    page.goto(f"http://127.0.0.1:{server.port}/#/train/{run}")
    state = page.locator("p.state")
    state.filter(has_text=re.compile("^Training")).wait_for(timeout=LONG)

    # The server ends under an open page: it says so, and comes back by itself with the cookie gone.
    server.kill()
    page.wait_for_selector("#banner:not([hidden])", timeout=LONG)
    assert "A training goes on by itself" in page.inner_text("#banner")
    server = studio(server.port)
    page.get_by_text("Open the link that it printed").wait_for(timeout=LONG)
    page.goto(server.link)
    page.goto(f"http://127.0.0.1:{server.port}/#/train/{run}")
    page.get_by_role("button", name="Stop and save").click(timeout=LONG)
    state.filter(has_text=re.compile("^Stopped and saved")).wait_for(timeout=LONG)
    context.close()


def test_a_job_that_never_came_to_life_is_not_waited_for(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    place = tmp_path / "0123456789abcdef"
    place.mkdir()
    asked = {"verb": "train", "about": "a", "title": "t", "arguments": {}}
    (place / "job.json").write_text(json.dumps({**asked, "began": time.time() - 60}))
    assert jobs.get(place.name).state == "killed"
    (place / "job.json").write_text(json.dumps({**asked, "began": time.time()}))
    assert jobs.get(place.name).state == "starting"
    (place / "state.json").write_text("{half")
    assert jobs.get(place.name).state == "starting"


@pytest.mark.slow
def test_a_job_is_one_of_the_verbs_and_fails_in_words(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs")
    job = jobs.begin("collect", {"what": "x"}, about="a", title="t")
    ended = eventually(lambda: None if jobs.get(job.id).alive else jobs.get(job.id))
    assert ended.state == "failed"
    assert "starts no 'collect'" in ended.told["message"]
    job = jobs.begin("doctor", {"source": str(tmp_path / "nothing")}, about="a", title="t")
    ended = eventually(lambda: None if jobs.get(job.id).alive else jobs.get(job.id))
    assert ended.state == "failed"
    assert "does not exist" in ended.told["message"]


def test_a_job_that_ended_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(tmp_path)
    for number in range(5):
        place = tmp_path / f"{number:016x}"
        place.mkdir()
        asked = {"verb": "train", "about": "a", "title": "t", "arguments": {}}
        (place / "job.json").write_text(json.dumps({**asked, "began": number}))
        (place / "state.json").write_text(json.dumps({"state": "ended"}))
    assert [job.began for job in jobs.all()] == [4, 3, 2, 1, 0]
    monkeypatch.setattr(studio_jobs, "read_json", lambda _: pytest.fail("read again"))
    assert [job.state for job in jobs.all()] == ["ended"] * 5


@pytest.mark.slow
def test_what_was_made_for_a_job_alone_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio_jobs, "MOST_WAITING", 1)
    jobs = Jobs(tmp_path / "jobs")
    names = ("first", "waiting", "refused")
    for name in names:
        (tmp_path / name / "yes").mkdir(parents=True)
    asked = {"source": str(tmp_path / "nothing")}
    begun = [
        jobs.begin("doctor", asked, about="a", title=name, scratch=tmp_path / name)
        for name in names[:2]
    ]
    with pytest.raises(OverloadedError, match="2 pieces of other work"):
        jobs.begin("doctor", asked, about="a", title="t", scratch=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    until(lambda: not any(jobs.get(job.id).alive for job in begun))
    assert not any((tmp_path / name).exists() for name in names)


@pytest.mark.slow
def test_other_work_waits_for_its_turn_and_may_be_called_off(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs")
    (tmp_path / "scratch").mkdir()
    asked = {"source": str(tmp_path / "nothing")}
    first = jobs.begin("doctor", asked, about="a", title="the first")
    waiting = jobs.begin("doctor", asked, about="b", title="the second")
    off = jobs.begin("doctor", asked, about="c", title="t", scratch=tmp_path / "scratch")
    assert [jobs.get(job.id).state for job in (waiting, off)] == ["waiting"] * 2
    assert waiting.told["work"]["what"] == "its turn comes after “the first”"
    assert jobs.stop(off.id).state == "stopped"
    assert not (tmp_path / "scratch").exists()
    ended = [
        eventually(lambda id_=job.id: jobs.get(id_).state == "failed") for job in (first, waiting)
    ]
    assert ended == [True, True]
    assert jobs.get(first.id).told["at"] < jobs.get(waiting.id).began
    assert jobs.get(off.id).told["message"] == "It was not begun."


@pytest.mark.slow
def test_what_waited_when_the_server_ended_is_called_by_the_next(tmp_path: Path) -> None:
    place = tmp_path / "0123456789abcdef"
    place.mkdir()
    asked = {"verb": "doctor", "about": "a", "title": "t", "arguments": {"source": "nothing"}}
    (place / "job.json").write_text(json.dumps({**asked, "began": 1}))
    (place / "waits").touch()
    jobs = Jobs(tmp_path)
    assert jobs.get(place.name).state == "waiting"
    jobs.resume()
    eventually(lambda: jobs.get(place.name).state == "failed")


IGNORING = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.SIG_IGN)
from lookalike import api
from lookalike.studio import job_process
api.doctor = lambda **_: [time.sleep(0.1) for _ in range(1000)]
job_process.main(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_studio_in_the_background_can_stop_what_it_began(tmp_path: Path) -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and jobs inherit that."""
    (tmp_path / "job.json").write_text(json.dumps({"verb": "doctor", "arguments": {}}))
    (tmp_path / "stop").touch()
    process = subprocess.Popen([sys.executable, "-c", IGNORING, str(tmp_path)])
    try:
        process.wait(60)
    finally:
        process.kill()
    assert json.loads((tmp_path / "state.json").read_text())["state"] == "stopped"
