"""Who may ask, and for what: one wall in front of everything that the studio serves.

A page that somebody opens elsewhere can send requests to this machine, and with a name of its own
that points here (DNS rebinding) it can read the answers. So a request passes only with a ``Host``
that is ours word for word, with the cookie that a token in the first link was traded for, and, if
it changes anything, with our ``Origin``, a header that no form can send, and a body that no form
can have. A path holds letters, digits, ``_``, ``-``, ``.`` and ``/``: nothing is decoded.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.studio.errors import (
    ForbiddenError,
    KindError,
    MethodError,
    RequestError,
    SlowError,
    TokenError,
    TooLargeError,
    UnknownError,
)
from lookalike.studio.requests import problem_answer

TOKEN_BYTES = 16
"""A token has 128 bits."""

MOST_SESSIONS = 64
MOST_JSON, MOST_LISTED = 1 << 16, 1 << 19
MOST_BYTES = 2 << 30
"""The most bytes of a body of JSON, of one that lists pictures, and of any other (a zip)."""

PATIENCE = 15.0
"""Seconds that each part of a body may take."""

DRAWING = "/api/draw/"
"""Requests below this path compute pictures and write nothing, whatever their method."""

LISTING = tuple(f"/api/{page}/" for page in ("gallery", "draw/gallery", "explore", "draw/explore"))
"""Below these, thousands of pictures can be named at once."""

_PATH = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?)?")
_READS, _WRITES = ("GET", "HEAD"), ("POST", "PUT")
_JSON, _OCTETS = "application/json", "application/octet-stream"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer says; there is no header of CORS."""

_LOCKED = (
    "This page belongs to somebody's studio.\n\n"
    "Open the link that 'lookalike studio' printed when it was started: it holds a token, which "
    "is taken once. When the studio was started again, it printed a new one.\n"
)


@dataclass
class Doors:
    """Tokens that wait in links, and the cookies that they were traded for."""

    port: int
    _links: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    _sessions: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_SESSIONS))

    @property
    def cookie(self) -> str:
        """The name of the cookie; studios on several ports share a browser."""
        return f"lookalike-studio-{self.port}"

    def token(self) -> str:
        """A new token for a link; it opens once."""
        self._links.append(secrets.token_urlsafe(TOKEN_BYTES))
        return self._links[-1]

    def trade(self, token: str) -> str | None:
        """The value of a cookie for a token, which is then worth nothing; None for another."""
        known = next((link for link in self._links if _same(link, token)), None)
        if known is None:
            return None
        self._links.remove(known)
        self._sessions.append(secrets.token_urlsafe(TOKEN_BYTES))
        return self._sessions[-1]

    def lets_in(self, cookies: str) -> bool:
        """Whether a header of cookies has one of ours."""
        try:
            given = SimpleCookie(cookies).get(self.cookie)
        except CookieError:
            return False
        return given is not None and any(_same(given.value, one) for one in self._sessions)


