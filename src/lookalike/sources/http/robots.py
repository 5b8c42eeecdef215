"""robots.txt, obeyed (RFC 9309): fetched once per host, parsed by protego."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from lookalike.errors import need
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
        asked = rules.crawl_delay(AGENT)
        if asked:
            self._web.pace.slow(urlsplit(origin).netloc, min(float(asked), LONGEST_DELAY))
        return rules
