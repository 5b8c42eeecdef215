"""The transport under the HTTP client: opens only checked connections, and ends them in time.

Imported by ``client`` alone, after it has made sure that httpx is installed.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from lookalike.sources.http.addresses import checked

SLICE = 0.5
"""Seconds after which a waiting read looks whether it should stop."""


class RequestClock(threading.local):
    """The deadline of the request that this thread is making, on the monotonic clock."""

    deadline: float = 0.0

    def left(self, timeout: float | None) -> float:
        """Seconds left for one step that may take ``timeout`` by itself.

        Raises:
            httpcore.ReadTimeout: none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for this file is used up")
        return left if timeout is None else min(timeout, left)


class WatchedStream(httpcore.NetworkStream):
    """A connection that ends with the request's deadline, or soon after ``stopping`` is set.

    Time-outs of single reads are not enough: a server that drips a byte now and then meets each.
    """

    def __init__(
        self, inner: httpcore.NetworkStream, clock: RequestClock, stopping: threading.Event
    ) -> None:
        self._inner, self._clock, self._stopping = inner, clock, stopping

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read in slices of time."""
        end = time.monotonic() + self._clock.left(timeout)
        while True:
            left = end - time.monotonic()
            try:
                return self._inner.read(max_bytes, max(0.001, min(SLICE, left)))
            except httpcore.ReadTimeout:
                if self._stopping.is_set() or time.monotonic() >= end:
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
    ) -> httpcore.NetworkStream:
        """Encrypt; the name that the certificate must have is the one in the address."""
        left = self._clock.left(timeout)
        inner = self._inner.start_tls(ssl_context, server_hostname, left)
        return WatchedStream(inner, self._clock, self._stopping)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows of itself."""
        return self._inner.get_extra_info(info)


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a name once, checks every answer, and connects to the checked number."""

    def __init__(
        self, *, allow_private: bool, clock: RequestClock, stopping: threading.Event
    ) -> None:
        self._allow_private, self._clock, self._stopping = allow_private, clock, stopping

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the name's addresses that answers.

        Raises:
            RefusedError: one of them is not allowed.
        """
        problem: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in checked(host, port, allow_private=self._allow_private):
            left = self._clock.left(timeout)
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    address, port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                problem = failure
            else:
                return WatchedStream(stream, self._clock, self._stopping)
        raise problem


def transport(backend: GuardedBackend) -> httpx.BaseTransport:
    """An httpx transport whose connections are opened by the guard."""
    trust = httpx.create_ssl_context()
    made = httpx.HTTPTransport(verify=trust)
    made._pool.close()
    # httpx has no public way to name a network backend; the pool is its one private seam.
    made._pool = httpcore.ConnectionPool(
        ssl_context=trust,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=15.0,
        network_backend=backend,
    )
    return made
