"""A local web site for the tests: routes that a test fills, and a record of what was asked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from local_server import local_server
from PIL import Image

from lookalike.settings.collect import Limits, Manners


@dataclass
class Page:
    """One answer; ``write`` may replace the sending of the body."""

    body: bytes = b""
    kind: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    write: Callable[[BaseHTTPRequestHandler], None] | None = None
    then: bytes | None = None
    """If given, the body of the next answers, with status 200."""


@dataclass
class Site:
    """The routes of the site, by path with query or by path alone, and what was asked of it."""

    address: str
    server: ThreadingHTTPServer
    routes: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def url(self, path: str) -> str:
        return self.address + path

    def count(self, path: str) -> int:
        return sum(asked.partition("?")[0] == path for asked in self.asked)

    def put(self, path: str, body: bytes | str = b"", kind: str = "text/html", **how: Any) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.routes[path] = Page(data, kind, **how)

    def picture(self, path: str, number: int = 0, **how: Any) -> bytes:
        data = self.png(number)
        self.put(path, data, "image/png", **how)
        return data

    @staticmethod
    def png(number: int = 0, side: int = 72, form: str = "PNG") -> bytes:
        """A small picture of its own."""
        pixels = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST).save(buffer, form)
        return buffer.getvalue()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # one write waits 40 ms for the other's receipt otherwise

        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.agents.append(self.headers.get("user-agent", ""))
            site.bodies.append(self.rfile.read(int(self.headers.get("content-length", 0))))
            page = site.routes.get(self.path) or site.routes.get(self.path.partition("?")[0])
            if page is None:
                page = Page(b"nothing here", status=404)
            if page.then is not None:
                site.put(self.path.partition("?")[0], page.then)
            self.send_response(page.status)
            headers = {"content-type": page.kind, "content-length": str(len(page.body))}
            for name, value in {**headers, **page.headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            try:
                if page.write is not None:
                    self.close_connection = True
                    page.write(self)
                else:
                    self.wfile.write(page.body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on 127.0.0.1 for one test."""
    with local_server() as (address, server):
        here = Site(address, server)
        server.RequestHandlerClass = _handler(here)
        yield here


@pytest.fixture
def quick() -> Manners:
    """Manners for our own server: no waiting, loopback allowed."""
    return Manners(delay=0, backoff=0.01, timeout=15, total=30, patience=2, allow_private=True)


@pytest.fixture
def limits() -> Limits:
    return Limits(most_mb=0.2, most_megapixels=1.0)
