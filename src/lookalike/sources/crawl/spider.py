"""The crawling process: Scrapy walks the pages and prints the pictures that it meets.

Run as ``python -m lookalike.sources.crawl.spider`` with a job as one line of JSON on standard
input, whose end later means "stop"; each line of standard output is a JSON object: ``found`` (a
picture), ``page``, ``refused``, ``elsewhere``.
Scrapy decides what to visit and when (robots.txt, depth, same site, AutoThrottle); the bytes come
through the guarded :class:`Web`, as everywhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from protego import Protego
from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response, TextResponse
from scrapy.responsetypes import responsetypes
from scrapy.spidermiddlewares.httperror import HttpError

from lookalike.settings.collect import Manners
from lookalike.sources.crawl import pages
from lookalike.sources.crawl.render import PageRenderer
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.robots import keep_distance, opts_out
from lookalike.sources.http.web import AGENT, Ask, Web, agent

PAGE_BYTES = 8_000_000
GRACE = 2.0
FORBID_ALL = b"User-agent: *\nDisallow: /\n"
"""What an unreachable robots.txt means (RFC 9309, 2.3.1.4); Scrapy would take it for consent."""


def emit(line: dict[str, Any]) -> None:
    """One line to the parent; end at once when it no longer listens."""
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        os._exit(0)


class SkippedError(IgnoreRequest):
    """A page that gave nothing, with the reason."""

    def __init__(self, refusal: RefusedError) -> None:
        super().__init__(str(refusal))
        self.reason = refusal.reason


class GuardedHandler:
    """Scrapy's download handler for http and https."""

    lazy = False

    def __init__(self, crawler: Any) -> None:
        job = crawler.settings["JOB"]
        self._web = Web(Manners(**{**job["manners"], "delay": 0.0}))
        self._drawer = PageRenderer(self._web, Path(job["browser"])) if job["render"] else None

    @classmethod
    def from_crawler(cls, crawler: Any) -> GuardedHandler:
        """Scrapy's way of making one."""
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        """Fetch one page or robots.txt; a page is drawn if the job says so."""
        robots = urlsplit(request.url).path == "/robots.txt"
        ask = Ask(url=request.url, most=PAGE_BYTES, follow=False, every_status=True)
        try:
            reply = await asyncio.to_thread(self._web.get, ask)
        except RefusedError as refusal:
            if robots and refusal.reason != "private address":
                return _response(request.url, 200, {}, FORBID_ALL, "text/plain")
            raise SkippedError(refusal) from refusal
        request.meta["download_latency"] = reply.seconds
        body, kind = reply.body, reply.kind
        if robots and reply.status >= 500:
            return _response(request.url, 200, {}, FORBID_ALL, "text/plain")
        if robots and reply.status < 300:  # Scrapy does not read Crawl-delay
            keep_distance(self._web, request.url, Protego.parse(body.decode("utf-8", "replace")))
        elif not robots and self._drawer is not None and reply.status == 200 and "html" in kind:
            drawn = await self._drawer.draw(reply)
            body = drawn.html.encode()
            request.meta["drawn"] = drawn.pictures
            kind = "text/html"
        return _response(request.url, reply.status, dict(reply.headers), body, kind)

    async def close(self) -> None:
        """End the browser, if one was started."""
        if self._drawer is not None:
            await self._drawer.close()


def _response(url: str, status: int, headers: dict[str, str], body: bytes, kind: str) -> Response:
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)
    if kind == "text/html" and "charset" not in headers.get("content-type", ""):
        headers["content-type"] = "text/html"
    raw: Any = {name: value.encode("latin-1", "replace") for name, value in headers.items()}
    made: type[Response] = responsetypes.from_args(
        headers={key.encode(): value for key, value in raw.items()}, url=url, body=body
    )
    return made(url, status=status, headers=raw, body=body)


