"""A server on 127.0.0.1 that answers while a test runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@contextmanager
def local_server(
    handler: Callable[..., BaseHTTPRequestHandler] = BaseHTTPRequestHandler,
) -> Iterator[tuple[str, Any]]:
    """Its address and the server, whose ``RequestHandlerClass`` may still be replaced."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", server
        server.shutdown()
        thread.join()
