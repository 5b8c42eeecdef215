"""The one guarded way to the web: limits, redirects, politeness and patience.

Everything that collects goes through :class:`Web`: pictures, search services, crawled pages, and
what a drawn page asks for.
"""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import IO, Any
from urllib.parse import urljoin

from lookalike import __version__
from lookalike.settings.collect import Manners
from lookalike.sources.http.addresses import clean, host_of
from lookalike.sources.http.client import Client, HttpAnswer
from lookalike.sources.http.refusals import BusyError, RefusedError

log = logging.getLogger(__name__)

REDIRECTS = {301, 302, 303, 307, 308}
WAIT = {429, 503}
AGAIN = {408, 500, 502, 504, 522, 524}
AGENT = "lookalike"
DELAY = 0.5
"""Seconds between two requests to one host, where nobody asked for others."""


def agent(manners: Manners) -> str:
    """The User-Agent: who we are and, if given, whom to write to."""
    whom = manners.contact or "collects pictures for a person; pass --contact to say for whom"
    return f"{AGENT}/{__version__} ({whom})"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer: ``url`` is the address after redirects, ``seconds`` the time it took."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def kind(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            RefusedError: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as problem:
            raise RefusedError("answer is not JSON", self.url, final=False) from problem


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request: at most ``most`` bytes of body are read, ``checks`` sees every address.

    With ``into`` the body goes to that file instead of memory; after its present end if the host
    honours the Range header of the request, from its beginning otherwise.
    """

    url: str
    most: int = 2_000_000
    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    follow: bool = True
    every_status: bool = False
    checks: Callable[[str], None] | None = None
    into: IO[bytes] | None = None
    total: float | None = None


class HostPace:
    """Keeps requests to one host apart; the same object for all threads."""

    def __init__(self, delay: float, sleep: Callable[[float], object]) -> None:
        self._delay: defaultdict[str, float] = defaultdict(lambda: delay)
        self._next: defaultdict[str, float] = defaultdict(float)
        self._lock = Lock()
        self._sleep = sleep

    def wait(self, host: str) -> None:
        """Sleep until it is this request's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next[host])
            self._next[host] = turn + self._delay[host]
        if turn > now:
            self._sleep(turn - now)

    def hold(self, host: str, seconds: float) -> None:
        """Nobody asks this host for so many seconds."""
        with self._lock:
            self._next[host] = max(self._next[host], time.monotonic() + seconds)

    def slow(self, host: str, seconds: float) -> None:
        """The host asks for this distance between requests (Crawl-delay)."""
        with self._lock:
            self._delay[host] = max(self._delay[host], seconds)