class PictureSpider(Spider):
    """Emits the pictures of each page and follows links on the same site."""

    name = AGENT

    def __init__(self, job: dict[str, Any], **_: Any) -> None:
        super().__init__()
        self.job = job
        self.hosts = (str(urlsplit(job["url"]).hostname), *job["also"])
        self.allowed_domains = [host.removeprefix("www.") for host in self.hosts]

    async def start(self) -> AsyncIterator[Request]:
        """The page to begin with."""
        yield Request(self.job["url"], self.parse, errback=self.missed, dont_filter=True)

    def parse(self, response: Response, **_: Any) -> Iterator[Request]:
        """One page."""
        if not isinstance(response, TextResponse):
            if pages.is_picture(response.url):
                emit({"found": {"url": response.url, "page": response.url}})
            return
        emit({"page": response.url})
        tag = (response.headers.get("x-robots-tag") or b"").decode("latin-1")
        directives = pages.robots_meta(response.selector)
        forbidden = opts_out(tag) or opts_out(directives)
        if forbidden:
            emit({"refused": "opted out", "why": f"{response.url} says {forbidden}"})
        else:
            self._pictures(response)
        deep = response.meta.get("depth", 0) >= self.job["depth"]
        if not deep and not pages.forbids_links(directives):
            for link in pages.links(response.selector, response.url):
                if pages.same_site(link, self.hosts):
                    yield response.follow(link, self.parse, errback=self.missed)

    def missed(self, failure: Any) -> None:
        """A page that could not be had; Scrapy's own middlewares refuse with a sentence."""
        problem = failure.value
        if isinstance(problem, HttpError):
            reason = f"status {problem.response.status}"
            problem = f"{reason} at {problem.response.url}"
        else:
            reason = getattr(problem, "reason", None) or str(problem).lower()
        emit({"refused": reason[:80], "why": str(problem)[:300]})

    def _pictures(self, response: TextResponse) -> None:
        title = response.xpath("//title/text()").get()
        seen = pages.pictures(response.selector, response.url)
        known = {picture.url for picture in seen}
        drawn = response.meta.get("drawn", ())
        seen += [pages.PageContents(url) for url in drawn if url not in known]
        for picture in seen:
            if pages.same_site(picture.url, self.hosts) or self.job["any_host"]:
                words = picture.title or title
                found = {"url": picture.url, "page": response.url, "title": words}
                emit({"found": found})
            else:
                emit({"elsewhere": str(urlsplit(picture.url).hostname)})


def settings(job: dict[str, Any]) -> dict[str, Any]:
    """Scrapy's settings for a job; what is not named here is Scrapy's default."""
    manners = job["manners"]
    handler = "lookalike.sources.crawl.spider.GuardedHandler"
    return {
        "JOB": job,
        "USER_AGENT": agent(Manners(**manners)),
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": AGENT,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": manners["delay"],
        "AUTOTHROTTLE_MAX_DELAY": manners["patience"],
        "DOWNLOAD_DELAY": manners["delay"],
        "CONCURRENT_REQUESTS": manners["together"],
        "CONCURRENT_REQUESTS_PER_DOMAIN": manners["per_host"],
        "DOWNLOAD_HANDLERS": {
            "http": handler,
            "https": handler,
            "ftp": None,
            "file": None,
            "s3": None,
            "data": None,
        },
        "DEPTH_LIMIT": job["depth"],
        "DEPTH_PRIORITY": 1,
        "SCHEDULER_DISK_QUEUE": "scrapy.squeues.PickleFifoDiskQueue",
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
        "CLOSESPIDER_PAGECOUNT": job["pages"],
        "REDIRECT_MAX_TIMES": manners["redirects"],
        "RETRY_ENABLED": False,
        "COOKIES_ENABLED": False,
        "COMPRESSION_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "WARNING",
    }


def main() -> None:
    """Read the job, crawl, exit; exit early when the parent closes our standard input."""
    job = json.loads(sys.stdin.readline())
    process = CrawlerProcess(settings(job))
    process.crawl(PictureSpider, job=job)
    Thread(target=_until_closed, args=(process,), daemon=True).start()
    process.start()


def _until_closed(process: CrawlerProcess) -> None:
    """Wait for the end of standard input, let the browser close, and leave in any case."""
    sys.stdin.read()
    from twisted.internet import reactor

    reactor.callFromThread(process.stop)
    time.sleep(GRACE)
    os._exit(0)


if __name__ == "__main__":
    main()