@dataclass(frozen=True)
class Guard:
    """The wall. ``hosts`` are the values of ``Host`` that are ours, each with its port."""

    app: ASGIApp
    hosts: frozenset[str]
    doors: Doors
    read_only: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, answering = Headers(scope=scope), _Answer(send)
        try:
            self._examine(scope, headers)
            if self._trades(scope, headers):
                await self._trade(scope, receive, answering.send)
                return
            if not self.doors.lets_in("; ".join(headers.getlist("cookie"))):
                if _shows_page(scope):
                    locked = PlainTextResponse(_LOCKED, TokenError.status)
                    await locked(scope, receive, answering.send)
                    return
                raise TokenError("Open the link that 'lookalike studio' printed: it lets you in.")
            body = _Body(receive, _most_bytes(scope, headers))
            await self.app(scope, body.receive, answering.send)
        except RequestError as problem:
            if not answering.begun:
                await problem_answer(problem)(scope, receive, answering.send)

    # ---- what every request must have -------------------------------------------------------

    def _examine(self, scope: Scope, headers: Headers) -> None:
        """Refuse what does not come from a page of ours, or is not asked as one asks.

        Raises:
            RequestError: saying what was found.
        """
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            raise ForbiddenError(
                f"This studio is not called {', '.join(hosts) or 'nothing'}. It answers to: "
                f"{', '.join(sorted(self.hosts))}. Through an ssh tunnel, use the same port on "
                "both sides."
            )
        raw = scope.get("raw_path") or scope["path"].encode()
        if not _PATH.fullmatch(raw.decode("latin-1")):
            raise UnknownError("There is nothing at this address.")
        scope["path"] = raw.decode("ascii")
        site = headers.get("sec-fetch-site", "none")
        if site not in ("same-origin", "none") and not _shows_page(scope):
            raise ForbiddenError(f"This request comes from another page ({site}).")
        if scope["method"] in _WRITES:
            self._examine_change(scope, headers)
        elif scope["method"] not in _READS:
            raise MethodError(f"{scope['method']} is not taken here.")

    def _examine_change(self, scope: Scope, headers: Headers) -> None:
        """What a request needs beside, that may change something."""
        origins = headers.getlist("origin")
        if origins != [f"http://{headers['host'].lower()}"]:
            raise ForbiddenError(
                f"A change must come from this page itself, not from {', '.join(origins) or '?'}."
            )
        if headers.get("x-lookalike") != "1":
            raise ForbiddenError("A change needs the header 'X-Lookalike: 1'.")
        kind = headers.get("content-type", "").lower()
        if kind not in (_JSON, _OCTETS):
            raise KindError(f"A body is {_JSON} or {_OCTETS}, not {kind or 'nothing'}.")
        if self.read_only and not scope["path"].startswith(DRAWING):
            raise ForbiddenError(
                "This studio only shows things (--read-only). Start it without that to change them."
            )

    # ---- the first link ---------------------------------------------------------------------

    def _trades(self, scope: Scope, headers: Headers) -> bool:
        return _shows_page(scope) and b"token=" in scope["query_string"]

    async def _trade(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the token out of the address and give a cookie for it."""
        given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8)
        session = self.doors.trade(given.get("token", [""])[0])
        answer = RedirectResponse("/", 303)
        if session is not None:
            answer.set_cookie(self.doors.cookie, session, httponly=True, samesite="strict")
        await answer(scope, receive, send)


class _Answer:
    """Adds our headers to an answer, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            message = {**message, "headers": headers.raw}
        await self._send(message)


class _Body:
    """A body that is counted while it comes, and that must not let us wait."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left, self._ended = receive, most, False

    async def receive(self) -> Message:
        """The next part of the body; after its last one, the end of the connection.

        Raises:
            SlowError: nothing came for some seconds.
            TooLargeError: more came than is taken.
        """
        if self._ended:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), PATIENCE)
        except TimeoutError:
            raise SlowError(f"Nothing came for {PATIENCE:.0f} s; send it again.") from None
        self._left -= len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._left < 0:
            raise TooLargeError("More bytes came than are taken here.")
        return message


def _most_bytes(scope: Scope, headers: Headers) -> int:
    """How many bytes the body may have; what says itself that it has more is refused at once."""
    most = 0
    if scope["method"] in _WRITES:
        lists = MOST_LISTED if scope["path"].startswith(LISTING) else MOST_JSON
        most = {_JSON: lists, _OCTETS: MOST_BYTES}.get(headers.get("content-type", ""), 0)
    said = headers.get("content-length", "0")
    if not said.isdigit() or int(said) > most:
        raise TooLargeError(f"{said} bytes are more than are taken here ({most:,}).")
    return most


def _shows_page(scope: Scope) -> bool:
    """Whether the page itself is asked for, as a link from anywhere may do."""
    return scope["method"] in _READS and scope["path"] == "/"


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())
