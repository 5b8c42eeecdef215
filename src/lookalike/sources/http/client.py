"""The only file that knows the HTTP client (httpx): replace it here, and nowhere else.

Connections go to checked addresses only, and end with the deadline of their request. httpx and
httpcore are optional packages, so nothing of theirs is subclassed or imported before it is needed.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lookalike.errors import need
from lookalike.sources.http.addresses import checked
from lookalike.sources.http.refusals import RefusedError

if TYPE_CHECKING:
    import httpx
    from httpcore import NetworkStream

SLICE = 0.5
"""Seconds after which a waiting read looks whether it should stop."""


@dataclass(frozen=True)
class HttpAnswer:
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
        self._httpx = need("httpx", "collect", "collecting from the web")
        self._clock = RequestClock(stopping)
        self._client = self._httpx.Client(
            transport=self._transport(GuardedBackend(self._clock, allow_private=allow_private)),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
        )

    def _transport(self, backend: GuardedBackend) -> httpx.BaseTransport:
        """An httpx transport whose connections are opened by the guard."""
        trust = self._httpx.create_ssl_context()
        made: httpx.HTTPTransport = self._httpx.HTTPTransport(verify=trust)
        made._pool.close()
        # httpx has no public way to name a network backend; the pool is its one private seam.
        made._pool = self._clock.httpcore.ConnectionPool(
            ssl_context=trust,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=15.0,
            network_backend=backend,
        )
        return made

    @contextmanager
    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, total: float
    ) -> Iterator[HttpAnswer]:
        """Send one request and give the head of its answer; ``total`` seconds end it in any case.

        Raises:
            RefusedError: the host cannot be reached, is not allowed, or broke the rules of HTTP.
        """
        self._clock.deadline = time.monotonic() + total
        try:
            with self._client.stream(method, url, headers=dict(headers), content=body) as answer:
                yield HttpAnswer(answer.status_code, _folded(answer), answer.iter_raw())
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


class RequestClock(threading.local):
    """The deadline of the request that this thread is making, on the monotonic clock."""

    def __init__(self, stopping: threading.Event) -> None:
        self.httpcore: Any = need("httpcore", "collect", "collecting from the web")
        self.stopping = stopping
        self.deadline = 0.0

    def left(self, timeout: float | None) -> float:
        """Seconds left for one step that may take ``timeout`` by itself.

        Raises:
            httpcore.ReadTimeout: none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self.httpcore.ReadTimeout("the time for this file is used up")
        return left if timeout is None else min(timeout, left)


class GuardedBackend:
    """httpcore's network backend: checks every answer to a name, connects to a checked number."""

    def __init__(self, clock: RequestClock, *, allow_private: bool) -> None:
        self._clock, self._allow_private = clock, allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> WatchedStream:
        """Connect to the first of the name's addresses that answers.

        Raises:
            RefusedError: one of them is not allowed.
        """
        core = self._clock.httpcore
        problem: Exception = core.ConnectError(f"{host} has no address")
        for address in checked(host, port, allow_private=self._allow_private):
            left = self._clock.left(timeout)
            try:
                stream = core.SyncBackend().connect_tcp(
                    address, port, left, local_address, socket_options
                )
            except (core.ConnectError, core.ConnectTimeout) as failure:
                problem = failure
            else:
                return WatchedStream(stream, self._clock)
        raise problem


class WatchedStream:
    """A connection that ends with the request's deadline, or soon after the stop.

    Time-outs of single reads are not enough: a server that drips a byte now and then meets each.
    """

    def __init__(self, inner: NetworkStream, clock: RequestClock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read in slices of time."""
        end = time.monotonic() + self._clock.left(timeout)
        while True:
            left = end - time.monotonic()
            try:
                return self._inner.read(max_bytes, max(0.001, min(SLICE, left)))
            except self._clock.httpcore.ReadTimeout:
                if self._clock.stopping.is_set() or time.monotonic() >= end:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write within the time that is left."""
        self._inner.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> WatchedStream:
        """Encrypt; the name that the certificate must have is the one in the address."""
        left = self._clock.left(timeout)
        return WatchedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows of itself."""
        return self._inner.get_extra_info(info)
