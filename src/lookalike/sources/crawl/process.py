"""Starts the crawling process, reads what it finds, and ends it whatever happens.

The process ends when its standard input closes, so it cannot outlive us even if we are killed.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, Any

from lookalike.errors import SourceError, need
from lookalike.settings.collect import CrawlSettings
from lookalike.sources.crawl.render import find_browser
from lookalike.sources.http.addresses import clean
from lookalike.sources.store.collection import Found

log = logging.getLogger(__name__)

GRACE = 5.0


@contextmanager
def crawling(url: str, settings: CrawlSettings) -> Iterator[Crawling]:
    """A crawl that runs while the context is open.

    Raises:
        RefusedError: the start is not an http(s) address.
        MissingExtraError: Scrapy (or, to draw pages, Playwright) is not installed.
        SourceError: there is no browser to draw pages with.
    """
    need("scrapy", "crawl", "crawling a site")
    plan = asdict(settings) | {"url": clean(url)}
    if settings.render:
        need("playwright", "browser", "drawing pages (--render)")
        plan["browser"] = find_browser(settings.browser)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "lookalike.sources.crawl.spider"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(plan, default=str) + "\n")
            process.stdin.flush()
            yield Crawling(plan["url"], process, process.stdout, errors)
        finally:
            process.stdin.close()
            _end(process)
            process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Crawling:
    """A running crawl: iterate over it for the pictures, then ask what else it met."""

    def __init__(
        self, url: str, process: subprocess.Popen[str], lines: IO[str], errors: IO[str]
    ) -> None:
        self.process = process
        self._url, self._lines, self._errors, self._why = url, lines, errors, ""
        self.pages = 0
        self.refused: Counter[str] = Counter()
        self.elsewhere: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Found]:
        """The pictures, as the pages give them.

        Raises:
            SourceError: the process failed, or no page could be had at all.
        """
        for line in self._lines:
            found = self._read(json.loads(line))
            if found is not None:
                yield found
        if self.process.wait() > 0:
            raise SourceError(f"The crawl of {self._url} failed.\n{self._last_words()}")
        if self.pages == 0:
            why = self._why or self._last_words() or "the crawl ended without a word"
            raise SourceError(f"No page of {self._url} could be read: {why}")

    def _read(self, line: dict[str, Any]) -> Found | None:
        if "found" in line:
            return Found(source="crawl", **line["found"])
        if "page" in line:
            self.pages += 1
        elif "refused" in line:
            self.refused[str(line["refused"])] += 1
            self._why = self._why or str(line["why"])
        elif "elsewhere" in line:
            self.elsewhere[str(line["elsewhere"])] += 1
        return None

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-800:].strip()
