"""Commands of the program in forked processes, with a fault at one of their file operations.

A *nursery* process has imported everything; it forks one child a command, so that a command costs
a tenth of a second instead of two. In the child an audit hook counts the file operations below the
working folder (open, rename, remove, mkdir ...), and at the one that the order names it kills the
process, or raises the error that a disk would give. Below Python a small library (``shim.c``)
counts bytes, and fails as a disk does or turns the clock. What a process is born with (a locale, a
home, how many processes its user may have) is that of a nursery of its own: ``Nursery.near``.
"""

from __future__ import annotations

import ctypes
import errno
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

COUNTED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink",
           "os.truncate", "os.listdir", "os.scandir"}  # fmt: skip
READING = {"os.listdir", "os.scandir"}
LASTING = {"ENOSPC", "EDQUOT", "EROFS"}
"""Errors that stay once they are there; others come once."""
PRELOADED = (
    "lookalike.api.training",
    "lookalike.api.pictures",
    "lookalike.api.data",
    "lookalike.api.evaluation",
    "torch._dynamo",
)
SURROUNDINGS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "locale C": ((), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "no /dev/shm": (
        ("unshare", "--mount", "sh", "-c",
         'mount -t tmpfs -o ro none /dev/shm && exec "$@"', "sh"), {}),
    "a read-only home": (
        ("unshare", "--mount", "sh", "-c",
         'mount -t tmpfs -o ro none "$HOME" && exec "$@"', "sh"), {"HOME": "/mnt"}),
    "few processes": (
        ("setpriv", "--ruid", "54321", "--bounding-set", "-sys_resource,-sys_admin"), {}),
}  # fmt: skip
"""What a nursery is started by, and with which variables. Limits of processes do not bind root: the
last one's real user is another, which still may read what root may."""
COUNTERS = ("written", "read", "asked")
"""What the shim counts: bytes written and read, and how often the time was asked for."""
TRACEBACK = 70
"""The exit status of a child in which something that is no error of ours came through."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens at the operation with this number, counted from 1; nothing if it is 0.

    ``kind``: "kill", or the name of an errno. With ``writes`` operations that only read are not
    counted.
    """

    kind: str = ""
    at: int = 0
    writes: bool = False


class UntriedError(Exception):
    """What a trial needs is not to be had on this machine."""


@dataclass(frozen=True)
class Ended:
    """Exit status (negative for a signal), what was printed, seconds, and what was counted."""

    status: int
    said: str
    seconds: float
    operations: int = 0
    writes: int = 0
    written: int = 0
    read: int = 0
    asked: int = 0

    @property
    def wrong(self) -> str:
        """What no fault may lead to, in words, or nothing: a traceback or a crash."""
        if "Traceback" in self.said or self.status == TRACEBACK:
            return "a traceback: " + self.said[-600:]
        if self.status < 0 and -self.status not in (signal.SIGKILL, signal.SIGINT):
            return f"ended by signal {-self.status}"
        return ""


class Nursery:
    """Forks commands; see above. Use as a context."""

    def __init__(self, log: Path, surroundings: str = "") -> None:
        prefix, named = SURROUNDINGS.get(surroundings, ((), {}))
        self.log, self._near = log, dict[str, Nursery]()
        home = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path), **_shim(log)}
        self.process = subprocess.Popen(
            [
                *prefix,
                sys.executable,
                "-c",
                "from benchmarks.faults.commands import serve; serve()",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **home, **named},
        )

    def near(self, surroundings: str) -> Nursery:
        """A nursery in other surroundings, made once and closed with this one.

        Raises:
            UntriedError: this machine does not let us make them.
        """
        if surroundings not in self._near:
            prefix, named = SURROUNDINGS[surroundings]
            command = [*prefix, sys.executable, "-c", ""]
            able = not prefix or shutil.which(prefix[0])
            environment = {**os.environ, **named}
            if not able or subprocess.run(command, capture_output=True, env=environment).returncode:
                raise UntriedError(f"{surroundings} cannot be had here")
            self._near[surroundings] = Nursery(self.log, surroundings)
        return self._near[surroundings]

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        for other in self._near.values():
            other.__exit__()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)

    def run(
        self,
        words: Sequence[str],
        place: Path,
        fault: Fault | None = None,
        *,
        kill_after: float = 0.0,
        limits: Mapping[str, int] | None = None,
        below: Mapping[str, int] | None = None,
    ) -> Ended:
        """One command in a folder, to its end or to its fault.

        ``kill_after`` seconds (if above 0) it is killed from outside; ``limits`` are resource
        limits by the names of :mod:`resource` (RLIMIT_FSIZE ...; RLIMIT_AS is what may be added to
        the memory of the beginning); ``below`` is what the shim is told, by its names without
        ``FAULTS_`` (WRITE ...).
        """
        order = {
            "words": list(words),
            "place": str(place),
            "log": str(self.log),
            "fault": asdict(fault or Fault()),
            "limits": dict(limits or {}),
            "below": {name: str(value) for name, value in (below or {}).items()},
        }
        begun = time.monotonic()
        child = int(self._ask(json.dumps(order)))
        if kill_after > 0:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)  # not reaped before we read its status below
        status = os.waitstatus_to_exitcode(int(self._ask("")))
        seconds = time.monotonic() - begun
        said = self.log.read_text("utf-8", "replace")
        counted = self.log.with_suffix(".count")
        counts = json.loads(counted.read_text("ascii")) if counted.exists() else {}
        return Ended(status, said, seconds, **counts)

    def _ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


