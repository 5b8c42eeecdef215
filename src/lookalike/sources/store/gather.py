"""Moves pictures from the web into a collection, many hosts at once, each host gently.

One thread reads the source, a few fetch, and the caller's thread alone decides and writes. Nothing
polls: the caller's thread sleeps until something arrives.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from threading import Event, Semaphore, Thread

from lookalike.errors import SourceError
from lookalike.progress import Tell, silent
from lookalike.sources.http.addresses import clean, host_of
from lookalike.sources.http.refusals import BusyError, RefusedError
from lookalike.sources.http.robots import Robots
from lookalike.sources.http.web import Ask, Web, opts_out
from lookalike.sources.store.collection import Collection, Found, digest
from lookalike.sources.store.inspect import Facts, Limits, inspect

log = logging.getLogger(__name__)

WINDOW = 512
"""How far the source is read ahead, so that one slow host does not hold the others."""


@dataclass
class GatherTally:
    """What happened: counts, and the reasons for what was not kept."""

    added: int = 0
    known: int = 0
    same: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    resting: set[str] = field(default_factory=set)
    stopped: str = "the source has no more"
    trouble: SourceError | None = None


def limit_reached(collection: Collection, limits: Limits, request: str) -> str | None:
    """The limit that ends a run, in words, or None."""
    if limits.count is not None and collection.holds(request) >= limits.count:
        return f"the folder holds {collection.holds(request)} pictures of this request"
    if limits.most_total is not None and collection.added_bytes >= limits.most_total:
        return f"{collection.added_bytes} bytes were added"
    return None


@dataclass(frozen=True)
class _Fetched:
    found: Found
    data: bytes
    facts: Facts


@dataclass(frozen=True)
class _Failed:
    found: Found
    refusal: RefusedError


@dataclass(frozen=True)
class _Ended:
    trouble: BaseException | None


_Event = Found | _Fetched | _Failed | _Ended


class Gatherer:
    """One request's work: ``run`` reads the source to its end, to the limits, or to Ctrl-C.

    Args:
        web: the guarded way out.
        collection: the open folder.
        limits: bytes, pixels, sides and counts.
        request: the name under which the folder counts this request's pictures.
        tell: told "collecting", how many the request holds, and how many are wanted (0: unknown).
        robots: None where the source itself gave us the addresses under its own terms.
    """

    def __init__(
        self,
        web: Web,
        collection: Collection,
        limits: Limits,
        *,
        request: str,
        tell: Tell = silent,
        robots: Robots | None = None,
    ) -> None:
        self._web, self._collection, self._limits = web, collection, limits
        self._request, self._tell, self._robots = request, tell, robots
        self._inbox: SimpleQueue[_Event] = SimpleQueue()
        self._room = Semaphore(WINDOW)
        self._stop = Event()
        self._waiting: dict[str, deque[Found]] = {}
        self._claimed: set[bytes] = set()
        self._active: Counter[str] = Counter()
        self._feeding = True
        self.tally = GatherTally()

    def run(self, source: Iterable[Found]) -> GatherTally:
        """Gather until nothing is left or a limit is reached; never raises for single pictures."""
        pool = ThreadPoolExecutor(self._web.manners.together, thread_name_prefix="fetch")
        Thread(target=self._feed, args=(iter(source),), daemon=True, name="source").start()
        try:
            self._serve(pool)
        except KeyboardInterrupt:
            self.tally.stopped = "interrupted"
            self._web.stop()
        finally:
            self._stop.set()
            self._room.release()
            pool.shutdown(wait=True, cancel_futures=True)
        return self.tally

    def _serve(self, pool: ThreadPoolExecutor) -> None:
        self._progress()
        while not self._full():
            self._start(pool)
            if not self._feeding and not self._waiting and not self._active.total():
                return
            try:
                event = self._inbox.get(timeout=60.0)
            except Empty:
                continue
            self._handle(event)

    def _full(self) -> bool:
        reached = limit_reached(self._collection, self._limits, self._request)
        self.tally.stopped = reached or self.tally.stopped
        return reached is not None

    def _feed(self, source: Iterator[Found]) -> None:
        """The source's thread: read ahead as far as there is room."""
        trouble: BaseException | None = None
        try:
            for found in source:
                self._room.acquire()
                if self._stop.is_set():
                    return
                self._inbox.put(found)
        except BaseException as problem:  # handed to the caller's thread, which decides
            trouble = problem
        finally:
            self._inbox.put(_Ended(trouble))

    def _start(self, pool: ThreadPoolExecutor) -> None:
        """Start what may start: a free thread, a free place at the host, and still wanted."""
        manners = self._web.manners
        room = manners.together - self._active.total()
        if self._limits.count is not None:
            missing = self._limits.count - self._collection.holds(self._request)
            room = min(room, missing - self._active.total())
        for host in list(self._waiting):
            queue = self._waiting[host]
            while queue and room > 0 and self._active[host] < manners.per_host:
                self._active[host] += 1
                room -= 1
                pool.submit(self._fetch, queue.popleft())
                self._room.release()
            if not queue:
                del self._waiting[host]

    def _fetch(self, found: Found) -> None:
        """A fetching thread's work; every outcome goes to the inbox."""
        try:
            reply = self._web.get(
                Ask(
                    url=found.url,
                    most=self._limits.most_bytes,
                    checks=self._robots.check if self._robots is not None else None,
                )
            )
            directive = opts_out(reply.headers.get("x-robots-tag", ""))
            if directive is not None and self._web.manners.opt_out:
                raise RefusedError("opted out", f"X-Robots-Tag: {directive}")
            self._inbox.put(_Fetched(found, reply.body, inspect(reply.body, self._limits)))
        except RefusedError as refusal:
            self._inbox.put(_Failed(found, refusal))
        except Exception as problem:  # a bug of ours or of a library must not stop the rest
            log.exception("unexpected problem with %s", found.url)
            surprise = RefusedError("unexpected problem", repr(problem), final=False)
            self._inbox.put(_Failed(found, surprise))

    def _handle(self, event: _Event) -> None:
        match event:
            case Found():
                self._queue(event)
            case _Fetched(found, data, facts):
                self._active[host_of(clean(found.url))] -= 1
                self._keep(found, data, facts)
            case _Failed(found, refusal):
                self._active[host_of(clean(found.url))] -= 1
                self._refuse(found, refusal)
            case _Ended(trouble):
                self._feeding = False
                if isinstance(trouble, SourceError):
                    self.tally.trouble = trouble
                elif trouble is not None:
                    raise trouble

    def _queue(self, found: Found) -> None:
        """Give a new picture its place in its host's queue; others go no further."""
        if self._waits(found):
            return
        self._room.release()

    def _waits(self, found: Found) -> bool:
        try:
            url = clean(found.url)
        except RefusedError as refusal:
            if self._collection.knows(found.url):
                self.tally.known += 1
            else:
                self._refuse(found, refusal)
            return False
        if self._collection.knows(url) or digest(url) in self._claimed:
            self.tally.known += 1
            return False
        self._claimed.add(digest(url))
        host = host_of(url)
        if host in self.tally.resting:
            self.tally.refused["host asked to wait"] += 1
            return False
        self._waiting.setdefault(host, deque()).append(replace(found, url=url))
        return True

    def _keep(self, found: Found, data: bytes, facts: Facts) -> None:
        name = self._collection.add(found, data, facts, self._request)
        self._claimed.discard(digest(found.url))  # the collection knows it from here on
        if name is None:
            self.tally.same += 1
            return
        self.tally.added += 1
        self.tally.licenses[found.license or "not stated"] += 1
        self.tally.sources[found.source] += 1
        self._progress()

    def _refuse(self, found: Found, refusal: RefusedError) -> None:
        self.tally.refused[refusal.reason] += 1
        self._collection.refuse(found.url, str(refusal), final=refusal.final)
        if isinstance(refusal, BusyError):
            self._rest(host_of(clean(found.url)))

    def _rest(self, host: str) -> None:
        """Leave a host alone for the rest of this run; what waited for it is asked next time."""
        self.tally.resting.add(host)
        for _ in self._waiting.pop(host, ()):
            self._room.release()
            self.tally.refused["host asked to wait"] += 1

    def _progress(self) -> None:
        self._tell("collecting", self._collection.holds(self._request), self._limits.count or 0)
