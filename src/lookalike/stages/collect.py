"""Collect pictures: from search services, a site, a list, a public set, img2dataset's output.

Each function takes one frozen settings object and returns one :class:`Collected`. All of them fill
a folder in the same way (``sources.collection``): files with names made by us, a line of
``manifest.jsonl`` for each, nothing overwritten, and a second run that adds only what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookalike.errors import SourceError
from lookalike.progress import Tell, silent
from lookalike.sources.crawl.process import Crawling, Job
from lookalike.sources.http.addresses import clean
from lookalike.sources.http.web import Manners, Web
from lookalike.sources.search import lists, services
from lookalike.sources.sets import img2dataset as shards
from lookalike.sources.sets import public_sets as named
from lookalike.sources.sets.members import Files
from lookalike.sources.store.inspect import Limits
from lookalike.sources.store.work import Collected, Work


@dataclass(frozen=True, kw_only=True)
class Search:
    """Ask search services. ``sources`` in turn; only pictures under one of ``licenses``."""

    query: str
    to: Path
    sources: tuple[str, ...] = ("openverse", "commons")
    licenses: tuple[str, ...] = services.FREE
    limits: Limits = field(default_factory=lambda: Limits(count=100))
    manners: Manners = field(default_factory=lambda: Manners(delay=1.0))
    addresses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Crawl:
    """Walk a site from ``job.url``."""

    job: Job
    to: Path
    limits: Limits = field(default_factory=lambda: Limits(count=500))
    manners: Manners = field(default_factory=lambda: Manners(delay=1.0))


@dataclass(frozen=True, kw_only=True)
class Urls:
    """Fetch a list; ``skip`` rows are passed over (to share a list between machines)."""

    list: Path
    to: Path
    columns: lists.Columns = field(default_factory=lists.Columns)
    skip: int = 0
    limits: Limits = field(default_factory=Limits)
    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """Take a public set from a person's download (``files``) or from a ``mirror``.

    ``part`` is train, valid, test or all; ``trust`` takes files whose sums are not the published.
    """

    name: str
    to: Path
    files: Path | None = None
    mirror: str | None = None
    part: str = "all"
    trust: bool = False
    limits: Limits = field(default_factory=lambda: Limits(least_side=1))
    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True, kw_only=True)
class Shards:
    """Take over what img2dataset fetched."""

    folder: Path
    to: Path
    columns: lists.Columns = field(default_factory=lists.Columns)
    limits: Limits = field(default_factory=Limits)


Request = Search | Crawl | Urls | NamedSet | Shards
"""Something to collect: what is asked for, the folder, and the limits."""


def collect(request: Request, tell: Tell = silent) -> Collected:
    """Fill the folder of a request.

    Raises:
        LookalikeError: as the function for that kind of request, below.
    """
    return _WAYS[type(request)](request, tell)


def search(settings: Search, tell: Tell = silent) -> Collected:
    """Pictures for a word, with license, creator and link.

    Raises:
        SourceError: no such source or license, or no source could be asked.
        RunLockedError: another process collects into the folder.
    """
    strange = set(settings.licenses) - set(services.ALL)
    if strange or not settings.sources:
        raise SourceError(
            f"There is no license {', '.join(sorted(strange))!r}; there are "
            f"{', '.join(services.ALL)}."
            if strange
            else f"Name a source: {', '.join(services.SOURCES)}."
        )
    addresses = dict(settings.addresses)
    chosen = [services.source(name, addresses.get(name)) for name in settings.sources]
    work = Work(settings.to, f"search: {settings.query}", settings.limits, tell)
    if "commons" in settings.sources and settings.manners.contact is None:
        work.notes.append(
            "Wikimedia asks every tool for a contact and may block those without: "
            "--contact you@example.org"
        )
    with Web(settings.manners) as web, work:
        found = services.in_turn(chosen, web, settings.query, settings.licenses, work.notes)
        work.gather(web, found, robots=False)
    return work.collected()


def crawl(settings: Crawl, tell: Tell = silent) -> Collected:
    """Pictures of a site.

    Raises:
        SourceError: no page could be had.
        RefusedError: the start is not an http(s) address.
        MissingExtraError: Scrapy (or, to draw pages, Playwright) is not installed.
        RunLockedError: another process collects into the folder.
    """
    url = clean(settings.job.url)
    work = Work(settings.to, f"crawl: {url}", settings.limits, tell)
    crawling = Crawling(settings.job, settings.manners)
    with Web(settings.manners) as web, work, crawling:
        work.gather(web, crawling, robots=settings.manners.robots)
    work.tally.refused.update(crawling.refused)
    work.notes.append(f"pages read: {crawling.pages}")
    if crawling.elsewhere:
        hosts = ", ".join(host for host, _ in crawling.elsewhere.most_common(3))
        work.notes.append(
            f"pictures left on other hosts: {crawling.elsewhere.total()} ({hosts}); "
            "--also HOST takes those of one host, --any-host all"
        )
    return work.collected()


def urls(settings: Urls, tell: Tell = silent) -> Collected:
    """Pictures of a list.

    Raises:
        SourceError: the list cannot be read.
        RunLockedError: another process collects into the folder.
    """
    found = lists.read(settings.list, settings.columns, skip=settings.skip)
    work = Work(settings.to, f"urls: {settings.list.name}", settings.limits, tell)
    with Web(settings.manners) as web, work:
        work.gather(web, found, robots=settings.manners.robots)
    return work.collected()


def named_set(settings: NamedSet, tell: Tell = silent) -> Collected:
    """A public set as pictures in class folders, with ``attributes.csv`` if it has attributes.

    Raises:
        SourceError: no such set, files that are missing, or not the published ones.
        RunLockedError: another process collects into the folder.
    """
    public = named.public_set(settings.name)
    work = Work(settings.to, f"set: {public.name}", settings.limits, tell)
    with work:
        place = settings.files
        if place is None:
            place = work.collection.folder / ".collect" / "sets" / public.name
            with Web(settings.manners) as web:
                named.download(public, settings.mirror, place, web, tell)
        found = named.locate(public, place)
        tell(f"checking {public.name}", 0, 0)
        strange = named.verify(public, found, trust=settings.trust)
        if strange:
            work.notes.append(f"not the published files, taken on trust: {', '.join(strange)}")
        work.notes.append(f"terms of {public.name}: {public.terms}")
        work.take_set(public, public.read(Files(found)), settings.part)
    return work.collected()


def shards_of(settings: Shards, tell: Tell = silent) -> Collected:
    """Take over img2dataset's output: the same folder, names and manifest as everything else.

    Raises:
        SourceError: the folder holds no such output.
        RunLockedError: another process collects into the folder.
    """
    work = Work(settings.to, f"img2dataset: {settings.folder.name}", settings.limits, tell)
    pairs = shards.read(settings.folder, settings.columns, most_bytes=settings.limits.most_bytes)
    with work:
        work.take(pairs)
    return work.collected()


_WAYS: Mapping[type, Callable[[Any, Tell], Collected]] = {
    Search: search,
    Crawl: crawl,
    Urls: urls,
    NamedSet: named_set,
    Shards: shards_of,
}