class Web:
    """Fetches within limits; shared by all threads.

    Args:
        manners: limits and politeness.
        client: the HTTP client, replaceable in tests and by another library.
        sleep: how to wait, replaceable in tests; by default a wait that :meth:`stop` ends.
    """

    def __init__(
        self,
        manners: Manners,
        *,
        client: Client | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.manners = manners
        self._stopping = Event()
        self.pace = HostPace(manners.or_delay(DELAY).delay or 0.0, sleep or self._stopping.wait)
        self._client = client or Client(
            allow_private=manners.allow_private,
            timeout=manners.timeout,
            stopping=self._stopping,
        )

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._client.close()

    def stop(self) -> None:
        """Fetch nothing more: what is under way ends within a second."""
        self._stopping.set()

    def get(self, ask: Ask) -> Reply:
        """Fetch, follow redirects, and come back later when asked to.

        Raises:
            RefusedError: with the reason and whether it is final.
        """
        for attempt in range(1, self.manners.tries + 1):
            last = attempt == self.manners.tries
            try:
                reply = self._followed(ask)
            except RefusedError as refusal:
                if last or not refusal.again:
                    raise
                self._later(host_of(clean(ask.url)), self.manners.backoff * 2 ** (attempt - 1))
                continue
            if reply.status in WAIT and not last:
                self._later(host_of(reply.url), self._asked_wait(reply, attempt))
            elif reply.status in AGAIN and not last:
                self._later(host_of(reply.url), self.manners.backoff * 2 ** (attempt - 1))
            elif ask.every_status or reply.status < 300:
                return reply
            else:
                _refuse(reply)
        raise AssertionError("the last attempt returns or raises")

    def _later(self, host: str, seconds: float) -> None:
        log.info("waiting %.1f s for %s", seconds, host)
        self.pace.hold(host, seconds)

    def _asked_wait(self, reply: Reply, attempt: int) -> float:
        """Seconds until the next try; the host's Retry-After, or our own growing one."""
        asked = retry_after(reply.headers)
        seconds = self.manners.backoff * 2**attempt if asked is None else asked
        if seconds > self.manners.patience:
            raise BusyError(
                f"{host_of(reply.url)} asks to wait {seconds:.0f} s, "
                f"more than the {self.manners.patience:.0f} s of patience"
            )
        return seconds

    def _followed(self, ask: Ask) -> Reply:
        url, seen = clean(ask.url), set[str]()
        for _ in range(self.manners.redirects + 1):
            if ask.checks is not None:
                ask.checks(url)
            reply = self._once(ask, url)
            target = reply.headers.get("location")
            if not ask.follow or reply.status not in REDIRECTS or target is None:
                return reply
            seen.add(url)
            url = clean(_target(url, target))
            if url in seen:
                raise RefusedError("redirects in a circle", url)
        raise RefusedError("too many redirects", f"more than {self.manners.redirects}")

    def _once(self, ask: Ask, url: str) -> Reply:
        self.pace.wait(host_of(url))
        if self._stopping.is_set():
            raise RefusedError("stopped", url, final=False)
        started = time.monotonic()
        headers = {"user-agent": agent(self.manners), "accept-encoding": "identity"}
        headers |= dict(ask.headers or {})
        with self._client.open(
            ask.method, url, headers=headers, body=ask.body, total=ask.total or self.manners.total
        ) as answer:
            wanted = (answer.status < 300 or ask.every_status) and answer.status not in REDIRECTS
            if wanted and ask.into is not None:
                _save(answer, ask.most, ask.into)
            body = _body(answer, ask.most) if wanted and ask.into is None else b""
        return Reply(
            url=url,
            status=answer.status,
            headers=answer.headers,
            body=body,
            seconds=time.monotonic() - started,
        )


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as problem:
        raise RefusedError("not an address", repr(location[:80])) from problem


def _body(answer: HttpAnswer, most: int) -> bytes:
    """The decoded body, never more than ``most`` bytes of it in memory."""
    declared = answer.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise RefusedError("too many bytes", f"{declared} announced, at most {most} taken")
    body = bytearray()
    for piece in _decoded(answer, most + 1):
        body += piece
        if len(body) > most:
            raise RefusedError("too many bytes", f"more than {most}")
    return bytes(body)


def _save(answer: HttpAnswer, most: int, file: IO[bytes]) -> None:
    """The body into a file: behind what it holds (206), or from its beginning."""
    if answer.status != 206:
        file.seek(0)
        file.truncate()
    file.seek(0, 2)
    for piece in _decoded(answer, most + 1):
        file.write(piece)
        if file.tell() > most:
            raise RefusedError("too many bytes", f"more than {most}")


def _decoded(answer: HttpAnswer, most: int) -> Iterator[bytes]:
    """Undo gzip or deflate with a bound on the output of each step (a bomb stops at ``most``)."""
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        yield from answer.chunks
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise RefusedError("unknown encoding", coding)
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for chunk in answer.chunks:
            yield inflate.decompress(chunk, most)
            if inflate.unconsumed_tail:
                raise RefusedError(
                    "too many bytes", "the compressed answer unfolds beyond the limit"
                )
    except zlib.error as problem:
        raise RefusedError("broken encoding", str(problem)) from problem


def _refuse(reply: Reply) -> None:
    """Turn a status that gives nothing into a refusal; 4xx are final, the rest may change."""
    if reply.status in WAIT:
        raise BusyError(f"{host_of(reply.url)} keeps answering {reply.status}")
    final = 400 <= reply.status < 500 and reply.status not in AGAIN
    raise RefusedError(f"status {reply.status}", reply.url, final=final)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header: a number or a date (RFC 9110, 10.2.3); None if absent."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
