"""The only file that knows the HTTP client (httpx): replace it here, and nowhere else.

Connections are opened by ``guard``, which checks the address it connects to and keeps to the
deadline of the request.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.errors import need
from lookalike.sources.http.refusals import RefusedError

if TYPE_CHECKING:
    import httpx
    from httpx import Client as HttpxClient


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
        httpx = need("httpx", "collect", "collecting from the web")
        from lookalike.sources.http.guard import GuardedBackend, RequestClock, transport

        self._clock = RequestClock()
        self._httpx = httpx
        self._client: HttpxClient = httpx.Client(
            transport=transport(
                GuardedBackend(allow_private=allow_private, clock=self._clock, stopping=stopping)
            ),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
        )

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
