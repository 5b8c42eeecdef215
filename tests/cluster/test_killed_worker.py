"""Two worker processes do every verb that can be divided, and one dies in the middle of a part."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from case_tools import contents, fill, lookalike, running
from local_server import local_server

import lookalike as package
from lookalike.api.machines import DIVIDED
from lookalike.settings.collect import Manners

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

DYING = """
import os, signal
from pathlib import Path
from lookalike.data.decode.worker_pool import Workers
from lookalike.data.pack.part_folder import RecordWriter
from lookalike.sources.store.collection import Collection

def died(done=[]):
    done.append(1)
    if len(done) == {record}:
        Path({mark!r}).touch()
        os.kill(os.getpid(), signal.SIGKILL)

def last(keep):
    def kept(*words, **named):
        answer = keep(*words, **named)
        died()
        return answer
    return kept

def lasting(each):
    def mapped(*words, **named):
        for answer in each(*words, **named):
            yield answer
            died()
    return mapped

RecordWriter.append = last(RecordWriter.append)
Collection.add = last(Collection.add)
Workers.map = lasting(Workers.map)
"""


@contextmanager
def two_workers(home: Path, record: int) -> Iterator[str]:
    """The address of two workers; one of them is killed when it has written so many records."""
    file, dying = home / "scheduler.json", home / "dying.py"
    dying.write_text(DYING.format(record=record, mark=str(home / "died")))
    more = ("--nthreads", "1", "--no-nanny", "--local-directory", str(home))
    programs = [
        ("scheduler", "--host", "127.0.0.1", "--port", "0"),
        ("worker", *more),
        ("worker", *more, "--preload", dying),
    ]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with ExitStack() as stack:
        for name, *words in programs:
            program = ("-m", f"distributed.cli.dask_{name}", "--no-dashboard")
            about = ("--scheduler-file", file)
            stack.enter_context(running(sys.executable, *program, *about, *words, **silent))
        with distributed.Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address.removeprefix("tcp://")
        yield f"dask://{address}"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a site with the files of a folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with local_server(handler) as (address, _):
        yield address


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two classes, a pack of them, a run on it, and larger ones for a site."""
    home = tmp_path_factory.mktemp("home")
    fill(home / "photos" / "a", 60)
    fill(home / "photos" / "b", 40, 100)
    fill(home / "web", 40, size=256)
    package.prepare(home / "photos", home / "p", size=16, workers=0)
    more = ("--set", "images=1000", "width=8", "batch=16", "--threads", "1")
    train = lookalike("train", home / "p", "--recipe", "tiny", *more, "--into", home / "r")
    assert train.status == 0, train.err
    return home


def without_times(files: dict[str, bytes]) -> dict[str, object]:
    """The same with what a collection says of each picture beside the time, in any order."""
    return {
        name: sorted(str({**json.loads(line), "time": ""}) for line in data.splitlines())
        if name.endswith(".jsonl")
        else data
        for name, data in files.items()
    }


@pytest.mark.parametrize("verb", sorted(DIVIDED))
def test_a_worker_dies_in_the_middle_and_the_work_is_that_of_one_machine(
    home: Path, tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    manners = Manners(delay=0, backoff=0.01, allow_private=True, together=1)
    rows = [f"{number:04d}.png" for number in range(40)]

    def done(place: str, to: Path, **machines: object) -> dict[str, object]:
        (tmp_path / "list.csv").write_text("\n".join(["url", *(f"{place}/{row}" for row in rows)]))
        words = {
            "collect": ((tmp_path / "list.csv",), {"to": to, "way": "urls", "manners": manners}),
            "doctor": ((home / "photos", to), {"quick": True}),
            "evaluate": ((home / "r", home / "p"), {"count": 700, "judge": "random"}),
            "expand": ((home / "p", to), {"run": home / "r", "tries": 2, "steps": 20}),
            "generate": ((home / "r", to), {"count": 400, "grid": True}),
            "prepare": ((home / "photos", to), {"size": 16, "workers": 1}),
            "transform": ((home / "photos", "fliph", "noise_0.01"), {"to": to}),
        }[verb]
        to.parent.mkdir()
        answer = getattr(package, verb)(*words[0], **words[1], **machines).as_dict()
        if verb == "transform":  # what a lost worker wrote is there already
            answer["processed"] += answer.pop("existing")
        return {
            name: told
            for name, told in answer.items()
            if name != "seconds" and str(to) not in str(told)
        }

    with served(home / "web") as place:
        alone = done(place, tmp_path / "a" / verb)
        with two_workers(tmp_path, record=1 if verb in ("evaluate", "expand") else 2) as on:
            together = done(place, tmp_path / "b" / verb, on=on, parts=5)
    assert (tmp_path / "died").exists(), "no worker died in the middle"
    assert together == alone
    first, second = (contents(tmp_path / place / verb) for place in "ab")
    assert (not first) == (verb in ("doctor", "evaluate"))
    if verb == "collect":
        assert without_times(first) == without_times(second)
    else:
        assert first == second
    if verb == "doctor":
        assert (tmp_path / "a" / verb).read_bytes() == (tmp_path / "b" / verb).read_bytes()
