"""Collect pictures: from search services, a site, a list, a public set, img2dataset's output.

Each function takes what is asked for and one frozen settings object, and returns one
:class:`Collected`. All of them fill a folder in the same way (``sources.store.collection``): files
with names made by us, a line of ``manifest.jsonl`` for each, nothing overwritten, and a second run
that adds only what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookalike.data.pack.part_folder import OnePart, Work
from lookalike.progress import Tell, silent
from lookalike.settings.collect import (
    CollectSettings,
    CrawlSettings,
    ImportSettings,
    SearchSettings,
    SetSettings,
    UrlsSettings,
)
from lookalike.settings.machines import part_of
from lookalike.sources.crawl.process import crawling
from lookalike.sources.http.addresses import clean
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.robots import Robots
from lookalike.sources.http.web import Web
from lookalike.sources.search import services
from lookalike.sources.sets import img2dataset, lists, public_sets
from lookalike.sources.store.collection import (
    HIDDEN,
    MANIFEST,
    REFUSED,
    Found,
    LinesByAddress,
)
from lookalike.sources.store.gather import Gatherer
from lookalike.sources.store.session import Collected, CollectSession

FOUND = "found"
"""What the folder is called in which a part keeps what it found."""


def collect(what: str | Path, settings: CollectSettings, tell: Tell = silent) -> Collected:
    """Collect in the way that the settings are for.

    Raises:
        LookalikeError: as the function for that way, below.
    """
    return _WAYS[type(settings)](what, settings, tell)


def search(query: str, settings: SearchSettings, tell: Tell = silent) -> Collected:
    """Pictures for a word, with license, creator and link.

    Raises:
        SourceError: no such source or license, or no source could be asked.
        RunLockedError: another process collects into the folder.
    """
    services.check(settings)
    manners = settings.manners.or_delay(1.0)
    session = _session(f"search: {query}", settings, tell)
    if "commons" in settings.source and manners.contact is None:
        session.notes.append(
            "Wikimedia asks every tool for a contact and may block those without: "
            "--contact you@example.org"
        )
    with Web(manners) as web, session:
        Gatherer(web, session).run(services.in_turn(web, query, settings, session.notes))
    return session.collected()


def crawl(url: str, settings: CrawlSettings, tell: Tell = silent) -> Collected:
    """Pictures of a site.

    Raises:
        SourceError: no page could be had.
        RefusedError: the start is not an http(s) address.
        MissingExtraError: Scrapy (or, to draw pages, Playwright) is not installed.
        RunLockedError: another process collects into the folder.
    """
    settings = replace(settings, manners=settings.manners.or_delay(1.0))
    session = _session(f"crawl: {clean(url)}", settings, tell)
    with crawling(url, settings) as site, Web(settings.manners) as web, session:
        Gatherer(web, session, Robots(web)).run(site)
    session.refused.update(site.refused)
    session.notes.append(f"pages read: {site.pages}")
    if site.elsewhere:
        hosts = ", ".join(host for host, _ in site.elsewhere.most_common(3))
        session.notes.append(
            f"pictures left on other hosts: {site.elsewhere.total()} ({hosts}); "
            "--also HOST takes those of one host, --any-host all"
        )
    return session.collected()


def urls(path: str | Path, settings: UrlsSettings, tell: Tell = silent) -> Collected:
    """Pictures of a list.

    Raises:
        SourceError: the list cannot be read.
        RunLockedError: another process collects into the folder.
    """
    path = Path(path).expanduser()
    addresses = lists.AddressList(path, settings.columns, skip=settings.skip)
    only, merged = settings.machines.only, settings.machines.merged
    if only is not None:
        work = Work.of("collect", [path], settings, settings.to)
        return _urls_of_part(addresses, settings, OnePart(work, only), tell)
    session = _session(f"urls: {path.name}", settings, tell)
    if merged:
        return _urls_of_parts(addresses, session, merged)
    return _fetched(addresses, addresses, session, settings)


def _fetched(
    found: Iterable[Found],
    addresses: lists.AddressList,
    session: CollectSession,
    settings: UrlsSettings,
) -> Collected:
    with Web(settings.manners) as web, session:
        Gatherer(web, session, Robots(web) if settings.robots else None).run(found)
    session.notes += addresses.notes
    return session.collected()


def _urls_of_part(
    addresses: lists.AddressList, settings: UrlsSettings, part: OnePart, tell: Tell
) -> Collected:
    """The addresses of one part, into a folder of its own."""
    mine = (found for found in addresses if part.only.owns(_plain(found.url)))
    with part:
        inside = replace(settings, to=part.folder / FOUND)
        session = _session(f"urls: {Path(part.work.arguments[0]).name}", inside, tell)
        collected = _fetched(mine, addresses, session, settings)
        if not collected.interrupted:
            part.finish()
    return replace(collected, next=part.done().next_step)


def _urls_of_parts(
    addresses: lists.AddressList, session: CollectSession, folders: Sequence[Path]
) -> Collected:
    """What all parts collected, in the order of the list: of equal pictures the first is kept."""
    kept = [LinesByAddress(folder / FOUND / MANIFEST) for folder in folders]
    refused = [LinesByAddress(folder / FOUND / HIDDEN / REFUSED) for folder in folders]
    with session:
        for found in addresses:
            url = _plain(found.url)
            number = part_of(url, len(folders)) - 1
            line, refusal = kept[number].get(url), refused[number].get(url)
            if session.collection.knows(url):
                session.known += 1
            elif line is not None:
                session.adopt(folders[number] / FOUND, line)
            elif refusal is not None and session.collection.has(refusal.get("sha256")):
                session.adopt(folders[number] / FOUND, refusal)
            elif refusal is not None:
                session.refused[str(refusal["reason"]).partition(":")[0]] += 1
                session.collection.refuse(url, refusal["reason"], final=refusal["final"])
    session.notes += addresses.notes
    return session.collected()


def _plain(url: str) -> str:
    """The address in the form in which collections know it."""
    try:
        return clean(url)
    except RefusedError:
        return url


def public_set(name: str, settings: SetSettings, tell: Tell = silent) -> Collected:
    """A public set as pictures in class folders, with ``attributes.csv`` if it has attributes.

    Raises:
        SourceError: no such set, files that are missing, or not the published ones.
        RunLockedError: another process collects into the folder.
    """
    public = public_sets.public_set(name)
    settings = replace(settings, limits=settings.limits.or_least_side(1))
    session = _session(f"set: {public.name}", settings, tell)
    with session:
        place = settings.files
        if place is None:
            place = session.collection.folder / ".collect" / "sets" / public.name
            with Web(settings.manners) as web:
                public_sets.download(public, settings.mirror, place, web, tell)
        files = public_sets.locate(public, Path(place).expanduser())
        tell(f"checking {public.name}", 0, 0)
        strange = public_sets.verify(public, files, trust=settings.trust)
        if strange:
            session.notes.append(f"not the published files, taken on trust: {', '.join(strange)}")
        session.notes.append(f"terms of {public.name}: {public.terms}")
        session.take(public_sets.deliveries(public, files, settings.part))
    return session.collected()


def from_img2dataset(
    folder: str | Path, settings: ImportSettings, tell: Tell = silent
) -> Collected:
    """Take over img2dataset's output: the same folder, names and manifest as everything else.

    Raises:
        SourceError: the folder holds no such output.
        RunLockedError: another process collects into the folder.
    """
    folder, most = Path(folder).expanduser(), settings.limits.most_bytes
    shards = img2dataset.FetchedShards(folder, settings.columns, most_bytes=most)
    session = _session(f"img2dataset: {folder.name}", settings, tell)
    with session:
        session.take(shards)
    session.refused.update(shards.refused)
    session.notes += shards.notes
    return session.collected()


def _session(request: str, settings: CollectSettings, tell: Tell) -> CollectSession:
    to = Path(settings.to).expanduser()
    return CollectSession(to, request, limits=settings.limits, count=settings.count, tell=tell)


_WAYS: Mapping[type, Callable[[Any, Any, Tell], Collected]] = {
    SearchSettings: search,
    CrawlSettings: crawl,
    UrlsSettings: urls,
    SetSettings: public_set,
    ImportSettings: from_img2dataset,
}
