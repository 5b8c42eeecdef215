"""Somebody who asks a studio that answers on a real port: with our cookie, or as a stranger."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("starlette", reason="the studio needs the extra: pip install lookalike[studio]")

import uvicorn

from lookalike.settings.studio import StudioSettings
from lookalike.studio.server.server import Served, configuration, prepare

STRANGE = "<img src=x onerror=alert(1)>"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Somebody who asks a studio, with our cookie or without."""

    served: Served
    cookie: str = ""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.served.port}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str | None
    ) -> Answer:
        """A request with exactly these headers; ``_`` in their names is ``-``, None leaves out."""
        given: dict[str, str | None] = {"host": self.host, "cookie": self.cookie or None}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        line = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=30)
        line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            if value is not None:
                line.putheader(name, value)
        if body is not None and "content-length" not in given:
            line.putheader("content-length", str(len(body)))
        line.endheaders(body)
        answer = line.getresponse()
        found = Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        line.close()
        return found

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, **headers)

    def change(
        self, path: str, value: Any = None, method: str = "POST", **headers: str | None
    ) -> Answer:
        """A change as our page asks for it, but for these headers."""
        octets = isinstance(value, bytes)
        ours: dict[str, str | None] = {
            "origin": f"http://{self.host}",
            "x_lookalike": "1",
            "content_type": "application/octet-stream" if octets else "application/json",
        }
        body = value if octets else json.dumps(value or {}).encode()
        return self.ask(method, path, body, **{**ours, **headers})

    def put(self, path: str, data: bytes, **headers: str | None) -> Answer:
        return self.change(path, data, "PUT", **headers)

    def ids(self, kind: str) -> dict[str, str]:
        """The ids of everything of a kind, by name."""
        entries = self.get("/api/library?anew=1").json["entries"]
        return {entry["name"]: entry["id"] for entry in entries if entry["kind"] == kind}


def let_in(served: Served, link: str | None = None) -> Client:
    """Trade the token of a link for the cookie."""
    client = Client(served)
    token = parse_qs(urlsplit(link or served.link()).query)["token"][0]
    traded = client.get(f"/?token={token}")
    client.cookie = traded.headers["set-cookie"].partition(";")[0]
    return client


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Served]:
    """A studio in a thread of this process."""
    served = prepare(folder, StudioSettings(port=0, open=False, **settings))
    server = uvicorn.Server(configuration(served))
    sockets = {"sockets": [served.socket]}
    thread = threading.Thread(target=server.run, kwargs=sockets, name="server", daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended before it served"
            time.sleep(0.01)
        yield served
    finally:
        server.should_exit = True
        thread.join(30)
        served.socket.close()
        served.studio.worker.close()
