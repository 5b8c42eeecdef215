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
from dataclasses import asdict
from typing import IO, Any

from lookalike.errors import SourceError, need
from lookalike.settings.collect import CrawlSettings
from lookalike.sources.crawl.render import find_browser
from lookalike.sources.http.addresses import clean
from lookalike.sources.store.collection import Found

log = logging.getLogger(__name__)

GRACE = 5.0


class Crawling:
    """A running crawl: iterate over it for the pictures; leave the context to end it."""

    def __init__(self, url: str, settings: CrawlSettings) -> None:
        need("scrapy", "crawl", "crawling a site")
        self._plan = asdict(settings) | {"url": clean(url)}
        if settings.render:
            need("playwright", "browser", "drawing pages (--render)")
            self._plan["browser"] = find_browser(settings.browser)
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None
        self._why = ""
        self.pages = 0
        self.refused: Counter[str] = Counter()
        self.elsewhere: Counter[str] = Counter()

    def __enter__(self) -> Crawling:
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lookalike.sources.crawl.spider"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            encoding="utf-8",
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._plan, default=str) + "\n")
        self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        if self._said is not None:
            self._said.close()

    def __iter__(self) -> Iterator[Found]:
        """The pictures, as the pages give them.

        Raises:
            SourceError: the process failed, or no page could be had at all.
        """
        process = self._process
        assert process is not None
        assert process.stdout is not None
        for line in process.stdout:
            found = self._read(json.loads(line))
            if found is not None:
                yield found
        if process.wait() > 0:
            raise SourceError(f"The crawl of {self._plan['url']} failed.\n{self._last_words()}")
        if self.pages == 0:
            why = self._why or self._last_words() or "the crawl ended without a word"
            raise SourceError(f"No page of {self._plan['url']} could be read: {why}")

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
        assert self._said is not None
        self._said.seek(0)
        return self._said.read()[-800:].strip()
