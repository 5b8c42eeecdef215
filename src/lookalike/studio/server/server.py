"""The server: a port of this machine, the guard and the app behind it, until Ctrl-C."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lookalike.errors import LookalikeError
from lookalike.settings.studio import LOOPBACK, StudioSettings
from lookalike.studio.guard import Doors, Guard
from lookalike.studio.jobs import Jobs
from lookalike.studio.library import Library
from lookalike.studio.server.app import make_app
from lookalike.studio.studio import Studio

PORT, TRIES = 8420, 40
MOST_CONNECTIONS = 512
BACKLOG = 2048
HEAD_SECONDS = 15.0
"""Seconds in which a connection must ask for something."""


@dataclass(frozen=True)
class Served:
    """A studio that is ready to be served: its app, its socket, and the first link."""

    studio: Studio
    app: Guard
    doors: Doors
    socket: socket.socket
    host: str
    port: int

    def link(self) -> str:
        """A link that lets one browser in."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        shown = f"[{shown}]" if ":" in shown else shown
        return f"http://{shown}:{self.port}/?token={self.doors.token()}"


def serve(folder: Path, settings: StudioSettings, say: Callable[[Served, str], None]) -> None:
    """Serve the studio of a folder until somebody presses Ctrl-C.

    ``say`` hears of the studio and its first link when it can be opened.

    Raises:
        LookalikeError: there is no such folder, or the port is taken.
    """
    served = prepare(folder, settings)
    link = served.link()
    server = uvicorn.Server(configuration(served))
    try:
        say(served, link)
        if settings.open:
            threading.Timer(0.3, webbrowser.open, [link]).start()
        server.run(sockets=[served.socket])
    finally:
        served.studio.worker.close()


def prepare(folder: Path, settings: StudioSettings) -> Served:
    """Listen at the port and put the app together; who connects now is answered when it runs.

    Raises:
        LookalikeError: there is no such folder, or the port is taken.
    """
    if not folder.is_dir():
        raise LookalikeError(
            f"{folder} is no folder. Name the one with your pictures and runs, or leave it out "
            "for the current one."
        )
    bound = _bound(settings)
    port = int(bound.getsockname()[1])
    doors = Doors(port)
    library = Library(folder)
    studio = Studio(settings, library, Jobs(library.home / "jobs"))
    if not settings.read_only:
        studio.jobs.resume()
    guard = Guard(make_app(studio), _hosts(settings.host, port), doors, settings.read_only)
    return Served(studio, guard, doors, bound, settings.host, port)


class _Impatient(H11Protocol):
    """Closes connections that ask for nothing, or for years with one letter after the other."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.loop.call_later(HEAD_SECONDS, self._close_silent)

    def _close_silent(self) -> None:
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE:
            self.transport.close()
        else:
            self.loop.call_later(HEAD_SECONDS, self._close_silent)


def configuration(served: Served) -> uvicorn.Config:
    """How uvicorn serves it: quietly, with limits, and believing no proxy."""
    return uvicorn.Config(
        served.app,
        http=_Impatient,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=1,
    )


def _bound(settings: StudioSettings) -> socket.socket:
    """A socket that listens; without a wish the first port that is free."""
    first = PORT if settings.port is None else settings.port
    wanted = range(first, first + (TRIES if settings.port is None else 1))
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for port in wanted:
        taken = socket.socket(family, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((settings.host, port))
            # With SO_REUSEADDR two may bind a port; only one of them may listen.
            taken.listen(BACKLOG)
            return taken
        except OSError as problem:
            taken.close()
            last = problem
    raise LookalikeError(
        f"{settings.host} cannot be served on port {first} ({last.strerror}). Name another port "
        "with --port, or end what uses this one."
    )


def _hosts(host: str, port: int) -> frozenset[str]:
    """What a browser may call us: this machine, and the address that was named."""
    names = {"127.0.0.1", "localhost", "[::1]"}
    if host not in LOOPBACK:
        names.add(f"[{host}]" if ":" in host else host.lower())
    if host in ("0.0.0.0", "::"):
        names |= _own_names()
    return frozenset(f"{name}:{port}" for name in names) | frozenset(names if port == 80 else ())


def _own_names() -> set[str]:
    """The names and addresses of this machine, for a studio that is open to its network."""
    name = socket.gethostname()
    try:
        _, others, addresses = socket.gethostbyname_ex(name)
    except OSError:
        others, addresses = [], []
    return {one.lower() for one in (name, *others, *addresses)}
