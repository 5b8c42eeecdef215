"""Moves pictures from the web into a collection, many hosts at once, each host gently.

One thread reads the source, a few fetch, and the caller's thread alone decides and writes: what the
others have for it lies in the inbox. Nothing polls: it sleeps until something arrives.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Semaphore, Thread

from lookalike.errors import SourceError
from lookalike.sources.http.addresses import clean, host_of
from lookalike.sources.http.refusals import BusyError, RefusedError
from lookalike.sources.http.robots import Robots, opts_out
from lookalike.sources.http.web import Ask, Web
from lookalike.sources.store.collection import Delivery, Found, digest
from lookalike.sources.store.picture_checks import FileFacts, inspect
from lookalike.sources.store.session import CollectSession

log = logging.getLogger(__name__)

WINDOW = 512
"""How far the source is read ahead, so that one slow host does not hold the others."""


class Gatherer:
    """One request's work: ``run`` reads the source to its end, to the limits, or to Ctrl-C.

    Args:
        web: the guarded way out.
        session: the open folder, which keeps and counts.
        robots: None where the source itself gave us the addresses under its own terms.
    """

    def __init__(self, web: Web, session: CollectSession, robots: Robots | None = None) -> None:
        self._web, self._session, self._robots = web, session, robots
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._room = Semaphore(WINDOW)
        self._stop = Event()
        self._waiting: dict[str, deque[Found]] = {}
        self._claimed: set[bytes] = set()
        self._active: Counter[str] = Counter()
        self._resting: set[str] = set()
        self._feeding = True
        self._trouble: SourceError | None = None

    def run(self, source: Iterable[Found]) -> None:
        """Gather until nothing is left or a limit is reached; single pictures raise nothing.

        Raises:
            SourceError: the source failed, and the folder holds nothing of this request.
        """
        pool = ThreadPoolExecutor(self._web.manners.together, thread_name_prefix="fetch")
        Thread(target=self._feed, args=(iter(source),), daemon=True, name="source").start()
        try:
            self._serve(pool)
        except KeyboardInterrupt:
            self._session.stopped = "interrupted"
            self._web.stop()
        finally:
            self._stop.set()
            self._room.release()
            pool.shutdown(wait=True, cancel_futures=True)
        self._note_the_end()

    def _note_the_end(self) -> None:
        if self._trouble is not None and not self._session.holds:
            raise self._trouble
        if self._trouble is not None:
            self._session.notes.append(str(self._trouble))
        for host in sorted(self._resting):
            words = f"{host} asked us to wait; the same command later asks it again"
            self._session.notes.append(words)

    def _serve(self, pool: ThreadPoolExecutor) -> None:
        self._session.progress()
        while not self._session.full():
            self._start(pool)
            if not self._feeding and not self._waiting and not self._active.total():
                return
            try:
                then = self._inbox.get(timeout=60.0)
            except Empty:
                continue
            then()

    def _feed(self, source: Iterator[Found]) -> None:
        """The source's thread: read ahead as far as there is room."""
        trouble: BaseException | None = None
        try:
            for found in source:
                self._room.acquire()
                if self._stop.is_set():
                    return
                self._inbox.put(partial(self._found, found))
        except BaseException as problem:  # handed to the caller's thread, which decides
            trouble = problem
        finally:
            self._inbox.put(partial(self._ended, trouble))

    def _start(self, pool: ThreadPoolExecutor) -> None:
        """Start what may start: a free thread, a free place at the host, and still wanted."""
        manners, wanted = self._web.manners, self._session.count
        room = manners.together - self._active.total()
        if wanted is not None:
            room = min(room, wanted - self._session.holds - self._active.total())
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
        """A fetching thread's work; what follows from any outcome goes to the inbox."""
        checks = self._robots.check if self._robots is not None else None
        limits = self._session.limits
        try:
            reply = self._web.get(Ask(url=found.url, most=limits.most_bytes, checks=checks))
            directive = opts_out(reply.headers.get("x-robots-tag", ""))
            if directive is not None:
                raise RefusedError("opted out", f"X-Robots-Tag: {directive}")
            facts = inspect(reply.body, limits)
            delivery = Delivery(found=found, data=reply.body)
            self._inbox.put(partial(self._fetched, delivery, facts))
        except RefusedError as refusal:
            self._inbox.put(partial(self._failed, found, refusal))
        except Exception as problem:  # a bug of ours or of a library must not stop the rest
            log.exception("unexpected problem with %s", found.url)
            surprise = RefusedError("unexpected problem", repr(problem), final=False)
            self._inbox.put(partial(self._failed, found, surprise))

    def _found(self, found: Found) -> None:
        if not self._queued(found):
            self._room.release()

    def _fetched(self, delivery: Delivery, facts: FileFacts) -> None:
        self._active[host_of(delivery.found.url)] -= 1
        self._session.accept(delivery, facts)
        self._claimed.discard(digest(delivery.found.url))  # the collection knows it now

    def _failed(self, found: Found, refusal: RefusedError) -> None:
        self._active[host_of(found.url)] -= 1
        self._session.refuse(found, refusal)
        if isinstance(refusal, BusyError):
            self._rest(host_of(found.url))

    def _ended(self, trouble: BaseException | None) -> None:
        self._feeding = False
        if isinstance(trouble, SourceError):
            self._trouble = trouble
        elif trouble is not None:
            raise trouble

    def _queued(self, found: Found) -> bool:
        """Give a new picture its place in its host's queue; others go no further."""
        session = self._session
        try:
            url = clean(found.url)
        except RefusedError as refusal:
            if session.collection.knows(found.url):
                session.known += 1
            else:
                session.refuse(found, refusal)
            return False
        if session.collection.knows(url) or digest(url) in self._claimed:
            session.known += 1
            return False
        self._claimed.add(digest(url))
        host = host_of(url)
        if host in self._resting:
            session.refused["host asked to wait"] += 1
            return False
        self._waiting.setdefault(host, deque()).append(replace(found, url=url))
        return True

    def _rest(self, host: str) -> None:
        """Leave a host alone for the rest of this run; what waited for it is asked next time."""
        self._resting.add(host)
        for _ in self._waiting.pop(host, ()):
            self._room.release()
            self._session.refused["host asked to wait"] += 1
