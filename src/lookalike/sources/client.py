"""The only file that knows the HTTP client (httpx): replace it here, and nowhere else.

The client resolves no name by itself: connections are opened by :class:`GuardedBackend`, which
checks the address it connects to, and every read keeps to the deadline of the request, so that a
server that drips one byte now and then cannot hold us (read timeouts alone allow that).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lookalike.errors import need
from lookalike.sources.addresses import checked
from lookalike.sources.refusals import RefusedError

if TYPE_CHECKING:
    import httpcore
    import httpx
    from httpx import Client as HttpxClient


SLICE = 0.5
"""Seconds after which a waiting read looks whether it should stop."""


@dataclass(frozen=True)
class Answer:
    """The head of an HTTP answer; ``chunks`` gives the body as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Client:
    """One HTTP request at a time and per thread: no redirects, no retries, no cookies, no proxies.

    Args:
        allow_private: let connections go to private and loopback addresses.
        timeout: seconds for connecting and for each read.
        stopping: once set, reads end within a second.
    """

    def __init__(self, *, allow_private: bool, timeout: float, stopping: threading.Event) -> None:
        httpx = need("httpx", "collect", "collecting from the web")
        self._clock = threading.local()
        self._httpx = httpx
        self._client: HttpxClient = httpx.Client(
            transport=_transport(allow_private, self._clock, stopping),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
        )

    @contextmanager
    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, total: float
    ) -> Iterator[Answer]:
        """Send one request and give the head of its answer; ``total`` seconds end it in any case.

        Raises:
            RefusedError: the host cannot be reached, is not allowed, or broke the rules of HTTP.
        """
        self._clock.deadline = time.monotonic() + total
        try:
            with self._client.stream(method, url, headers=dict(headers), content=body) as answer:
                yield Answer(answer.status_code, _folded(answer), answer.iter_raw())
        except self._httpx.TimeoutException as problem:
            raise RefusedError("too slow", str(problem), final=False) from problem
        except (self._httpx.HTTPError, self._httpx.InvalidURL, ssl.SSLError) as problem:
            raise RefusedError(
                "connection failed", str(problem), final=False, again=True
            ) from problem

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()


def _folded(answer: httpx.Response) -> dict[str, str]:
    """Headers in lower case; repeated ones are joined by commas."""
    folded: dict[str, str] = {}
    for name, value in answer.headers.multi_items():
        key = name.lower()
        folded[key] = f"{folded[key]}, {value}" if key in folded else value
    return folded


def _transport(
    allow_private: bool, clock: threading.local, stopping: threading.Event
) -> httpx.BaseTransport:
    """An httpx transport over an httpcore pool whose connections are opened by our guard."""
    import httpcore
    import httpx

    class Stream(httpcore.NetworkStream):
        """A connection that ends with the request's deadline."""

        def __init__(self, inner: httpcore.NetworkStream) -> None:
            self._inner = inner

        def _left(self, timeout: float | None) -> float:
            left = float(clock.deadline) - time.monotonic()
            if left <= 0:
                raise httpcore.ReadTimeout("the time for this file is used up")
            return left if timeout is None else min(timeout, left)

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            end = time.monotonic() + self._left(timeout)
            while True:
                left = end - time.monotonic()
                try:
                    return self._inner.read(max_bytes, max(0.001, min(SLICE, left)))
                except httpcore.ReadTimeout:
                    if stopping.is_set() or time.monotonic() >= end:
                        raise

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._inner.write(buffer, self._left(timeout))

        def close(self) -> None:
            self._inner.close()

        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore.NetworkStream:
            left = self._left(timeout)
            return Stream(self._inner.start_tls(ssl_context, server_hostname, left))

        def get_extra_info(self, info: str) -> Any:
            return self._inner.get_extra_info(info)

    class GuardedBackend(httpcore.NetworkBackend):
        """Resolve, check every address, and connect to the checked number."""

        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore.NetworkStream:
            problem: Exception = httpcore.ConnectError(f"{host} has no address")
            for address in checked(host, port, allow_private=allow_private):
                try:
                    stream = httpcore.SyncBackend().connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                    problem = failure
                else:
                    return Stream(stream)
            raise problem

    trust = httpx.create_ssl_context()
    pool = httpcore.ConnectionPool(
        ssl_context=trust,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=15.0,
        network_backend=GuardedBackend(),
    )
    transport = httpx.HTTPTransport(verify=trust)
    transport._pool.close()
    # httpx has no public way to name a network backend; the pool is its one private seam.
    transport._pool = pool
    return transport
