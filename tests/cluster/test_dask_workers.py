"""Two worker processes do every verb that can be divided; one is killed in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from case_tools import contents, fill, lookalike, running, until

import lookalike as package
from lookalike.cluster.dask_workers import DaskWorkers
from lookalike.data.pack.part_folder import ARRAYS, parts_in
from lookalike.errors import LookalikeError, NoImagesError

pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil", reason="comes with distributed")
pytestmark = pytest.mark.slow


class Cluster(NamedTuple):
    """A scheduler and its workers, as processes that a test may kill."""

    on: str
    workers: list[subprocess.Popen[bytes]]
    scheduler: subprocess.Popen[bytes]


def dask(name: str, *words: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    program = ("-m", f"distributed.cli.dask_{name}", "--no-dashboard")
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return running(sys.executable, *program, *words, **silent)


def a_worker(home: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """One more worker of the scheduler that keeps its address in this folder."""
    more = ("--nthreads", "1", "--no-nanny", "--local-directory", str(home))
    return dask("worker", "--scheduler-file", str(home / "scheduler.json"), *more)


@contextmanager
def two_workers(home: Path, count: int = 2) -> Iterator[Cluster]:
    file = home / "scheduler.json"
    about = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
    with ExitStack() as stack:
        scheduler = stack.enter_context(dask("scheduler", *about))
        workers = [stack.enter_context(a_worker(home)) for _ in range(count)]
        told = json.loads(until(lambda: file.exists() and file.read_text()))
        on = f"dask://{told['address'].removeprefix('tcp://')}"
        yield Cluster(on, workers, scheduler)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with copies and a poisoned file, a pack of them, and a run on it."""
    home = tmp_path_factory.mktemp("home")
    fill(home / "photos" / "a", 60)
    fill(home / "photos" / "b", 40, 100)
    for number in range(0, 20, 3):
        name = f"{number:04d}.png"
        shutil.copy(home / "photos" / "a" / name, home / "photos" / "b" / f"zz{name}")
    (home / "photos" / "a" / "poison.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    package.prepare(home / "photos", home / "p", size=16, workers=0)
    more = ("--set", "images=1000", "width=8", "batch=16", "--threads", "1")
    train = lookalike("train", home / "p", "--recipe", "tiny", *more, "--into", home / "r")
    assert train.status == 0, train.err
    return home


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with two_workers(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def test_an_error_that_was_nested_too_deep_is_told(cluster: Cluster) -> None:
    """With all its frames dask never told of it, and the work waited for good."""

    def too_deep(_: object, number: int = 0) -> None:
        too_deep(_, number + 1)

    with DaskWorkers(cluster.on) as workers, pytest.raises(RecursionError, match="depth"):
        workers.run([too_deep], package.progress.NOBODY)


def command(*words: object) -> AbstractContextManager[subprocess.Popen[str]]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return running(sys.executable, "-m", "lookalike", *words, **pipes)


def whole_parts(to: Path) -> list[Path]:
    places = parts_in(to.with_name(f"{to.name}-parts"))
    return [place for place in places if '"whole": true' in (place / "part.json").read_text()]


def of_one_machine(home: Path, place: Path) -> dict[str, bytes]:
    """The pack that one machine made, as it is when it was made in this place."""
    return {
        name: data.replace(str(home).encode(), str(place).encode())
        if name == "pack.json" and b"refused.jsonl" in data
        else data
        for name, data in contents(home / "p").items()
    }


def test_a_worker_is_killed_in_the_middle_and_the_pack_is_that_of_one_machine(
    home: Path, tmp_path: Path
) -> None:
    to = tmp_path / "p"
    words = ("prepare", home / "photos", "--to", to, "--size", "16", "--parts", "6")
    with two_workers(tmp_path) as cluster, command(*words, "--on", cluster.on) as work:
        until(lambda: len(whole_parts(to)) >= 1)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        out, err = work.communicate(timeout=120)
    assert work.returncode == 0, err
    assert "poison.png: " in out, "refused with its reason, as on one machine"
    assert contents(to) == of_one_machine(home, tmp_path)
    assert not (tmp_path / "p-parts").exists()


def test_ctrl_c_keeps_finished_parts_and_the_same_command_goes_on(
    home: Path, cluster: Cluster, tmp_path: Path
) -> None:
    to = tmp_path / "p"
    words = ("prepare", home / "photos", "--to", to, "--size", "16", "--parts", "24")

    def interrupted_with(parts: int) -> list[Path]:
        """The finished parts after Ctrl-C, which comes when there are so many."""
        with command(*words, "--on", cluster.on) as work:
            until(lambda: len(whole_parts(to)) >= parts)
            work.send_signal(signal.SIGINT)
            _, err = work.communicate(timeout=60)
        assert work.returncode == 130, err
        assert "are kept" in err
        assert not to.exists()
        return whole_parts(to)

    parts = interrupted_with(2)
    assert len(parts) >= 2
    sound = {part / ARRAYS: (part / ARRAYS).read_bytes() for part in parts}
    marked = {
        file: data[:-1] + bytes(byte ^ 1 for byte in data[-1:]) for file, data in sound.items()
    }
    for file, data in marked.items():
        file.write_bytes(data)
    # Two may have been under way when the first command ended; one more is of this command.
    interrupted_with(len(parts) + 3)
    assert {file: file.read_bytes() for file in marked} == marked, "what was finished is made anew"
    for file, data in sound.items():
        file.write_bytes(data)
    with command(*words, "--on", cluster.on) as work:
        _, err = work.communicate(timeout=120)
    assert work.returncode == 0, err
    assert contents(to) == of_one_machine(home, tmp_path)


def hears_ctrl_c(process: int) -> bool:
    """Whether SIGINT reaches a process: it neither blocks nor ignores it (Linux)."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # it has ended in between, or there is no such place
        return False
    masks = dict(line.split(":", 1) for line in status.splitlines())
    deaf = int(masks["SigBlk"], 16) | int(masks["SigIgn"], 16)
    return not deaf >> (signal.SIGINT - 1) & 1


def test_ctrl_c_in_a_terminal_reaches_no_worker_and_keeps_finished_parts(
    home: Path, tmp_path: Path
) -> None:
    """A terminal sends it to every process of the command; local workers are among them."""
    to = tmp_path / "p"
    words = ("prepare", home / "photos", "--to", to, "--size", "16", "--parts", "24")
    with command(*words, "--on", "dask") as work:
        until(lambda: len(whole_parts(to)) >= 2)
        begun = psutil.Process(work.pid).children(recursive=True)
        assert [process.cmdline() for process in begun if hears_ctrl_c(process.pid)] == []
        os.killpg(work.pid, signal.SIGINT)
        _, err = work.communicate(timeout=60)
        _, living = psutil.wait_procs(begun, timeout=10)
    assert work.returncode == 130, err
    assert "are kept" in err
    assert "Error" not in err
    assert "Traceback" not in err
    assert len(whole_parts(to)) >= 2
    assert living == []


def test_when_no_worker_is_left_that_is_said_until_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.cluster import dask_workers

    monkeypatch.setattr(dask_workers, "_ALONE", 1.0)
    mark = str(tmp_path / "died")

    def die_once(_: object) -> int:
        if not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(2)
        return 7

    said: list[str] = []
    with ExitStack() as later, two_workers(tmp_path, count=1) as cluster:

        def say(words: str) -> None:
            said.append(words)
            if len(said) == 1:
                later.enter_context(a_worker(tmp_path))

        with DaskWorkers(cluster.on) as workers:
            assert workers.run([die_once], package.Listener(say=say)) == [7]
    where = cluster.on.removeprefix("dask://")
    assert said == [
        f"No worker is left at {where}; waiting for one. Ctrl-C keeps what is finished.",
        f"A worker is there again at {where}; the work goes on.",
    ]


def test_a_part_that_costs_four_workers_ends_the_work_with_a_sentence(tmp_path: Path) -> None:
    def die(_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with two_workers(tmp_path, count=5) as cluster, DaskWorkers(cluster.on) as workers:
        until(lambda: workers.count == 5)
        with pytest.raises(LookalikeError, match=r"^One part cost 4 workers: .*--parts") as told:
            workers.run([die], package.progress.NOBODY)
        assert sum(worker.poll() is None for worker in cluster.workers) == 1
    assert "memory" in str(told.value)


def test_a_scheduler_that_is_lost_in_the_middle_is_told_in_a_sentence(tmp_path: Path) -> None:
    with two_workers(tmp_path, count=1) as cluster:
        scheduler = cluster.scheduler.pid

        def lose(_: object) -> None:
            os.kill(scheduler, signal.SIGKILL)
            time.sleep(60)

        with DaskWorkers(cluster.on) as workers, pytest.raises(LookalikeError) as told:
            workers.run([lose, lose], package.progress.NOBODY)
    where = cluster.on.removeprefix("dask://")
    assert str(told.value).startswith(f"The scheduler at {where} is gone or let the work go (")
    assert str(told.value).endswith("the same command with --parts 2 goes on.")


@pytest.mark.parametrize("verb", ["doctor", "transform", "generate", "evaluate", "expand"])
def test_every_verb_on_two_workers_is_that_of_one_machine(
    home: Path, cluster: Cluster, tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    answers = []
    for place, machines in (("a", {}), ("b", {"on": cluster.on, "parts": 3})):
        to = tmp_path / place / "out"
        to.parent.mkdir()
        words = {
            "doctor": ((home / "photos", to), {"quick": True}),
            "transform": ((home / "photos", "fliph", "noise_0.01"), {"to": to}),
            "generate": ((home / "r", to), {"count": 200, "grid": True}),
            "evaluate": ((home / "r", home / "p"), {"count": 600, "judge": "random"}),
            "expand": ((home / "p", to), {"run": home / "r", "tries": 2, "steps": 20}),
        }[verb]
        answers.append(getattr(package, verb)(*words[0], **words[1], **machines).as_dict())
    first, second = answers
    for name in ("page", "folder", "grid"):
        first[name] = second[name] = None
    assert first == second
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


CRASHING = """
import os, resource
from PIL import Image

true = Image.open

def crashing(file, *words, **named):
    if hasattr(file, "getvalue") and file.getvalue().endswith(b"crash"):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.abort()
    return true(file, *words, **named)

Image.open = crashing
"""


def test_a_file_that_crashes_the_decoder_costs_itself_as_on_one_machine(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that decodes dies of it, and no worker does."""
    python, photos = tmp_path / "python", tmp_path / "photos"
    python.mkdir()
    (python / "sitecustomize.py").write_text(CRASHING)
    path = os.pathsep.join([str(python), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)  # of the workers
    monkeypatch.syspath_prepend(str(python))  # of this process, which hands it to decoders
    shutil.copytree(home / "photos", photos)
    for name in ("a/0007.png", "b/0107.png"):
        with (photos / name).open("ab") as file:
            file.write(b"crash")

    def done(place: str, **machines: object) -> dict[str, str]:
        """What each verb answers."""
        to = tmp_path / place
        words = {
            "prepare": ((photos, to / "pack"), {"size": 16}),
            "doctor": ((photos, to / "page"), {"quick": True}),
            "transform": ((photos, "fliph"), {"to": to / "copies"}),
        }
        to.mkdir()
        answers = {
            verb: getattr(package, verb)(*words[0], **words[1], workers=1, **machines)
            for verb, words in words.items()
        }
        return {
            verb: json.dumps(one.as_dict()).replace(f"/{place}/", "/")
            for verb, one in answers.items()
        }

    alone = done("one")
    with two_workers(tmp_path) as cluster:
        together = done("two", on=cluster.on, parts=3)
        assert all(worker.poll() is None for worker in cluster.workers)
    assert together == alone
    assert {told.count("crashed the decoder (exit code -6)") for told in alone.values()} == {2}
    first, second = (contents(tmp_path / place) for place in ("one", "two"))
    assert {**first, "pack/pack.json": b""} == {**second, "pack/pack.json": b""}


def test_progress_is_one_bar(home: Path, cluster: Cluster, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    listener = package.Listener(lambda *words: told.append(words))
    words = {"size": 16, "on": cluster.on, "parts": 2, "listener": listener}
    package.prepare(home / "photos", tmp_path / "p", **words)
    assert {one[0] for one in told} == {"preparing pictures"}
    assert told[-1] == ("preparing pictures", 108, 108)


def test_the_bar_is_full_when_all_parts_are_done(cluster: Cluster) -> None:
    """What they say in the last half second is not waited for."""

    def work(listener: package.Listener) -> None:
        for done in range(1, 5):
            listener.tell("counting", done, 5)
        time.sleep(0.3)

    told: list[tuple[str, int, int]] = []
    with DaskWorkers(cluster.on) as workers:
        workers.run([work] * 3, package.Listener(lambda *words: told.append(words)))
    assert told[-1] == ("counting", 15, 15)


def test_an_error_of_a_part_is_the_error_of_the_verb(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(NoImagesError, match="holds no file"):
        package.prepare(tmp_path / "photos", tmp_path / "p", on=cluster.on)


def test_a_scheduler_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.cluster import dask_workers

    monkeypatch.setattr(dask_workers, "_PATIENCE", 0.5)
    with pytest.raises(LookalikeError, match=r"No dask worker answers at 127\.0\.0\.1:1 "):
        package.prepare(tmp_path, tmp_path / "p", on="dask://127.0.0.1:1")
    with pytest.raises(LookalikeError, match="Choose local, dask"):
        package.prepare(tmp_path, tmp_path / "p", on="ray")


def test_workers_of_its_own_end_with_the_work(home: Path, tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    done = package.prepare(home / "photos", tmp_path / "p", size=16, on="dask", parts=2)
    assert done.count == 100
    begun = set(psutil.Process().children(recursive=True)) - before
    _, living = psutil.wait_procs(begun, timeout=10)
    assert [process.cmdline() for process in living] == []


def test_a_worker_that_lacks_a_package_is_told_in_a_sentence() -> None:
    from lookalike.cluster.dask_workers import DaskWorkers

    class Failed:
        def __init__(self, problem: Exception, cause: Exception | None = None) -> None:
            self._problem, self._problem.__cause__ = problem, cause

        def result(self) -> None:
            raise self._problem

    workers, missing = DaskWorkers("dask"), ModuleNotFoundError("No module named 'lookalike'")
    for failed in (Failed(missing), Failed(RuntimeError("Error during deserialization"), missing)):
        with pytest.raises(LookalikeError, match=r"lacks a package .*'lookalike'"):
            workers._answer(failed)
    with pytest.raises(RuntimeError, match="of its own"):
        workers._answer(Failed(RuntimeError("of its own")))
