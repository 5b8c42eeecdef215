"""Small distinct pictures as people bring them, and the short ways to use them in this process."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lookalike import api
from lookalike.cli.main import main
from lookalike.data.pack import Pack
from lookalike.stages.prepare import Prepared

QUICK = ("--recipe", "tiny", "--set", "images=32", "width=2", "batch=16", "--threads", "1")


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


def lookalike(*words: object) -> Ended:
    """Run the command line."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ended(status, out.getvalue(), err.getvalue())


def picture(number: int, size: int = 32) -> Image.Image:
    """Sixteen colored squares; every number has others."""
    draw = np.random.default_rng(number)
    squares = draw.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(squares.repeat(size // 4, 0).repeat(size // 4, 1))


def png(number: int, size: int = 32) -> bytes:
    """The bytes of a picture."""
    buffer = io.BytesIO()
    picture(number, size).save(buffer, "PNG")
    return buffer.getvalue()


def fill(
    folder: Path,
    count: int,
    first: int = 0,
    size: int = 32,
    name: str = "{:04d}.png",
) -> Path:
    """Write pictures ``first`` to ``first + count`` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        picture(number, size).save(folder / name.format(number))
    return folder


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, with its size and the time of its last change."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): (file.stat().st_size, file.stat().st_mtime_ns)
        for file in files
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, caches aside."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".features" not in path.parts
    }


def until(look: Callable[[], Any], seconds: float = 60.0, pause: float = 0.02) -> Any:
    """What ``look`` gives as soon as it is something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(pause)
    return found


@contextlib.contextmanager
def running(*words: object, **how: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process, which ends with its children when the test leaves it, however it does."""
    command = [str(word) for word in words]
    with subprocess.Popen(command, start_new_session=True, **how) as process:
        try:
            yield process
        finally:
            process.terminate()  # torchrun ends its ranks, which have sessions of their own
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def prepared(source: Path, **settings: Any) -> Prepared:
    """The pack of a source, at 16 px, beside it."""
    wanted = {"size": 16, "workers": 0, **settings}
    return api.prepare(source, source.parent / f"{source.name}.pack", **wanted)


def classes(done: Prepared) -> dict[str, str | None]:
    """The class of each picture by its name in the source."""
    return {row["source"]: row.get("class") for row in Pack.open(done.path).manifest()}


def refusals(done: Prepared) -> Mapping[str, str]:
    """The reason by the name of each file that was left out."""
    return {row["source"]: row["reason"] for row in Pack.open(done.path).refused()}
