"""What hosts ask of robots: robots.txt (RFC 9309), fetched once per host, and opt-outs of pages."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from lookalike.errors import need
from lookalike.sources.http.addresses import host_of
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.web import AGENT, Ask, Web

MOST = 512_000
LONGEST_DELAY = 30.0


class Robots:
    """Asks each host's robots.txt before the first request to it; shared by all threads."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._protego = need("protego", "collect", "reading robots.txt").Protego
        self._rules: dict[str, Any] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._lock = Lock()

    def check(self, url: str) -> None:
        """Pass, or say that the host forbids this address.

        Raises:
            RefusedError: forbidden, or robots.txt cannot be had (then nothing may be fetched
            for now).
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            lock = self._locks[origin]
        with lock:
            if origin not in self._rules:
                self._rules[origin] = self._fetch(origin)
        rules = self._rules[origin]
        if isinstance(rules, RefusedError):
            raise rules
        if not rules.can_fetch(url, AGENT):
            raise RefusedError("forbidden by robots.txt", url, final=False)

    def _fetch(self, origin: str) -> Any:
        """The rules of one host. No file (4xx) allows all, an unreachable one forbids for now."""
        try:
            reply = self._web.get(Ask(url=f"{origin}/robots.txt", most=MOST, every_status=True))
        except RefusedError as refusal:
            return refusal
        if reply.status >= 500 or reply.status == 429:
            return RefusedError("robots.txt unreachable", f"status {reply.status}", final=False)
        text = reply.body.decode("utf-8", "replace") if reply.status < 300 else ""
        rules = self._protego.parse(text)
        keep_distance(self._web, origin, rules)
        return rules


def keep_distance(web: Web, url: str, rules: Any) -> None:
    """Leave as many seconds between requests to a host as the rules of its robots.txt ask for."""
    asked = rules.crawl_delay(AGENT)
    if asked:
        web.pace.slow(host_of(url), min(float(asked), LONGEST_DELAY))


OPT_OUT = {"noai", "noimageai", "noindex", "noimageindex", "none"}


def opts_out(directives: str) -> str | None:
    """The directive of an X-Robots-Tag header or a robots meta tag that forbids us, if any.

    The same four that img2dataset honours, and ``none`` (which means noindex). A part that names
    another robot (``googlebot: noindex``) is not for us; it holds until the next name.
    """
    for_us = True
    for part in directives.lower().split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in ("unavailable_after", "max-snippet", "max-image-preview"):
            for_us, part = name.strip() == AGENT, rest
        if for_us and part.strip() in OPT_OUT:
            return part.strip()
    return None