def _shim(log: Path) -> dict[str, str]:
    """The variable that loads the shim, which is compiled once; nothing without a compiler."""
    made = log.with_name("shim.so")
    if not made.exists():
        compiler = shutil.which("cc")
        source = Path(__file__).with_name("shim.c")
        command = [compiler or "", "-shared", "-fPIC", "-O1", str(source), "-o", str(made), "-ldl"]
        if compiler is None or subprocess.run(command, capture_output=True).returncode:
            return {}
    return {"LD_PRELOAD": str(made)}


def _counted_below() -> dict[str, int]:
    """The counts of the shim; nothing where it was not loaded."""
    library = ctypes.CDLL(None)
    try:
        return {n: ctypes.c_long.in_dll(library, f"faults_{n}").value for n in COUNTERS}
    except ValueError:
        return {}


class Tap:
    """The audit hook of a child."""

    def __init__(self, place: str, fault: Fault) -> None:
        self.place, self.fault = place, fault
        self.operations = self.writes = 0
        self.closed = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.closed or event not in COUNTED or not self._ours(arguments[0]):
            return
        writes = event not in READING and (event != "open" or _writing(*arguments[1:3]))
        self.operations += 1
        self.writes += writes
        if self.fault.at == 0 or (self.fault.writes and not writes):
            return
        now = self.writes if self.fault.writes else self.operations
        lasting = self.fault.kind in LASTING and now > self.fault.at
        if now == self.fault.at or lasting:
            self._strike(arguments[0])

    def _ours(self, path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        text = os.fsdecode(path)
        return not os.path.isabs(text) or text.startswith(self.place)

    def _strike(self, path: object) -> None:
        if self.fault.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.fault.kind)
        raise OSError(number, os.strerror(number), path)


def _writing(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _child(order: dict[str, Any]) -> None:
    import resource

    from lookalike.cli.main import main

    log = Path(order["log"])
    log.with_suffix(".count").unlink(missing_ok=True)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir(order["place"])
    before = _counted_below()
    for name, value in {"PLACE": order["place"], **order["below"]}.items():
        count = before.get("asked", 0) if name == "CLOCK" else 0
        os.environ[f"FAULTS_{name}"] = str(int(value) + count) if count else value
    tap = Tap(order["place"], Fault(**order["fault"]))
    sys.addaudithook(tap)
    for name, most in order["limits"].items():
        most += _memory() if name == "RLIMIT_AS" else 0
        resource.setrlimit(getattr(resource, name), (most, most))
    status = _status(main, order["words"])
    tap.closed = True
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    below = {name: count - before[name] for name, count in _counted_below().items()}
    counts = {"operations": tap.operations, "writes": tap.writes, **below}
    log.with_suffix(".count").write_text(json.dumps(counts), "ascii")
    os._exit(status)


def _memory() -> int:
    """The address space of this process in bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _status(main: Any, words: list[str]) -> int:
    try:
        main(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        return TRACEBACK
    return 0


def _default(function: Any, name: str, value: object) -> None:
    """Give an argument of a function another default."""
    known = inspect.signature(function).parameters.values()
    defaults = {one.name: one.default for one in known if one.default is not one.empty}
    assert name in defaults, f"{function} has no default of {name}"
    function.__defaults__ = tuple({**defaults, name: value}.values())


def serve() -> None:
    from importlib import import_module

    for name in PRELOADED:
        import_module(name)
    from lookalike.engine.session import Session

    _default(Session.__init__, "save_every", 0.2)  # saves often, so that kills hit saves
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a limit of file sizes is an error then
    for line in sys.stdin:
        if not line.strip():
            continue
        child = os.fork()
        if not child:
            _child(json.loads(line))
        print(child, flush=True)
        sys.stdin.readline()
        print(os.waitpid(child, 0)[1], flush=True)
